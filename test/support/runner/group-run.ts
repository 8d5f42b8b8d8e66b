/** Several files of tests in one process, one after the other: it starts and imports once. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  eventsOf,
  type FileRun,
  fileRunOf,
  runFile,
  type TestEvent,
  unfinished,
} from './file-run.ts';
import { BEGINNING, ENDING } from './group-marks.ts';
import type { GroupedFile } from './group-worker.ts';

const WORKER = new URL('./group-worker.js', import.meta.url);

export interface Group {
  readonly paths: readonly string[];
  /** Where to write the program of the group; it stays there, to be run again by hand. */
  readonly program: string;
}

/** What one file of the group has said. */
interface Part {
  readonly path: string;
  readonly events: TestEvent[];
  readonly startedAt: number;
  endedAt: number;
}

/**
 * Tells of each file as it ends. If the process ends in the middle of a file, that file has failed,
 * and those behind it run one by one. If the process fails with no test to blame, each file runs
 * again alone, and the group counts as a failed file whatever comes out.
 */
export async function runGroup(
  { paths, program }: Group,
  builtFrom: (path: string) => string,
  tell: (done: FileRun) => Promise<void>,
): Promise<void> {
  writeProgram(program, paths, builtFrom);
  const parts: Part[] = [];
  let isEnded = false;
  /** What is said of the process as a whole. */
  const ofProcess: TestEvent[] = [];
  const startedAt = performance.now();
  const finished = (part: Part) => tell(runOf(part, program));

  for await (const event of eventsOf(program)) {
    const { name = '' } = event.data;
    const part = parts.at(-1);
    if (name.startsWith(BEGINNING) || name === ENDING) {
      if (event.type !== 'test:start') continue;
      if (part !== undefined) part.endedAt = performance.now();
      if (part !== undefined) await finished(part);
      isEnded = name === ENDING;
      if (!isEnded) parts.push(partOf(name.slice(BEGINNING.length)));
    } else if (isOfProcess(event, program)) ofProcess.push(event);
    else if (part !== undefined) part.events.push(event);
    else ofProcess.push(event);
  }

  const last = parts.at(-1);
  const failure = ofProcess.some(({ type }) => type === 'test:fail') ? ofProcess : undefined;
  if (!isEnded && last !== undefined) {
    last.endedAt = performance.now();
    last.events.push(...(failure ?? []), unfinished(last.path));
    await finished(last);
    await runAlone(paths.slice(parts.length), builtFrom, tell);
  } else if (!isEnded || failure !== undefined) {
    const seconds = (performance.now() - startedAt) / 1000;
    const events = failure ?? [unfinished(program)];
    await tell(fileRunOf(program, events, { seconds, groupProgram: program }));
    await runAlone(paths, builtFrom, tell);
  }
}

async function runAlone(
  paths: readonly string[],
  builtFrom: (path: string) => string,
  tell: (done: FileRun) => Promise<void>,
): Promise<void> {
  for (const path of paths) await tell(await runFile(path, builtFrom(path)));
}

function writeProgram(
  program: string,
  paths: readonly string[],
  builtFrom: (path: string) => string,
): void {
  const files = paths.map(
    (path): GroupedFile => ({ path, address: pathToFileURL(resolve(builtFrom(path))).href }),
  );
  mkdirSync(dirname(program), { recursive: true });
  const list = JSON.stringify(files, undefined, 2);
  writeFileSync(program, `import { runFiles } from '${WORKER.href}';\nawait runFiles(${list});\n`);
}

function partOf(path: string): Part {
  return { path, events: [], startedAt: performance.now(), endedAt: 0 };
}

function runOf({ path, events, startedAt, endedAt }: Part, groupProgram: string): FileRun {
  return fileRunOf(path, events, { seconds: (endedAt - startedAt) / 1000, groupProgram });
}

/** Node reports a program that ends with an error, or not at all, as a test with its path. */
function isOfProcess({ type, data }: TestEvent, program: string): boolean {
  return /^test:(?:pass|fail)$/.test(type) && resolve(data.name ?? '') === resolve(program);
}
