/**
 * Rows in the order of their keys, in leaves. Never changed, only replaced, so they serve as a
 * view: a batch copies the leaves that it touches, and shares all others.
 */

import { compare } from '../files/byte-order.ts';
import type { DiskRow } from './state-disk.ts';

type Leaf = readonly DiskRow[];

export interface RowChange {
  readonly key: Uint8Array;
  /** Undefined deletes the row. */
  readonly value: Uint8Array | undefined;
}

const LEAF_ROWS_MAX = 256;

export class InMemoryRows {
  /** None is empty. */
  readonly #leaves: readonly Leaf[];

  constructor(leaves: readonly Leaf[] = []) {
    this.#leaves = leaves;
  }

  get isEmpty(): boolean {
    return this.#leaves.length === 0;
  }

  find(key: Uint8Array): Uint8Array | undefined {
    const leaf = this.#leaves[this.#leafOf(key)];
    if (leaf === undefined) return undefined;
    const row = leaf[placeIn(leaf, key)];
    return row !== undefined && compare(row[0], 0, key, 0) === 0 ? row[1] : undefined;
  }

  /** Of several changes of one key the last one counts. */
  with(changes: readonly RowChange[]): InMemoryRows {
    const sorted = lastOfEach(changes);
    const leaves: Leaf[] = [];
    let next = 0;
    for (const [at, leaf] of this.#leaves.entries()) {
      const following = this.#leaves[at + 1]?.[0]?.[0];
      const first = next;
      while (next < sorted.length && isBefore(sorted[next], following)) next += 1;
      if (next === first) leaves.push(leaf);
      else pushLeaves(leaves, merged(leaf, sorted.slice(first, next)));
    }
    pushLeaves(leaves, merged([], sorted.slice(next)));
    return new InMemoryRows(leaves);
  }

  /** The first row at or behind a key, in rising order. */
  *from(key: Uint8Array): Generator<DiskRow> {
    let at = this.#leafOf(key);
    let leaf = this.#leaves[at] ?? [];
    for (let place = placeIn(leaf, key); ; place++) {
      while (place >= leaf.length) {
        at += 1;
        const next = this.#leaves[at];
        if (next === undefined) return;
        [leaf, place] = [next, 0];
      }
      yield leaf[place] as DiskRow;
    }
  }

  /** The rows before a key, in falling order. */
  *before(key: Uint8Array): Generator<DiskRow> {
    let at = this.#leafOf(key);
    let leaf = this.#leaves[at] ?? [];
    for (let place = placeIn(leaf, key) - 1; ; place--) {
      while (place < 0) {
        at -= 1;
        const next = this.#leaves[at];
        if (next === undefined) return;
        [leaf, place] = [next, next.length - 1];
      }
      yield leaf[place] as DiskRow;
    }
  }

  /** The leaf in which a key is, or would be. */
  #leafOf(key: Uint8Array): number {
    let low = 0;
    let high = this.#leaves.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const [first] = (this.#leaves[middle] as Leaf)[0] as DiskRow;
      if (compare(first, 0, key, 0) <= 0) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }
}

/** The number of rows before a key. */
function placeIn(leaf: Leaf, key: Uint8Array): number {
  let low = 0;
  let high = leaf.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compare((leaf[middle] as DiskRow)[0], 0, key, 0) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isBefore(change: RowChange | undefined, key: Uint8Array | undefined): boolean {
  return change !== undefined && (key === undefined || compare(change.key, 0, key, 0) < 0);
}

function lastOfEach(changes: readonly RowChange[]): readonly RowChange[] {
  // The sort is stable: of one key the last change stays last.
  const sorted = [...changes].sort((one, other) => compare(one.key, 0, other.key, 0));
  return sorted.filter((change, at) => {
    const next = sorted[at + 1];
    return next === undefined || compare(change.key, 0, next.key, 0) !== 0;
  });
}

function merged(leaf: Leaf, changes: readonly RowChange[]): DiskRow[] {
  const rows: DiskRow[] = [];
  let at = 0;
  for (const { key, value } of changes) {
    const end = placeIn(leaf, key);
    while (at < end) rows.push(leaf[at++] as DiskRow);
    const row = leaf[at];
    if (row !== undefined && compare(row[0], 0, key, 0) === 0) at += 1;
    if (value !== undefined) rows.push([key, value]);
  }
  while (at < leaf.length) rows.push(leaf[at++] as DiskRow);
  return rows;
}

function pushLeaves(leaves: Leaf[], rows: readonly DiskRow[]): void {
  if (rows.length <= LEAF_ROWS_MAX) {
    if (rows.length > 0) leaves.push(rows);
    return;
  }
  for (let at = 0; at < rows.length; at += LEAF_ROWS_MAX / 2) {
    leaves.push(rows.slice(at, at + LEAF_ROWS_MAX / 2));
  }
}
