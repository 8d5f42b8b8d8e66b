/** The segments that are needed, oldest first, and those that are on their way out. */

import { present } from '../base/assert.ts';
import type { LiveBytes } from './live-bytes.ts';
import type { SegmentHeader } from './log-segment.ts';

export class SegmentChain {
  readonly #live: LiveBytes;
  readonly #salts = new Map<number, number>();
  #epochs: number[] = [];
  #freed: number[] = [];

  constructor(live: LiveBytes) {
    this.#live = live;
  }

  get length(): number {
    return this.#epochs.length;
  }

  /** 0 while there is none. */
  get oldest(): number {
    return this.#epochs[0] ?? 0;
  }

  /** Some are not needed, but not yet known as such to both copies of the promises. */
  get hasFreed(): boolean {
    return this.#freed.length > 0;
  }

  add({ epoch, salt }: SegmentHeader): void {
    this.#epochs.push(epoch);
    this.#salts.set(epoch, salt);
  }

  /** For one that is read from and not counted among the needed ones. */
  know({ epoch, salt }: SegmentHeader): void {
    this.#salts.set(epoch, salt);
  }

  saltOf(epoch: number): number {
    return present(this.#salts.get(epoch), 'what is read from is a segment of this log');
  }

  /** Lets go of segments in which nothing counts any more, from the oldest on. */
  free(): void {
    while (this.#epochs.length > 1 && this.#live.recordsIn(this.oldest) === 0) {
      const { oldest } = this;
      this.#epochs.shift();
      this.#salts.delete(oldest);
      this.#live.forget(oldest);
      this.#freed.push(oldest);
    }
  }

  takeFreed(): readonly number[] {
    const freed = this.#freed;
    this.#freed = [];
    return freed;
  }
}
