/** A worker: one process of the history, which calls the public client and records the calls. */

import type { Random } from '../../../src/base/random.ts';
import { type Client, KvError } from '../../../src/index.ts';
import type { Outcome } from '../../checkers/model.ts';
import { type Fields, type HistoryWriter, microseconds } from './history.ts';

interface WorkerParts {
  readonly kv: Client;
  readonly number: number;
  readonly random: Random;
  readonly history: HistoryWriter;
  readonly isOver: () => boolean;
}

export class Worker {
  readonly kv: Client;
  readonly number: number;
  readonly random: Random;
  readonly #history: HistoryWriter;
  readonly #isOver: () => boolean;
  #operations = 0;
  #values = 0;

  constructor({ kv, number, random, history, isOver }: WorkerParts) {
    this.kv = kv;
    this.number = number;
    this.random = random;
    this.#history = history;
    this.#isOver = isOver;
  }

  get isOver(): boolean {
    return this.#isOver();
  }

  /** A text that no other call writes. */
  value(): string {
    this.#values += 1;
    return `${this.number}.${this.#values}`;
  }

  /** A number that no other call writes. */
  element(): number {
    this.#values += 1;
    return this.number * 1_000_000 + this.#values;
  }

  /** What ends the operation that begins here. */
  begin(workload: string, input: Fields): (outcome: Outcome, rest?: Ending) => void {
    this.#operations += 1;
    const operation = this.#operations;
    const process = this.number;
    this.#history.write({
      type: 'invoke',
      process,
      operation,
      workload,
      time: microseconds(),
      input,
    });
    return (outcome, rest = {}) => {
      const time = microseconds();
      this.#history.write({ type: 'return', process, operation, time, outcome, ...rest });
    };
  }

  /** One call as one operation. Undefined unless it took effect, or was answered. */
  async call<T>(
    { workload, input }: { readonly workload: string; readonly input: Fields },
    work: () => Promise<T>,
    outputOf: (result: T) => Fields = () => ({}),
  ): Promise<T | undefined> {
    const end = this.begin(workload, input);
    try {
      const result = await work();
      end('ok', { output: outputOf(result) });
      return result;
    } catch (error) {
      end(...endingOf(error));
      return undefined;
    }
  }

  pause(milliseconds: number): Promise<void> {
    return new Promise((resume) => setTimeout(resume, milliseconds));
  }
}

interface Ending {
  readonly output?: Fields;
  readonly error?: string;
  readonly text?: string;
}

/** A write whose answer was lost took effect at some time: its outcome is unknown. */
export function endingOf(error: unknown): [Outcome, Ending] {
  if (!(error instanceof KvError))
    return ['unknown', { error: 'no-kv-error', text: String(error) }];
  const { outcome, code, message } = error;
  return [outcome === 'notApplied' ? 'failed' : 'unknown', { error: code, text: message }];
}
