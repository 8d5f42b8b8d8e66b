/** One file of tests, run in a process of its own. */

import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { run } from 'node:test';
import { spec as SpecReporter } from 'node:test/reporters';

export interface Counts {
  readonly passed: number;
  /** Also those that Node ended, or that never ended. */
  readonly failed: number;
}

export interface FileRun {
  /** The source of the tests. */
  readonly path: string;
  readonly seconds: number;
  readonly counts: Counts;
  readonly isFailed: boolean;
  /** The program that ran this file behind others in one process. */
  readonly groupProgram: string | undefined;
  /** Every test by its name, then the failures. */
  readonly report: () => Promise<string>;
  /** The failures alone, and what the file wrote meanwhile. */
  readonly failures: () => Promise<string>;
}

/** What the runner of Node says; of its many fields, those that are read here. */
export interface TestEvent {
  readonly type: string;
  readonly data: {
    readonly name?: string;
    readonly message?: string;
    readonly file?: string;
    readonly details?: { readonly type?: string; readonly error?: { readonly message?: string } };
  };
}

/** The reporter tells a failure in its place, and all of them in full behind this line. */
const FAILURES_TITLE = '✖ failing tests:';

/** Far more than any file needs: a failed test can leave a store open, which never ends. */
const SECONDS_MAX = Number(process.env.RINGKV_TEST_FILE_SECONDS ?? 600);

/** What Node says of the tests of a program, without its summary. */
export async function* eventsOf(program: string): AsyncGenerator<TestEvent> {
  const options = { files: [program], concurrency: 1, timeout: SECONDS_MAX * 1000 };
  for await (const event of run(options)) {
    if (!isSummary(event)) yield event;
  }
}

export async function runFile(path: string, program: string): Promise<FileRun> {
  const startedAt = performance.now();
  const events: TestEvent[] = [];
  for await (const event of eventsOf(program)) events.push(event);
  const seconds = (performance.now() - startedAt) / 1000;
  if (endedEarly(events, program)) events.push(unfinished(path));
  return fileRunOf(path, events, { seconds, groupProgram: undefined });
}

export function fileRunOf(
  path: string,
  events: readonly TestEvent[],
  how: Pick<FileRun, 'seconds' | 'groupProgram'>,
): FileRun {
  return {
    path,
    ...how,
    counts: countsOf(events),
    isFailed: events.some(({ type }) => type === 'test:fail'),
    report: () => printed(events),
    failures: () => printedFailures(events),
  };
}

/** Told of a file whose process has ended, with whatever code, before its tests had. */
export function unfinished(path: string): TestEvent {
  const error = new Error('the process ended, or was ended, during this file');
  return { type: 'test:fail', data: { name: path, details: { error } } };
}

/** By `process.exit(0)`, for example: Node reports no failure then. */
function endedEarly(events: readonly TestEvent[], program: string): boolean {
  const tests = events.filter(({ data }) => resolve(data.name ?? '') !== resolve(program));
  const count = (pattern: RegExp) => tests.filter(({ type }) => pattern.test(type)).length;
  const isFailed = events.some(({ type }) => type === 'test:fail');
  const begun = count(/^test:enqueue$/);
  return !isFailed && (begun === 0 || count(/^test:pass$/) < begun);
}

/** A diagnostic that no place in a file has written: `tests 12`. */
function isSummary({ type, data }: TestEvent): boolean {
  return type === 'test:diagnostic' && data.file === undefined;
}

function countsOf(events: readonly TestEvent[]): Counts {
  const tests = events.filter(({ data }) => data.details?.type !== 'suite');
  const count = (type: string) => tests.filter((event) => event.type === type).length;
  return { passed: count('test:pass'), failed: count('test:fail') };
}

async function printed(events: readonly TestEvent[]): Promise<string> {
  let text = '';
  for await (const piece of Readable.from(events).compose(new SpecReporter())) text += piece;
  return text.trimEnd();
}

async function printedFailures(events: readonly TestEvent[]): Promise<string> {
  const written = events.filter(({ type }) => /stdout|stderr/.test(type));
  const output = written.map(({ data }) => data.message ?? '').join('');
  const failures = await printed(events.filter(({ type }) => type === 'test:fail'));
  const titleAt = failures.indexOf(FAILURES_TITLE);
  return output + failures.slice(titleAt < 0 ? 0 : titleAt + FAILURES_TITLE.length).trimStart();
}
