/** The needed segments, oldest first, and those that are about to be released. */

import { present } from '../../base/assert.ts';
import type { Keyring } from '../sealing/keyring.ts';
import { type RecordSeal, sealOf } from '../sealing/record-seal.ts';
import type { LiveBytes } from './live-bytes.ts';
import type { SegmentHeader } from './log-segment.ts';

type Segment = Pick<SegmentHeader, 'epoch' | 'salt' | 'size' | 'incarnation' | 'life'>;

export class SegmentChain {
  readonly #live: LiveBytes;
  /** Segments that are read, by epoch. */
  readonly #known = new Map<number, Segment>();
  readonly #needed: Segment[] = [];
  #freed: Segment[] = [];
  readonly #keyring: Keyring | undefined;
  /** By epoch, derived at the first use. */
  readonly #seals = new Map<number, RecordSeal | undefined>();

  constructor(live: LiveBytes, keyring: Keyring | undefined) {
    this.#live = live;
    this.#keyring = keyring;
  }

  get length(): number {
    return this.#needed.length;
  }

  /** 0 if there is none. */
  get oldest(): number {
    return this.#needed[0]?.epoch ?? 0;
  }

  /** Some segments are no longer needed, but not both hard-state copies record that yet. */
  get hasFreed(): boolean {
    return this.#freed.length > 0;
  }

  /** The size of all needed segments. */
  get bytes(): number {
    return this.#needed.reduce((sum, { size }) => sum + size, 0);
  }

  add(segment: Segment): void {
    this.know(segment);
    this.#needed.push(segment);
  }

  /** Adds a segment that is read but not needed afterwards. */
  know(segment: Segment): void {
    this.#known.set(segment.epoch, segment);
  }

  saltOf(epoch: number): number {
    return present(this.#known.get(epoch), 'a location refers to a segment of this log').salt;
  }

  /** Undefined for a plain segment. */
  sealOf(epoch: number): RecordSeal | undefined {
    if (!this.#seals.has(epoch)) {
      const segment = present(this.#known.get(epoch), 'a location refers to a segment of this log');
      this.#seals.set(epoch, sealOf(this.#keyring, segment));
    }
    return this.#seals.get(epoch);
  }

  /** Frees segments without live records, from the oldest on. */
  free(): void {
    while (this.#needed.length > 1 && this.#live.recordsIn(this.oldest) === 0) {
      const freed = present(this.#needed.shift(), 'a chain has a first segment');
      this.#known.delete(freed.epoch);
      this.#seals.delete(freed.epoch);
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
