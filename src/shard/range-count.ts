/**
 * Counts the rows of clients' keys in some ranges of a shard: how many they are, and the bytes of
 * their keys and values. It is made by one walk over the ranges, in slices, while entries go on to
 * be applied; afterwards it follows each entry, and is exact.
 */

import { compareBytes, keyBehind } from '../base/bytes.ts';
import { decodeRow } from '../machine/row.ts';
import type { StateRow } from '../storage/state/state.ts';
import { SHARD_LIMITS } from './limits.ts';

/** Keys in [from, to); no bytes leave the end open. */
export interface RangeBounds {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

/** Ascending, and none touches the next one. Nodes know them by the number. */
export interface CountedRanges {
  readonly id: number;
  readonly ranges: readonly RangeBounds[];
}

/** What an entry makes of a row: its size before and after, undefined for no row. */
export interface SizeChange {
  readonly key: Uint8Array;
  readonly before: number | undefined;
  readonly after: number | undefined;
}

/** Rows that are read next, as of a view that was opened when the slice began. */
export type Slice = RangeBounds;

export class RangeCount {
  readonly counted: CountedRanges;
  keys = 0;
  bytes = 0;
  /** The range that is walked; behind the last one: all are counted. */
  #at = 0;
  /** All keys of the ranges before this one are counted. */
  #next: Uint8Array;
  #slice: Slice | undefined;
  /** Changes behind `#next` since the slice began: its view does not have them. */
  #pending: SizeChange[] = [];

  constructor(counted: CountedRanges) {
    this.counted = counted;
    this.#next = counted.ranges[0]?.from ?? NO_KEY;
  }

  get isComplete(): boolean {
    return this.#at >= this.counted.ranges.length;
  }

  covers(key: Uint8Array): boolean {
    const { ranges } = this.counted;
    // The last one that does not begin behind the key: a user may have thousands.
    let [low, high] = [0, ranges.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareBytes((ranges[middle] as RangeBounds).from, key) <= 0) low = middle + 1;
      else high = middle;
    }
    const range = ranges[low - 1];
    return range !== undefined && isIn(range, key);
  }

  /** Of an entry that is about to be applied. */
  note(change: SizeChange): void {
    if (!this.covers(change.key)) return;
    if (this.isComplete || compareBytes(change.key, this.#next) < 0) return this.#add(change);
    // What comes behind the slice is read later, with the change.
    if (this.#slice === undefined) return;
    // Its bytes may be those of a row that is written in place.
    this.#pending.push({ ...change, key: change.key.slice() });
    if (this.#pending.length > SHARD_LIMITS.countPendingMax) this.#drop();
  }

  /** The next slice: the caller opens a view now. Undefined if all is counted, or one is read. */
  begin(): Slice | undefined {
    const range = this.counted.ranges[this.#at];
    if (range === undefined || this.#slice !== undefined) return undefined;
    this.#slice = { from: this.#next, to: range.to };
    return this.#slice;
  }

  /** The first rows of the slice; none: it has no more. Without effect if it was dropped. */
  take(slice: Slice, rows: readonly StateRow[]): void {
    if (slice !== this.#slice) return;
    for (const { key, value } of rows) {
      this.#add({ key, before: undefined, after: sizeOf(key, value) });
    }
    const last = rows.at(-1)?.key;
    const [end, pending] = [last && keyBehind(last), this.#pending];
    this.#drop();
    // Those behind the range of the slice are in a later slice.
    const read = { from: slice.from, to: end ?? slice.to };
    for (const change of pending) if (isIn(read, change.key)) this.#add(change);
    if (end === undefined) this.#at += 1;
    this.#next = end ?? this.counted.ranges[this.#at]?.from ?? NO_KEY;
  }

  /** The slice could not be read: it is begun again. */
  giveUp(slice: Slice): void {
    if (slice === this.#slice) this.#drop();
  }

  #drop(): void {
    this.#slice = undefined;
    this.#pending = [];
  }

  #add({ before, after }: SizeChange): void {
    this.keys += (after === undefined ? 0 : 1) - (before === undefined ? 0 : 1);
    this.bytes += (after ?? 0) - (before ?? 0);
  }
}

/** Of a key and its value, from the row that is stored. */
export function sizeOf(key: Uint8Array, row: Uint8Array): number {
  return key.length + (decodeRow(row)?.value.length ?? 0);
}

function isIn({ from, to }: RangeBounds, key: Uint8Array): boolean {
  return compareBytes(from, key) <= 0 && (to.length === 0 || compareBytes(key, to) < 0);
}

const NO_KEY = new Uint8Array();
