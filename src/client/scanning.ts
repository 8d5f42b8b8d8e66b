/** Scans of the public API: async iterables with a cursor. */

import { type PageCall, Scan, type ScannedRow } from './core/scan.ts';
import { decodeCursor, encodeCursor, rangeLeft, type ScanShape } from './cursor.ts';
import type { Encoding } from './encoding.ts';
import type { Engine } from './engine.ts';
import type { KeyKind } from './key.ts';
import { invalid, levelOf, type ReadOptions, timeoutOf } from './options.ts';
import { limitOf, type RangeOptions } from './range-options.ts';

/** Options of `count`. */
export interface CountOptions extends RangeOptions, ReadOptions {}

/** Options of `scan`. `timeout` holds for each page, not for the scan as a whole. */
export interface ScanOptions extends RangeOptions, ReadOptions {
  /** From the last key to the first. */
  readonly reverse?: boolean;
  /** The number of entries after which the scan ends. */
  readonly limit?: number;
  /** Returns keys alone, without values and versions; `keys()` does the same. */
  readonly keysOnly?: boolean;
  /** The form of returned keys. `text` by default; keys of another form are returned as bytes. */
  readonly keys?: KeyKind;
  /**
   * Continues behind the last entry of an earlier scan of the same space, range and direction:
   * `kv.scan({ prefix: 'a', cursor: former.cursor })`. `bad-cursor` if they are not the same.
   */
  readonly cursor?: string;
}

/** Options of `keys`. */
export interface KeysOptions extends Omit<ScanOptions, 'keysOnly'> {}

/** Options with which a scan returns no values. */
export type KeysOnly<O> = O & { readonly keysOnly: true };

/** Options with which a scan returns values. */
export type WithValues<O> = O & { readonly keysOnly?: false };

/** What is yielded for a row. */
export type EntryOf<E> = (row: ScannedRow) => E;

interface ScanningParts<E> {
  readonly engine: Engine;
  readonly options: ScanOptions & Required<Pick<ReadOptions, 'timeout' | 'read'>>;
  readonly encoding: Encoding<unknown>;
  readonly entryOf: EntryOf<E>;
}

/**
 * A scan, to be iterated once with `for await`. Pages are read ahead of the loop, two per shard at
 * most; leaving the loop ends the scan.
 *
 * @example
 * ```ts
 * const scanning = kv.scan<User>({ prefix: 'user:', limit: 100 });
 * for await (const { key, value } of scanning) console.log(key, value.name);
 * const next = kv.scan<User>({ prefix: 'user:', cursor: scanning.cursor });
 * ```
 */
export class Scanning<E> implements AsyncIterable<E> {
  readonly #parts: ScanningParts<E>;
  #last: Uint8Array | undefined;
  #isBegun = false;

  constructor(parts: ScanningParts<E>) {
    this.#parts = parts;
  }

  /**
   * Where to continue behind the last entry that was returned: a text that may be stored, and used
   * by another process. See the option `cursor`.
   */
  get cursor(): string {
    const shape = this.#shape();
    return encodeCursor(shape, this.#last ?? this.#startIn(shape));
  }

  /**
   * Reads the entries in the order of their keys; `for await` calls it.
   *
   * @example
   * ```ts
   * for await (const { key, version } of kv.scan({ prefix: 'job:' })) console.log(key, version);
   * ```
   */
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
          this.#last = row.key;
          yield entryOf(row);
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
