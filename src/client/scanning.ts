/** Scans as users hold them: something to iterate over, with a cursor to go on from. */

import { type KeyRange, rangeBehind } from './core/range.ts';
import { type PageCall, Scan } from './core/scan.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import type { Engine } from './engine.ts';
import type { KeyKind } from './key.ts';
import { invalid, levelOf, type ReadOptions, timeoutOf } from './options.ts';
import { limitOf, type RangeOptions } from './range-options.ts';
import type { ScannedEntry, Spelling } from './spelling.ts';

export interface CountOptions extends RangeOptions, ReadOptions {}

/** The timeout is that of each page. */
export interface ScanOptions extends RangeOptions, ReadOptions {
  readonly reverse?: boolean;
  /** Entries in all. */
  readonly limit?: number;
  /** Without values and versions: `value` is undefined and `version` 0. */
  readonly keysOnly?: boolean;
  /** How keys are given. Texts by default; bytes that are no text are given as bytes. */
  readonly keys?: KeyKind;
  /** Goes on where another scan was left; it replaces the range and the direction. */
  readonly cursor?: string;
}

interface ScanningParts<V> {
  readonly engine: Engine;
  readonly options: ScanOptions & Required<Pick<ReadOptions, 'timeout' | 'read'>>;
  readonly spelling: Spelling<V>;
}

/** May be iterated once. Leaving the loop ends the scan. */
export class Scanning<V> implements AsyncIterable<ScannedEntry<V>> {
  readonly #parts: ScanningParts<V>;
  #last: Uint8Array | undefined;
  #isBegun = false;

  constructor(parts: ScanningParts<V>) {
    this.#parts = parts;
  }

  /** Where to go on behind the last entry that was given. It outlives leaders and processes. */
  get cursor(): string {
    const { range, isReverse } = this.#rest();
    const last = this.#last;
    if (last === undefined) return encodeCursor({ range, isReverse });
    return encodeCursor({ range: rangeBehind(range, { last, isReverse }), isReverse });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ScannedEntry<V>, void, undefined> {
    if (this.#isBegun) throw invalid('a scan is iterated once; begin another from its cursor');
    this.#isBegun = true;
    const { engine, spelling, options } = this.#parts;
    const { range, isReverse } = this.#rest();
    const timeoutMilliseconds = timeoutOf(undefined, options.timeout);
    const scan = new Scan({
      range,
      isReverse,
      isKeysOnly: options.keysOnly ?? false,
      level: levelOf(options.read),
      rowsMax: limitOf(options.limit),
    });
    try {
      for (let isEnd = false; !isEnd; ) {
        const page = await engine.ask<
          PageCall,
          Parameters<PageCall['settle']>[0] & { type: 'page' }
        >(
          () => ({ type: 'page', scan, timeoutMilliseconds }),
          (result) => result,
          options.signal,
        );
        for (const { key, row } of page.rows) {
          this.#last = key;
          yield spelling.scannedOf(key, row, options.keys ?? 'text');
        }
        isEnd = page.isEnd;
      }
    } finally {
      engine.endScan(scan);
    }
  }

  #rest(): { readonly range: KeyRange; readonly isReverse: boolean } {
    const { options, spelling } = this.#parts;
    if (options.cursor !== undefined) return decodeCursor(options.cursor);
    return { range: spelling.rangeOf(options), isReverse: options.reverse ?? false };
  }
}
