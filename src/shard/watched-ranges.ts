/**
 * The ranges that streams watch at a replica: which of them hold a changed key. Single keys stand
 * in a table. Ranges stand in a treap that is ordered by their beginnings, and every node knows the
 * furthest end below it. So the time to find the ranges of a key grows with the logarithm of their
 * number, and with the number of those that are found.
 */

import { assert } from '../base/assert.ts';
import { compareBytes, nameOf } from '../base/bytes.ts';
import type { Random } from '../base/random.ts';

/** From here up to `to`, exclusive; no bytes leave the end open. */
export interface WatchBounds {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

/** Equal ranges are one, whatever number of streams watch it. */
export interface WatchedRange<Item> extends WatchBounds {
  readonly items: Set<Item>;
}

interface TreapNode<Item> {
  readonly range: WatchedRange<Item>;
  /** Random: no ancestor has a smaller one. So the tree is balanced, whatever ranges come. */
  readonly priority: number;
  left: TreapNode<Item> | undefined;
  right: TreapNode<Item> | undefined;
  /** The furthest end in this subtree. */
  furthest: Uint8Array;
}

export class WatchedRanges<Item> {
  readonly #random: Random;
  /** Ranges of one key, by that key. */
  readonly #keys = new Map<string, WatchedRange<Item>>();
  #root: TreapNode<Item> | undefined;
  #size = 0;

  constructor({ random }: { readonly random: Random }) {
    this.#random = random;
  }

  /** How many different ranges are watched. */
  get size(): number {
    return this.#keys.size + this.#size;
  }

  /** Returns the range, which may have other items. The bytes are copied. */
  add(range: WatchBounds, item: Item): WatchedRange<Item> {
    const found = this.#find(range) ?? this.#insert(range);
    assert(!found.items.has(item), 'an item watches a range once');
    found.items.add(item);
    return found;
  }

  /** Required: it was added. */
  remove(range: WatchedRange<Item>, item: Item): void {
    assert(range.items.delete(item), 'an item that goes was there');
    if (range.items.size > 0) return;
    if (isOneKey(range)) {
      this.#keys.delete(nameOf(range.from));
      return;
    }
    this.#root = without(this.#root, range);
    this.#size -= 1;
  }

  /**
   * Calls `visit` with the ranges that hold the key, in a fixed order: those behind a range that
   * was visited before, until it returns false. Returns whether it was called with all of them.
   */
  visit(
    key: Uint8Array,
    { behind }: { readonly behind: WatchedRange<Item> | undefined },
    visit: (range: WatchedRange<Item>) => boolean,
  ): boolean {
    if (this.#keys.size > 0 && behind === undefined) {
      const found = this.#keys.get(nameOf(key));
      if (found !== undefined && !visit(found)) return false;
    }
    const last = behind === undefined || isOneKey(behind) ? undefined : behind;
    return visitHolding(this.#root, key, last, visit);
  }

  #find(range: WatchBounds): WatchedRange<Item> | undefined {
    if (isOneKey(range)) return this.#keys.get(nameOf(range.from));
    let node = this.#root;
    while (node !== undefined) {
      const order = compareRanges(range, node.range);
      if (order === 0) return node.range;
      node = order < 0 ? node.left : node.right;
    }
    return undefined;
  }

  #insert({ from, to }: WatchBounds): WatchedRange<Item> {
    const range: WatchedRange<Item> = { from: from.slice(), to: to.slice(), items: new Set() };
    if (isOneKey(range)) {
      this.#keys.set(nameOf(range.from), range);
      return range;
    }
    const priority = this.#random.word();
    const node = { range, priority, left: undefined, right: undefined, furthest: range.to };
    this.#root = withNode(this.#root, node);
    this.#size += 1;
    return range;
  }
}

/** The range from a key up to the least key behind it. */
function isOneKey({ from, to }: WatchBounds): boolean {
  if (to.length !== from.length + 1 || to[from.length] !== 0) return false;
  return compareBytes(from, to.subarray(0, from.length)) === 0;
}

/** By their beginnings, then by their ends. */
function compareRanges(one: WatchBounds, other: WatchBounds): number {
  return compareBytes(one.from, other.from) || compareEnds(one.to, other.to);
}

/** No bytes are behind all others. */
function compareEnds(one: Uint8Array, other: Uint8Array): number {
  if (one.length === 0 || other.length === 0) return other.length - one.length;
  return compareBytes(one, other);
}

function isBefore(key: Uint8Array, end: Uint8Array): boolean {
  return end.length === 0 || compareBytes(key, end) < 0;
}

/**
 * The subtree is entered only if it has ranges of the key, or lies on the way to where they would
 * be: so the time grows with the depth, and with what is found. Returns whether all were visited.
 */
function visitHolding<Item>(
  node: TreapNode<Item> | undefined,
  key: Uint8Array,
  behind: WatchBounds | undefined,
  visit: (range: WatchedRange<Item>) => boolean,
): boolean {
  // Every range below ends before the key.
  if (node === undefined || !isBefore(key, node.furthest)) return true;
  const { range, left, right } = node;
  const isBehind = behind === undefined || compareRanges(behind, range) < 0;
  if (isBehind && !visitHolding(left, key, behind, visit)) return false;
  if (compareBytes(key, range.from) < 0) return true;
  if (isBehind && isBefore(key, range.to) && !visit(range)) return false;
  return visitHolding(right, key, isBehind ? undefined : behind, visit);
}

/** Required: no equal range is there. Returns the new root. */
function withNode<Item>(root: TreapNode<Item> | undefined, node: TreapNode<Item>): TreapNode<Item> {
  if (root === undefined) return node;
  const isLeft = compareRanges(node.range, root.range) < 0;
  if (isLeft) root.left = withNode(root.left, node);
  else root.right = withNode(root.right, node);
  const child = isLeft ? root.left : root.right;
  const top = child !== undefined && child.priority < root.priority ? rotated(root, isLeft) : root;
  refresh(root);
  refresh(top);
  return top;
}

/** Required: the range is there. Returns the new root. */
function without<Item>(
  root: TreapNode<Item> | undefined,
  range: WatchBounds,
): TreapNode<Item> | undefined {
  assert(root !== undefined, 'a range that is removed is watched');
  const order = compareRanges(range, root.range);
  if (order === 0) return joined(root.left, root.right);
  if (order < 0) root.left = without(root.left, range);
  else root.right = without(root.right, range);
  refresh(root);
  return root;
}

/** Of two trees, all of the first before all of the second. */
function joined<Item>(
  left: TreapNode<Item> | undefined,
  right: TreapNode<Item> | undefined,
): TreapNode<Item> | undefined {
  if (left === undefined) return right;
  if (right === undefined) return left;
  const isLeftOnTop = left.priority < right.priority;
  if (isLeftOnTop) left.right = joined(left.right, right);
  else right.left = joined(left, right.left);
  const top = isLeftOnTop ? left : right;
  refresh(top);
  return top;
}

/** Its child takes its place. */
function rotated<Item>(node: TreapNode<Item>, isLeft: boolean): TreapNode<Item> {
  const child = (isLeft ? node.left : node.right) as TreapNode<Item>;
  if (isLeft) {
    node.left = child.right;
    child.right = node;
  } else {
    node.right = child.left;
    child.left = node;
  }
  return child;
}

function refresh<Item>(node: TreapNode<Item>): void {
  let furthest = node.range.to;
  const { left, right } = node;
  if (left !== undefined && compareEnds(left.furthest, furthest) > 0) furthest = left.furthest;
  if (right !== undefined && compareEnds(right.furthest, furthest) > 0) furthest = right.furthest;
  node.furthest = furthest;
}
