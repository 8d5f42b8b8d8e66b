/** Writes of one shard that are not on disk yet, in order, in memory. */

import { Arena } from './arena.ts';
import type { SlabPool } from './slab-pool.ts';
import { NO_ROW, SortedRows, type SortedView } from './sorted-rows.ts';
import type { Place } from './state-key.ts';

/** A row's share of the tree. */
const ROW_OVERHEAD_BYTES = 32;

/** By section. */
export type LayerView = readonly (SortedView | undefined)[];

export class Memtable {
  /** All rows, of all sections. */
  readonly arena: Arena;
  readonly #sections: (SortedRows | undefined)[] = [];
  /**
   * Rows whose keys were written here and not below, so what they replace on disk is still to be
   * subtracted from the state hash. That does not change before this memtable is written.
   */
  unsettled: number[] = [];
  /** Those of them that the disk has been asked for. */
  settling: number[] = [];
  /** How many rows, at the front of `settling` and then of `unsettled`, a fingerprint waits for. */
  awaited = 0;
  /** How many keys were written. */
  rows = 0;

  constructor(place: Place, pool: SlabPool) {
    this.arena = new Arena(place, pool);
  }

  get hasUnsettled(): boolean {
    return this.unsettled.length + this.settling.length > 0;
  }

  /** All that was taken for it, replaced rows too. */
  get bytes(): number {
    return this.arena.bytes + this.rows * ROW_OVERHEAD_BYTES;
  }

  /** The value, the receiver's to keep; `TOMBSTONE` where it is gone; undefined if not here. */
  get(section: number, key: Uint8Array): Uint8Array | undefined {
    const row = this.find(section, key);
    return row === NO_ROW ? undefined : this.arena.value(row);
  }

  /** The row of a key, or `NO_ROW`. */
  find(section: number, key: Uint8Array): number {
    return this.#sections[section]?.find(key) ?? NO_ROW;
  }

  /** Takes in a new row of the arena, unless its key has one: says which one it has now. */
  place(section: number, row: number): number {
    const held = this.#rowsOf(section).place(row);
    if (held === row) this.rows += 1;
    return held;
  }

  /** The row that was added last takes the place of the one with its key. */
  replace(section: number, held: number, row: number): void {
    if (!this.arena.rewrite(held, row)) this.#rowsOf(section).replace(row);
  }

  /** What is here now, to be looked at as long as anybody likes. */
  share(): LayerView {
    this.arena.share();
    return this.view();
  }

  /** The same, for as long as this memtable lives. */
  view(): LayerView {
    return Array.from(this.#sections, (rows) => rows?.view());
  }

  #rowsOf(section: number): SortedRows {
    let rows = this.#sections[section];
    if (rows === undefined) {
      rows = new SortedRows(this.arena);
      this.#sections[section] = rows;
    }
    return rows;
  }
}
