/** The writes of one shard that are not on disk yet, ordered, in memory. */

import { Arena } from './arena.ts';
import type { SlabPool } from './slab-pool.ts';
import { NO_ROW, SortedRows, type SortedView } from './sorted-rows.ts';
import type { Place } from './state-key.ts';

/** The overhead of a row in the tree. */
const ROW_OVERHEAD_BYTES = 32;

/** By section. */
export type LayerView = readonly (SortedView | undefined)[];

export class Memtable {
  /** All rows, of all sections. */
  readonly arena: Arena;
  readonly #sections: (SortedRows | undefined)[] = [];
  /**
   * Rows of keys that no older layer in memory has: the value that each replaces on disk must still
   * be subtracted from the state hash. It does not change before this memtable is written.
   */
  unsettled: number[] = [];
  /** Those of the unsettled rows that the disk is being asked for. */
  settling: number[] = [];
  /**
   * The number of rows, first in `settling` and then in `unsettled`, that a fingerprint waits for.
   */
  awaited = 0;
  /** The number of written keys. */
  rows = 0;

  constructor(place: Place, pool: SlabPool) {
    this.arena = new Arena(place, pool);
  }

  get hasUnsettled(): boolean {
    return this.unsettled.length + this.settling.length > 0;
  }

  /** The memory taken, including replaced rows. */
  get bytes(): number {
    return this.arena.bytes + this.rows * ROW_OVERHEAD_BYTES;
  }

  /** The value, which belongs to the caller; `TOMBSTONE` if deleted; undefined if not here. */
  get(section: number, key: Uint8Array): Uint8Array | undefined {
    const row = this.find(section, key);
    return row === NO_ROW ? undefined : this.arena.value(row);
  }

  /** The row of a key, or `NO_ROW`. */
  find(section: number, key: Uint8Array): number {
    return this.#sections[section]?.find(key) ?? NO_ROW;
  }

  /** Inserts a new row of the arena, unless its key has one. Returns the row of the key. */
  place(section: number, row: number): number {
    const held = this.#rowsOf(section).place(row);
    if (held === row) this.rows += 1;
    return held;
  }

  /** The last added row replaces the row of its key. */
  replace(section: number, held: number, row: number): void {
    if (!this.arena.rewrite(held, row)) this.#rowsOf(section).replace(row);
  }

  /** A view of the present rows that may outlive this memtable. */
  share(): LayerView {
    this.arena.share();
    return this.view();
  }

  /** A view that is valid for the lifetime of this memtable. */
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
