/** The counts of a replica: derived from its state, no part of it, and the same on all replicas. */

import { nameOf } from '../base/bytes.ts';
import { SECTION } from '../machine/section.ts';
import type { StateWrite } from '../storage/state/state.ts';
import { type CountedRanges, RangeCount, type SizeChange, sizeOf } from './range-count.ts';

/** The row of a client's key as it is stored; undefined for none. */
type StoredRow = (key: Uint8Array) => Uint8Array | undefined;

export class RangeCounts {
  #counts: readonly RangeCount[] = [];
  /** What they were made for. */
  #wanted: readonly CountedRanges[] = [];

  get all(): readonly RangeCount[] {
    return this.#counts;
  }

  of(id: number): RangeCount | undefined {
    return this.#counts.find(({ counted }) => counted.id === id);
  }

  /** Those that are wanted still are kept. */
  want(wanted: readonly CountedRanges[]): void {
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    this.#counts = wanted.map((counted) => this.of(counted.id) ?? new RangeCount(counted));
  }

  /** Another state has taken the place of the one that was counted. */
  restart(): void {
    this.#counts = this.#wanted.map((counted) => new RangeCount(counted));
  }

  /** The writes of an entry that the store takes next. Throws what `stored` throws, for nothing. */
  apply(writes: readonly StateWrite[], stored: StoredRow): void {
    if (this.#counts.length === 0) return;
    const changes: SizeChange[] = [];
    // An entry may write a key twice; the store has it as it was before the entry.
    const sizes = new Map<string, number | undefined>();
    for (const { section, key, value } of writes) {
      if (section !== SECTION.values || !this.#counts.some((count) => count.covers(key))) continue;
      const name = nameOf(key);
      const before = sizes.has(name) ? sizes.get(name) : sizeIn(key, stored(key));
      const after = sizeIn(key, value);
      sizes.set(name, after);
      changes.push({ key, before, after });
    }
    for (const change of changes) for (const count of this.#counts) count.note(change);
  }
}

function sizeIn(key: Uint8Array, row: Uint8Array | undefined): number | undefined {
  return row === undefined ? undefined : sizeOf(key, row);
}
