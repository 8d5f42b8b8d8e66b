/**
 * What a transaction has seen of a range. A function that was given a key knows that there are no
 * other keys before it; it knows nothing of rows that were read ahead and not given, so those may
 * change.
 *
 * Each page becomes a check of its own: between two pages of different moments a key could be
 * deleted from the one and another created in the other, and their sum would hide it.
 */

import { compareBytes, keyBehind } from '../base/bytes.ts';
import type { SeenRange } from './core/call.ts';
import type { SeenPage } from './core/scan.ts';

type OpenPage = Omit<SeenPage, 'rows'> & { readonly keys: readonly Uint8Array[] };

/** Keys have at least one byte. */
const FIRST_KEY = Uint8Array.of(0);

export class SeenPages {
  readonly #isReverse: boolean;
  /** Checks of pages that were given as a whole. */
  readonly #checks: SeenRange[] = [];
  #open: OpenPage[] = [];
  /** The key that was given last. */
  #frontier: Uint8Array | undefined;
  #isFinished = false;

  constructor({ isReverse }: { readonly isReverse: boolean }) {
    this.#isReverse = isReverse;
  }

  /** Only keys are kept: rows would keep the frames alive that brought them. */
  add({ shard, range, rows, seenAt }: SeenPage): void {
    this.#foldAll();
    this.#open.push({ shard, range, seenAt, keys: rows.map(({ key }) => key.slice()) });
  }

  advance(key: Uint8Array): void {
    this.#frontier = key;
  }

  /** No key follows the last one. */
  finish(): void {
    this.#isFinished = true;
  }

  get checks(): readonly SeenRange[] {
    this.#foldAll();
    const partly = this.#open.flatMap((page) => this.#checkOf(page) ?? []);
    return [...this.#checks, ...partly];
  }

  #foldAll(): void {
    const isWhole = (page: OpenPage) => this.#isWhole(page);
    for (const page of this.#open.filter(isWhole)) this.#checks.push(checkOf(page));
    this.#open = this.#open.filter((page) => !isWhole(page));
  }

  #isWhole({ range: { from, to } }: OpenPage): boolean {
    const frontier = this.#frontier;
    if (this.#isFinished) return true;
    if (frontier === undefined) return false;
    if (this.#isReverse) return compareBytes(frontier, from) <= 0;
    return to.length > 0 && compareBytes(to, keyBehind(frontier)) <= 0;
  }

  /** The check of a page that was given in part; undefined if it was not given at all. */
  #checkOf(page: OpenPage): SeenRange | undefined {
    const frontier = this.#frontier;
    if (frontier === undefined) return undefined;
    const { shard, range, seenAt } = page;
    if (this.#isReverse) {
      if (range.to.length > 0 && compareBytes(range.to, frontier) <= 0) return undefined;
      const keys = page.keys.filter((key) => compareBytes(key, frontier) >= 0);
      return checkOf({ shard, range: { from: frontier, to: range.to }, keys, seenAt });
    }
    if (compareBytes(range.from, frontier) > 0) return undefined;
    const keys = page.keys.filter((key) => compareBytes(key, frontier) <= 0);
    return checkOf({ shard, range: { from: range.from, to: keyBehind(frontier) }, keys, seenAt });
  }
}

function checkOf({ shard, range: { from, to }, keys, seenAt }: OpenPage): SeenRange {
  const key = from.length === 0 ? FIRST_KEY : from;
  return { shard, check: { type: 'check-range', key, to, count: keys.length, seenAt } };
}
