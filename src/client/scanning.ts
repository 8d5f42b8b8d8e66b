/** Scans as users hold them: something to iterate over, with a cursor to go on from. */

import { type PageCall, Scan } from './core/scan.ts';
import { decodeCursor, encodeCursor, rangeLeft, type ScanShape } from './cursor.ts';
import type { Encoding, ScannedEntry } from './encoding.ts';
import type { Engine } from './engine.ts';
import type { KeyKind } from './key.ts';
import { invalid, levelOf, type ReadOptions, timeoutOf } from './options.ts';
import { limitOf, type RangeOptions } from './range-options.ts';

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
  /**
   * Goes on where another scan of the same space, range and direction was left, which are given
   * anew: `kv.scan({ prefix: 'a', cursor: former.cursor })`. `bad-cursor` if they are others.
   */
  readonly cursor?: string;
}

interface ScanningParts<V> {
  readonly engine: Engine;
  readonly options: ScanOptions & Required<Pick<ReadOptions, 'timeout' | 'read'>>;
  readonly encoding: Encoding<V>;
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
    const shape = this.#shape();
    return encodeCursor(shape, this.#last ?? this.#startIn(shape));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ScannedEntry<V>, void, undefined> {
    if (this.#isBegun) throw invalid('a scan is iterated once; begin another from its cursor');
    this.#isBegun = true;
    const { engine, encoding, options } = this.#parts;
    const shape = this.#shape();
    const timeoutMilliseconds = timeoutOf(undefined, options.timeout);
    const scan = new Scan({
      range: rangeLeft(shape, this.#startIn(shape)),
      isReverse: shape.isReverse,
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
          yield encoding.scannedOf(key, row, options.keys ?? 'text');
        }
        isEnd = page.isEnd;
      }
    } finally {
      engine.endScan(scan);
    }
  }

  #shape(): ScanShape {
    const { options, encoding } = this.#parts;
    const isReverse = options.reverse ?? false;
    return { range: encoding.rangeOf(options), isReverse, space: encoding.prefix };
  }

  /** The key behind which it begins. */
  #startIn(shape: ScanShape): Uint8Array | undefined {
    const { cursor } = this.#parts.options;
    return cursor === undefined ? undefined : decodeCursor(cursor, shape);
  }
}
