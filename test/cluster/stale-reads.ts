/** Stale reads: never older than requested, and never a value that was not written. */

import type { ReadCall } from '../../src/client/core/call.ts';
import type { Row } from '../../src/machine/row.ts';
import { bytesOf, CLOCK, type Customer } from './customer.ts';
import type { Truth } from './truth.ts';
import type { Workload } from './workload.ts';

interface StaleRead {
  readonly key: string;
  readonly ageMilliseconds: number;
  readonly invoke: number;
  readonly end: number;
  readonly row: Row | undefined;
}

interface StaleReadsOptions {
  /** Keys that others write. */
  readonly keys: readonly string[];
}

export class StaleReads implements Workload {
  readonly #options: StaleReadsOptions;
  readonly #reads: StaleRead[] = [];

  constructor(options: StaleReadsOptions) {
    this.#options = options;
  }

  step(customer: Customer, done: () => void): void {
    const key = customer.random.pick(this.#options.keys);
    const ageMilliseconds = customer.random.pick([20, 100, 500, 3000]);
    const invoke = customer.now;
    customer.call<ReadCall>(
      {
        type: 'read',
        keys: [bytesOf(key)],
        level: { type: 'stale', ageMilliseconds },
        isJoint: false,
      },
      (result) => {
        if (result.type === 'rows') {
          customer.hit('read stale');
          const [row] = result.rows;
          this.note({ key, ageMilliseconds, invoke, end: customer.now, row });
        }
        done();
      },
    );
  }

  note(read: StaleRead): void {
    this.#reads.push(read);
  }

  /** They are checked against the written values, without a final read. */
  finish(_customer: Customer, done: () => void): void {
    done();
  }

  judge(truth: Truth): void {
    for (const read of this.#reads) {
      const changes = truth.changesOf(read.key);
      const at = this.#placeOf(truth, read);
      const next = changes[at + 1];
      if (next === undefined) continue;
      const oldest = read.ageMilliseconds / CLOCK.slowest;
      const age = read.invoke - next.at;
      if (age > oldest) {
        truth.fail('stale', `${read.key} was ${age} ms old, not ${read.ageMilliseconds}`);
      }
    }
  }

  /** Which of the key's changes was seen; -1 for its state before the first. */
  #placeOf(truth: Truth, { key, row, end, invoke, ageMilliseconds }: StaleRead): number {
    const changes = truth.changesOf(key);
    if (row !== undefined) {
      const at = changes.findIndex(({ index }) => index === row.version);
      const change = changes[at];
      const isSame = change?.row !== undefined && Buffer.compare(change.row.value, row.value) === 0;
      if (!isSame || change.at > end) truth.fail('stale', `${key} was read and never written`);
      return at;
    }
    // Of all moments at which the key was absent, the latest is the most favourable one.
    const gone = changes.findLastIndex((change) => change.row === undefined && change.at <= end);
    const first = changes[0];
    const oldest = ageMilliseconds / CLOCK.slowest;
    if (gone < 0 && first !== undefined && invoke - first.at > oldest) {
      truth.fail('stale', `${key} was not seen ${invoke - first.at} ms after it was written`);
    }
    return gone;
  }
}
