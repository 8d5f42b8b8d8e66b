/**
 * Runs a program in its own namespaces for the network, mounts and processes, and removes what it
 * leaves behind: however it ends, the kernel ends what it started.
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Ground, survey, sweepShares } from './ground.ts';

export interface Enclosed {
  readonly folder: string;
  /** The prefix of names outside of the folder. */
  readonly name: string;
  readonly ground: Ground;
  /** A signal requests the end. */
  readonly signal: AbortSignal;
}

interface Program {
  /** `import.meta.url` of it. */
  readonly url: string;
  /** Its arguments, including all drawn values. */
  readonly words: readonly string[];
  /** Passed by this process to the program inside. */
  readonly enclosed: string | undefined;
  run(enclosed: Enclosed): Promise<number>;
}

const SPACES = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
const STOP_MILLISECONDS_MAX = 90_000;

/** Ends the process, with the code that `run` returns. */
export async function runEnclosed(program: Program): Promise<never> {
  const { enclosed } = program;
  const code = await (enclosed === undefined
    ? runOutside(program)
    : runInside(program, enclosed, { isEnclosed: true }));
  process.exit(code);
}

async function runOutside(program: Program): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'ringkv-nemesis-'));
  try {
    if (spawnSync('unshare', [...SPACES, 'true']).status !== 0) {
      return await runInside(program, folder, { isEnclosed: false });
    }
    const words = [fileURLToPath(program.url), ...program.words, `--enclosed=${folder}`];
    const child = spawn('unshare', [...SPACES, process.execPath, ...words], { stdio: 'inherit' });
    return await followed(child);
  } finally {
    rmSync(folder, { recursive: true, force: true });
    sweepShares(basename(folder));
  }
}

/** A terminal sends its signal to both; the inner one ends first, and reports. */
async function followed(child: ChildProcess): Promise<number> {
  let timer: NodeJS.Timeout | undefined;
  const stop = () => {
    timer ??= setTimeout(() => child.kill('SIGKILL'), STOP_MILLISECONDS_MAX);
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', () => {
    stop();
    // `unshare` itself does not pass it on.
    const children = `/proc/${child.pid}/task/${child.pid}/children`;
    spawnSync('sh', ['-c', `kill -TERM $(cat ${children})`]);
  });
  const code = await new Promise<number>((resolve) => {
    child.once('exit', (status) => resolve(status ?? 1));
  });
  clearTimeout(timer);
  return code;
}

async function runInside(
  program: Program,
  folder: string,
  { isEnclosed }: { readonly isEnclosed: boolean },
): Promise<number> {
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => stopping.abort());
  }
  const ground = survey(folder, isEnclosed);
  for (const what of ground.missing) console.log(`WITHOUT ${what}: this machine has none for us`);
  const { signal } = stopping;
  return await program.run({ folder, name: basename(folder), ground, signal });
}
