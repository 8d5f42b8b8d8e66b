/** The segments that are needed, oldest first, and those that are on their way out. */

import { present } from '../../base/assert.ts';
import type { LiveBytes } from './live-bytes.ts';
import type { SegmentHeader } from './log-segment.ts';

interface FreedSegment {
  readonly epoch: number;
  readonly size: number;
}

export class SegmentChain {
  readonly #live: LiveBytes;
  readonly #salts = new Map<number, number>();
  readonly #sizes = new Map<number, number>();
  #epochs: number[] = [];
  #freed: FreedSegment[] = [];
  #bytes = 0;

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

  /** Of all that are needed. */
  get bytes(): number {
    return this.#bytes;
  }

  add({ epoch, salt, size }: SegmentHeader): void {
    this.#epochs.push(epoch);
    this.#sizes.set(epoch, size);
    this.#bytes += size;
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
      const size = this.#sizes.get(oldest) ?? 0;
      this.#sizes.delete(oldest);
      this.#bytes -= size;
      this.#freed.push({ epoch: oldest, size });
    }
  }

  takeFreed(): readonly FreedSegment[] {
    const freed = this.#freed;
    this.#freed = [];
    return freed;
  }
}
