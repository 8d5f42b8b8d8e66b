/** The segments that are needed, oldest first, and those that are on their way out. */

import { present } from '../../base/assert.ts';
import type { LiveBytes } from './live-bytes.ts';
import type { SegmentHeader } from './log-segment.ts';

type Segment = Pick<SegmentHeader, 'epoch' | 'salt' | 'size'>;

export class SegmentChain {
  readonly #live: LiveBytes;
  /** Those that are read from, by epoch. */
  readonly #known = new Map<number, Segment>();
  readonly #needed: Segment[] = [];
  #freed: Segment[] = [];

  constructor(live: LiveBytes) {
    this.#live = live;
  }

  get length(): number {
    return this.#needed.length;
  }

  /** 0 while there is none. */
  get oldest(): number {
    return this.#needed[0]?.epoch ?? 0;
  }

  /** Some are not needed, but not yet known as such to both copies of the promises. */
  get hasFreed(): boolean {
    return this.#freed.length > 0;
  }

  /** Of all that are needed. */
  get bytes(): number {
    return this.#needed.reduce((sum, { size }) => sum + size, 0);
  }

  add(segment: Segment): void {
    this.know(segment);
    this.#needed.push(segment);
  }

  /** For one that is read from and not counted among the needed ones. */
  know(segment: Segment): void {
    this.#known.set(segment.epoch, segment);
  }

  saltOf(epoch: number): number {
    return present(this.#known.get(epoch), 'what is read from is a segment of this log').salt;
  }

  /** Lets go of segments in which nothing counts any more, from the oldest on. */
  free(): void {
    while (this.#needed.length > 1 && this.#live.recordsIn(this.oldest) === 0) {
      const freed = present(this.#needed.shift(), 'a chain has a first segment');
      this.#known.delete(freed.epoch);
      this.#live.forget(freed.epoch);
      this.#freed.push(freed);
    }
  }

  takeFreed(): readonly Segment[] {
    const freed = this.#freed;
    this.#freed = [];
    return freed;
  }
}
