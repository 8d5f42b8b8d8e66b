/** Records that wait for the next batch, and who is told when they are durable. */

import { present } from '../base/assert.ts';
import type { LogRecord } from './log.ts';
import { bytesOf } from './log-scribe.ts';

interface Queued {
  /** None for an append of nothing: only its callback has to keep its place. */
  readonly record: LogRecord | undefined;
  /** At the last record of an append. */
  readonly onDurable: (() => void) | undefined;
}

export class AppendQueue {
  #queued: Queued[] = [];

  get length(): number {
    return this.#queued.length;
  }

  /** Room that the first record needs in a batch. */
  get firstBytes(): number {
    const first = this.#queued[0]?.record;
    return first === undefined ? 0 : bytesOf(first);
  }

  push(records: readonly LogRecord[], onDurable: () => void): void {
    const last = records.length - 1;
    records.forEach((record, at) => {
      this.#queued.push({ record, onDurable: at === last ? onDurable : undefined });
    });
    if (last < 0) this.#queued.push({ record: undefined, onDurable });
  }

  clear(): void {
    this.#queued = [];
  }

  /** Hands out what fits, in order. Says who waits for it and how much room is left. */
  take(
    room: number,
    write: (record: LogRecord) => void,
  ): { readonly callbacks: readonly (() => void)[]; readonly left: number } {
    const callbacks: (() => void)[] = [];
    let left = room;
    let taken = 0;
    for (; taken < this.#queued.length; taken++) {
      const { record, onDurable } = present(this.#queued[taken], 'the queue is as long as it says');
      const needed = record === undefined ? 0 : bytesOf(record);
      if (needed > left) break;
      left -= needed;
      if (record !== undefined) write(record);
      if (onDurable !== undefined) callbacks.push(onDurable);
    }
    this.#queued = taken === this.#queued.length ? [] : this.#queued.slice(taken);
    return { callbacks, left };
  }
}
