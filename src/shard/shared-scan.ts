/**
 * The history of a replica as many streams of one range read it, one right behind the other: what
 * was found for the first is found for all that are behind the same change.
 */

import type { Position } from '../raft/position.ts';
import type { History, HistoryCursor, HistoryScan, ScanLimits } from './history.ts';

export class SharedScan implements Pick<History, 'head' | 'covers' | 'scan'> {
  readonly #history: History;
  /** The range that is read. */
  #range: object | undefined;
  #last: { readonly key: readonly unknown[]; readonly scan: HistoryScan } | undefined;

  constructor(history: History) {
    this.#history = history;
  }

  /** For the streams of this range, which see all of its changes. */
  of(range: object): this {
    this.#range = range;
    return this;
  }

  get head(): Position {
    return this.#history.head;
  }

  covers(position: Position): ReturnType<History['covers']> {
    return this.#history.covers(position);
  }

  /** Required: `matches` is true for exactly the keys of the range. */
  scan(
    from: HistoryCursor,
    limits: ScanLimits,
    matches: (key: Uint8Array) => boolean,
  ): HistoryScan {
    const { head, floor } = this.#history;
    const place = [this.#range, limits.keysOnly === true, from.index, from.sent];
    const key = [...place, head.index, head.term, floor.index];
    const { key: lastKey, scan: lastScan } = this.#last ?? {};
    if (lastScan !== undefined && key.every((part, at) => part === lastKey?.[at])) return lastScan;
    const scan = this.#history.scan(from, limits, matches);
    this.#last = { key, scan };
    return scan;
  }

  /** Nothing that was found is kept. */
  forget(): void {
    this.#last = undefined;
  }
}
