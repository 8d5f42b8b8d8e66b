/** One file of tests, run in a process of its own. */

import { Readable } from 'node:stream';
import { run } from 'node:test';
import { spec as SpecReporter } from 'node:test/reporters';

/** What is counted, in the order in which a report tells it. */
export const COUNTED = ['tests', 'pass', 'fail', 'cancelled'] as const;

export type Counts = Record<(typeof COUNTED)[number], number>;

export interface FileRun {
  /** The source of the tests. */
  readonly path: string;
  readonly seconds: number;
  readonly counts: Readonly<Counts>;
  readonly isFailed: boolean;
  /** Every test by its name, then the failures. */
  readonly report: () => Promise<string>;
  /** The failures alone, and what the file wrote meanwhile. */
  readonly failures: () => Promise<string>;
}

/** What the runner of Node says; of its many fields, those that are read here. */
interface TestEvent {
  readonly type: string;
  readonly data: { readonly message?: string; readonly file?: string };
}

/** The reporter tells a failure in its place, and all of them in full behind this line. */
const FAILURES_TITLE = '✖ failing tests:';

/** Far more than any file needs: a failed test can leave a store open, which never ends. */
const FILE_MILLISECONDS = 10 * 60_000;

export async function runFile(path: string, builtPath: string): Promise<FileRun> {
  const startedAt = performance.now();
  const events: TestEvent[] = [];
  const counts: Counts = { tests: 0, pass: 0, fail: 0, cancelled: 0 };
  const options = { files: [builtPath], concurrency: 1, timeout: FILE_MILLISECONDS };
  for await (const event of run(options)) {
    if (isSummary(event)) count(event.data.message ?? '', counts);
    else events.push(event);
  }
  return {
    path,
    seconds: (performance.now() - startedAt) / 1000,
    counts,
    isFailed: events.some(({ type }) => type === 'test:fail'),
    report: () => printed(events),
    failures: () => printedFailures(events),
  };
}

/** A diagnostic that no place in a file has written: `tests 12`. */
function isSummary({ type, data }: TestEvent): boolean {
  return type === 'test:diagnostic' && data.file === undefined;
}

function count(message: string, counts: Counts): void {
  const [word, number] = message.split(' ');
  const name = COUNTED.find((counted) => counted === word);
  if (name !== undefined) counts[name] = Number(number);
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
