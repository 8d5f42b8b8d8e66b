/** The number of live records and bytes in each segment. */

import { assert } from '../../base/assert.ts';
import type { LiveAccount } from './location-table.ts';

interface Live {
  readonly epoch: number;
  records: number;
  bytes: number;
}

export class LiveBytes implements LiveAccount {
  readonly #segments = new Map<number, Live>();
  /** Most changes concern one segment: the current one, or the one that is truncated. */
  #last: Live | undefined;
  #total = 0;

  get total(): number {
    return this.#total;
  }

  recordsIn(epoch: number): number {
    return this.#segments.get(epoch)?.records ?? 0;
  }

  bytesIn(epoch: number): number {
    return this.#segments.get(epoch)?.bytes ?? 0;
  }

  add(epoch: number, bytes: number): void {
    const live = this.#of(epoch);
    live.records += 1;
    live.bytes += bytes;
    this.#total += bytes;
  }

  remove(epoch: number, bytes: number): void {
    const live = this.#of(epoch);
    assert(live.records > 0, 'a record that is removed was live');
    live.records -= 1;
    live.bytes -= bytes;
    this.#total -= bytes;
  }

  forget(epoch: number): void {
    assert(this.recordsIn(epoch) === 0, 'a segment that is freed has no live records');
    this.#segments.delete(epoch);
    this.#last = undefined;
  }

  #of(epoch: number): Live {
    if (this.#last?.epoch === epoch) return this.#last;
    let live = this.#segments.get(epoch);
    if (live === undefined) {
      live = { epoch, records: 0, bytes: 0 };
      this.#segments.set(epoch, live);
    }
    this.#last = live;
    return live;
  }
}
