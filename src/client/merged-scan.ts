/** A scan inside a transaction: stored rows and the writes of the run, in one order. */

import { compareBytes } from '../base/bytes.ts';
import type { ReadLevel } from '../wire/request.ts';
import { type KeyRange, rangeBehind } from './core/range.ts';
import { type Page, Scan, type ScannedRow } from './core/scan.ts';
import { type ReadWriteSet, type SeenRow, viewOf } from './read-write-set.ts';
import { SeenPages } from './seen-pages.ts';

interface MergedScanTerms {
  readonly readWriteSet: ReadWriteSet;
  readonly range: KeyRange;
  readonly isReverse: boolean;
  readonly limit: number;
  readonly level: ReadLevel;
  /** Rows have no values: for what only counts them. */
  readonly isKeysOnly: boolean;
  readonly pageOf: (scan: Scan) => Promise<Page>;
  readonly endScan: (scan: Scan) => void;
}

interface MergedRow extends SeenRow {
  readonly key: Uint8Array;
}

/**
 * The run's own puts are in their places and its deletes are left out, also if it writes while it
 * scans: what lies ahead is seen as it is when the scan gets there.
 */
export async function* mergedScan(terms: MergedScanTerms): AsyncGenerator<MergedRow, void> {
  const { readWriteSet, range, isReverse, limit } = terms;
  const { writes } = readWriteSet;
  const stored = new StoredRows(terms);
  try {
    let behind: Uint8Array | undefined;
    for (let left = limit; left > 0; ) {
      readWriteSet.assertOpen();
      const found = await stored.first(left);
      const own = writes.next({ range, isReverse, behind });
      const isOwn = own !== undefined && (found === undefined || stored.order(own, found) <= 0);
      const key = isOwn ? own.key : found?.key;
      if (key === undefined) return stored.finish();
      const isStored = found !== undefined && compareBytes(key, found.key) === 0;
      if (isStored) stored.pass();
      behind = key;
      // The run has deleted this key: its own put would have been found.
      if (!isOwn && writes.of(key) !== undefined) continue;
      left -= 1;
      stored.show(key);
      const row = isOwn ? viewOf(own, isStored ? found.row : undefined) : found?.row;
      yield { key, row, clock: found?.clock ?? 0 };
    }
  } finally {
    stored.end();
  }
}

/** The rows of the shards, only as many as are wanted. */
class StoredRows {
  readonly #terms: MergedScanTerms;
  #scan: Scan | undefined;
  #seen: SeenPages | undefined;
  /** The rows of the latest page, and how many of them were passed. */
  #rows: readonly ScannedRow[] = [];
  #at = 0;
  #last: Uint8Array | undefined;
  /** How many rows this scan may still give. */
  #left = 0;
  #isEnd = false;

  constructor(terms: MergedScanTerms) {
    this.#terms = terms;
  }

  /** The first row that was not passed; undefined after the last one. */
  async first(wanted: number): Promise<ScannedRow | undefined> {
    while (this.#at >= this.#rows.length && !this.#isEnd) await this.#turn(wanted);
    return this.#rows[this.#at];
  }

  pass(): void {
    this.#at += 1;
  }

  order(one: { readonly key: Uint8Array }, other: { readonly key: Uint8Array }): number {
    const order = compareBytes(one.key, other.key);
    return this.#terms.isReverse ? -order : order;
  }

  /** The run is given this key, and so knows that no other key precedes it. */
  show(key: Uint8Array): void {
    this.#seen?.advance(key);
  }

  finish(): void {
    this.#seen?.finish();
  }

  end(): void {
    if (this.#scan !== undefined) this.#terms.endScan(this.#scan);
  }

  async #turn(wanted: number): Promise<void> {
    this.#scan ??= this.#begin(wanted);
    const { rows, isEnd } = await this.#terms.pageOf(this.#scan);
    this.#rows = rows;
    this.#at = 0;
    this.#last = rows.at(-1)?.key ?? this.#last;
    this.#left -= rows.length;
    if (!isEnd) return;
    // If it gave as many as it may, there may be more.
    this.#isEnd = this.#left > 0;
    this.#scan = undefined;
  }

  /** Begins another scan if more rows are wanted than the last one gave, less the deleted. */
  #begin(wanted: number): Scan {
    const { readWriteSet, range, isReverse, isKeysOnly, level } = this.#terms;
    const last = this.#last;
    if (last !== undefined) this.#seen?.advance(last);
    const seen = new SeenPages({ isReverse });
    readWriteSet.watch(seen);
    this.#seen = seen;
    this.#left = Math.min(Number.MAX_SAFE_INTEGER, wanted + readWriteSet.writes.deletes);
    return new Scan({
      range: last === undefined ? range : rangeBehind(range, { last, isReverse }),
      isReverse,
      isKeysOnly,
      level,
      rowsMax: this.#left,
      onPage: (page) => seen.add(page),
    });
  }
}
