/**
 * The history of a run: JSON lines, one when an operation begins and one when it ends. An operation
 * whose end is missing has an unknown outcome. README.md describes the format.
 */

import { createReadStream, createWriteStream, type WriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Outcome } from '../../checkers/model.ts';

export type Fields = Readonly<Record<string, unknown>>;

export interface Invoke {
  readonly type: 'invoke';
  /** A worker, with one operation open at a time. Numbers are unique in a run. */
  readonly process: number;
  /** Unique within the process. */
  readonly operation: number;
  readonly workload: string;
  /** Microseconds of the machine's monotone clock, which all processes share. */
  readonly time: number;
  readonly input: Fields;
}

export interface Return {
  readonly type: 'return';
  readonly process: number;
  readonly operation: number;
  readonly time: number;
  readonly outcome: Outcome;
  readonly output?: Fields;
  /** The code of the error, and its message. */
  readonly error?: string;
  readonly text?: string;
}

/** Both lines of an operation together. */
export interface Recorded {
  readonly process: number;
  readonly workload: string;
  readonly invoke: number;
  /** Infinite if the outcome is unknown. */
  readonly return: number;
  readonly outcome: Outcome;
  readonly input: Fields;
  readonly output: Fields;
  readonly error: string;
  readonly text: string;
}

export function microseconds(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

/** Writes one file of a history. */
export class HistoryWriter {
  readonly #stream: WriteStream;

  constructor(path: string) {
    this.#stream = createWriteStream(path, { flags: 'a' });
  }

  write(line: Invoke | Return): void {
    this.#stream.write(`${JSON.stringify(line)}\n`);
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#stream.end(resolve));
  }
}

/** All operations of some files, in the order of their beginnings. */
export async function readHistory(paths: readonly string[]): Promise<Recorded[]> {
  const recorded: Recorded[] = [];
  for (const path of paths) {
    const open = new Map<string, Invoke>();
    for await (const text of createInterface({ input: createReadStream(path) })) {
      const line = JSON.parse(text) as Invoke | Return;
      const name = `${line.process} ${line.operation}`;
      if (line.type === 'invoke') {
        open.set(name, line);
        continue;
      }
      const begun = open.get(name);
      if (begun === undefined) throw new Error(`${path}: operation ${name} ends but never began`);
      open.delete(name);
      recorded.push(together(begun, line));
    }
    for (const begun of open.values()) recorded.push(together(begun, undefined));
  }
  return recorded.sort((one, other) => one.invoke - other.invoke);
}

function together(begun: Invoke, ended: Return | undefined): Recorded {
  const { process, workload, time, input } = begun;
  const outcome = ended?.outcome ?? 'unknown';
  const isUnknown = ended === undefined || outcome === 'unknown';
  return {
    process,
    workload,
    invoke: time,
    return: isUnknown ? Number.POSITIVE_INFINITY : ended.time,
    outcome,
    input,
    output: ended?.output ?? {},
    error: ended?.error ?? '',
    text: ended?.text ?? '',
  };
}
