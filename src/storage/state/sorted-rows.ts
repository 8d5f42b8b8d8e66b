/** The rows of an arena ordered by key: a copy-on-write B+tree, whose views are pointers. */

import { present } from '../../base/assert.ts';
import { type ByteRange, compare } from '../files/byte-order.ts';
import type { Arena } from './arena.ts';
import { PREFIX_BYTES, type Span } from './state-key.ts';

/** The maximum number of children of a branch, and of rows of a leaf. */
const WIDTH_MAX = 64;

export const NO_ROW = -1;

/** A leaf has rows and no children; a branch has the first row after each of its boundaries. */
interface Node {
  /** The owner may change this node in place; all others copy it first. */
  readonly owner: object;
  readonly rows: number[];
  readonly children: Node[];
}

interface Split {
  readonly row: number;
  readonly node: Node;
}

/**
 * Rows are inserted and replaced, never removed: a memtable keeps tombstones and is dropped as a
 * whole. All stored keys share a prefix that comparisons skip; keys to look up come without it.
 */
export class SortedRows {
  readonly #arena: Arena;
  #root: Node;
  #owner: object = {};
  #found = NO_ROW;

  constructor(arena: Arena) {
    this.#arena = arena;
    this.#root = { owner: this.#owner, rows: [], children: [] };
  }

  /** The row of a key, or `NO_ROW`. */
  find(key: Uint8Array): number {
    return lookUp(this.#arena, this.#root, key);
  }

  /** Inserts a row, unless its key has one. Returns the row of the key. */
  place(row: number): number {
    this.#found = row;
    this.#root = this.#owned(this.#root);
    const split = this.#insert(this.#root, row, this.#keyOf(row));
    if (split !== undefined) {
      const children = [this.#root, split.node];
      this.#root = { owner: this.#owner, rows: [split.row], children };
    }
    return this.#found;
  }

  /** Replaces the existing row of the same key. */
  replace(row: number): void {
    const key = this.#keyOf(row);
    this.#root = this.#owned(this.#root);
    let node = this.#root;
    while (node.children.length > 0) {
      const at = childAt(search(this.#arena, node.rows, key));
      const child = this.#owned(node.children[at] as Node);
      node.children[at] = child;
      node = child;
    }
    node.rows[search(this.#arena, node.rows, key)] = row;
  }

  /** An immutable view. Later changes copy the few nodes that they touch. */
  view(): SortedView {
    this.#owner = {};
    this.#arena.seal();
    return new SortedView(this.#arena, this.#root);
  }

  #keyOf(row: number): Span {
    const arena = this.#arena;
    const from = arena.keyAt(row);
    const to = from + arena.keyLength(row);
    return { bytes: arena.slabOf(row), from: from + PREFIX_BYTES, to };
  }

  #insert(node: Node, row: number, key: Span): Split | undefined {
    const { rows, children } = node;
    const found = search(this.#arena, rows, key);
    if (children.length > 0) {
      const at = childAt(found);
      const child = this.#owned(children[at] as Node);
      children[at] = child;
      const split = this.#insert(child, row, key);
      if (split === undefined) return undefined;
      insertAt(rows, at, split.row);
      children.splice(at + 1, 0, split.node);
      return children.length > WIDTH_MAX ? this.#splitBranch(node) : undefined;
    }
    if (found >= 0) {
      this.#found = rows[found] as number;
      return undefined;
    }
    insertAt(rows, ~found, row);
    return rows.length > WIDTH_MAX ? this.#splitLeaf(node) : undefined;
  }

  #splitLeaf({ rows }: Node): Split {
    const right = rows.splice(rows.length >> 1);
    const row = present(right[0], 'half a leaf is not empty');
    return { row, node: { owner: this.#owner, rows: right, children: [] } };
  }

  #splitBranch({ rows, children }: Node): Split {
    const half = children.length >> 1;
    const right = rows.splice(half);
    const row = present(rows.pop(), 'half a branch has a boundary');
    return { row, node: { owner: this.#owner, rows: right, children: children.splice(half) } };
  }

  #owned(node: Node): Node {
    if (node.owner === this.#owner) return node;
    return { owner: this.#owner, rows: node.rows.slice(), children: node.children.slice() };
  }
}

/** A view of sorted rows at one time. */
export class SortedView {
  readonly #arena: Arena;
  readonly #root: Node;

  constructor(arena: Arena, root: Node) {
    this.#arena = arena;
    this.#root = root;
  }

  /** The value of a key, `TOMBSTONE` if deleted, undefined if not written. */
  get(key: Uint8Array): Uint8Array | undefined {
    const row = lookUp(this.#arena, this.#root, key);
    return row === NO_ROW ? undefined : this.#arena.value(row);
  }

  /** Starts before the first row of the range. */
  cursor(range: ByteRange): SortedCursor {
    return new SortedCursor(this.#arena, this.#root, range);
  }
}

/** Iterates over the rows of a view; `key` and `record` are those of the last true `next`. */
export class SortedCursor {
  readonly #arena: Arena;
  readonly #end: Uint8Array | undefined;
  readonly #isReverse: boolean;
  /** The path of nodes from the root to the leaf, and the position in each. */
  readonly #nodes: Node[] = [];
  readonly #places: number[] = [];
  #leaf: Node;
  #place = 0;

  constructor(arena: Arena, root: Node, { from, to, isReverse }: ByteRange) {
    this.#arena = arena;
    this.#isReverse = isReverse;
    this.#end = isReverse ? from : to;
    this.#leaf = this.#descend(root, isReverse ? to : from);
    if (!isReverse) this.#place -= 1;
  }

  get key(): Uint8Array {
    return this.#arena.key(this.#leaf.rows[this.#place] as number);
  }

  get record(): Uint8Array {
    return this.#arena.record(this.#leaf.rows[this.#place] as number);
  }

  next(): boolean {
    this.#place += this.#isReverse ? -1 : 1;
    while (this.#place < 0 || this.#place >= this.#leaf.rows.length) {
      if (!this.#stepAside()) return false;
    }
    if (this.#end === undefined) return true;
    const order = compare(this.key, PREFIX_BYTES, this.#end, 0);
    return this.#isReverse ? order >= 0 : order < 0;
  }

  /** Descends to the leaf of a key, at the first row that is not before it. */
  #descend(from: Node, key: Uint8Array | undefined): Node {
    let node = from;
    for (;;) {
      const isLeaf = node.children.length === 0;
      let place = this.#isReverse ? node.rows.length : 0;
      if (key !== undefined) {
        const found = search(this.#arena, node.rows, { bytes: key, from: 0, to: key.length });
        place = isLeaf && found < 0 ? ~found : isLeaf ? found : childAt(found);
      }
      if (isLeaf) {
        this.#place = place;
        return node;
      }
      this.#nodes.push(node);
      this.#places.push(place);
      node = node.children[place] as Node;
    }
  }

  /** Moves to the nearest end of the adjacent leaf; stays in place at the end of the tree. */
  #stepAside(): boolean {
    const step = this.#isReverse ? -1 : 1;
    for (let depth = this.#nodes.length - 1; depth >= 0; depth--) {
      const place = (this.#places[depth] as number) + step;
      const child = this.#nodes[depth]?.children[place];
      if (child === undefined) continue;
      this.#nodes.length = depth + 1;
      this.#places.length = depth + 1;
      this.#places[depth] = place;
      this.#leaf = this.#descend(child, undefined);
      this.#place = this.#isReverse ? this.#leaf.rows.length - 1 : 0;
      return true;
    }
    this.#place = this.#isReverse ? -1 : this.#leaf.rows.length;
    return false;
  }
}

/**
 * The position of a key among the rows of a node, or the complement of its insertion point. All
 * rows between two neighbors share the prefix that the key has in common with both.
 */
function search(arena: Arena, rows: readonly number[], { bytes, from, to }: Span): number {
  let low = 0;
  let high = rows.length;
  let lowCommon = 0;
  let highCommon = 0;
  const length = to - from;
  while (low < high) {
    const middle = (low + high) >> 1;
    const row = rows[middle] as number;
    const slab = arena.slabOf(row);
    const otherFrom = arena.keyAt(row) + PREFIX_BYTES;
    const otherLength = arena.keyLength(row) - PREFIX_BYTES;
    const shorter = Math.min(otherLength, length);
    let at = Math.min(lowCommon, highCommon);
    while (at < shorter && slab[otherFrom + at] === bytes[from + at]) at++;
    const order =
      at < shorter
        ? (slab[otherFrom + at] as number) - (bytes[from + at] as number)
        : otherLength - length;
    if (order === 0) return middle;
    if (order < 0) {
      low = middle + 1;
      lowCommon = at;
    } else {
      high = middle;
      highCommon = at;
    }
  }
  return ~low;
}

function lookUp(arena: Arena, root: Node, bytes: Uint8Array): number {
  const key = { bytes, from: 0, to: bytes.length };
  let node = root;
  while (node.children.length > 0)
    node = node.children[childAt(search(arena, node.rows, key))] as Node;
  const found = search(arena, node.rows, key);
  return found < 0 ? NO_ROW : (node.rows[found] as number);
}

/** The child that covers a key, by the result of searching the rows of a branch. */
function childAt(found: number): number {
  return found < 0 ? ~found : found + 1;
}

/** `splice` would allocate an array for removed items. */
function insertAt(rows: number[], at: number, row: number): void {
  rows.push(row);
  for (let to = rows.length - 1; to > at; to--) rows[to] = rows[to - 1] as number;
  rows[at] = row;
}
