/** A scan outside of transactions: pages of the core, given row by row. */

import { type PageCall, Scan, type ScannedRow } from './core/scan.ts';
import { decodeCursor, encodeCursor, rangeLeft, type ScanShape } from './cursor.ts';
import type { Encoding } from './encoding.ts';
import type { Engine } from './engine.ts';
import { invalid, levelOf, type ReadOptions, timeoutOf } from './options.ts';
import { limitOf } from './range-options.ts';
import type { Scanning, ScanOptions } from './scanning.ts';

/** What is yielded for a row. */
export type EntryOf<E> = (row: ScannedRow) => E;

interface ScanningParts<E> {
  readonly engine: Engine;
  readonly options: ScanOptions & Required<Pick<ReadOptions, 'timeout' | 'read'>>;
  readonly encoding: Encoding<unknown>;
  readonly entryOf: EntryOf<E>;
}

export class RangeScanning<E> implements Scanning<E> {
  readonly #parts: ScanningParts<E>;
  #last: Uint8Array | undefined;
  #isBegun = false;

  constructor(parts: ScanningParts<E>) {
    this.#parts = parts;
  }

  get cursor(): string {
    const shape = this.#shape();
    return encodeCursor(shape, this.#last ?? this.#startIn(shape));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<E, void, undefined> {
    if (this.#isBegun)
      throw invalid('a scan can be iterated once; begin another one from its cursor');
    this.#isBegun = true;
    const { engine, entryOf, options } = this.#parts;
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
        for (const row of page.rows) {
          // First: the cursor must not cover an entry whose value could not be decoded.
          const entry = entryOf(row);
          this.#last = row.key;
          yield entry;
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

  /** The key after which it begins. */
  #startIn(shape: ScanShape): Uint8Array | undefined {
    const { cursor } = this.#parts.options;
    return cursor === undefined ? undefined : decodeCursor(cursor, shape);
  }
}
