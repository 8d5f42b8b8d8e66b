/** Scans as users hold them: something to iterate over, with a cursor to go on from. */

import type { Row } from '../machine/row.ts';
import type { KeyRange } from './core/range.ts';
import { type PageCall, Scan } from './core/scan.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import type { Engine } from './engine.ts';
import { behindPrefix, encodeKey, type Key, type KeyKind } from './key.ts';
import { invalid, levelOf, type ReadOptions, timeoutOf } from './options.ts';

interface RangeOptions {
  /** Keys that begin with these bytes, texts or parts of a tuple. */
  readonly prefix?: Key;
  /** From this key on, itself included. */
  readonly from?: Key;
  /** Up to this key, which is not included. */
  readonly to?: Key;
}

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

export interface ScannedEntry<V> {
  readonly key: Key;
  readonly value: V | undefined;
  readonly version: number;
}

interface ScanningParts<V> {
  readonly engine: Engine;
  readonly options: ScanOptions & Required<Pick<ReadOptions, 'timeout' | 'read'>>;
  readonly prefix: Uint8Array;
  readonly entryOf: (key: Uint8Array, row: Row | undefined) => ScannedEntry<V>;
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
    const behind = new Uint8Array(last.length + 1);
    behind.set(last);
    const rest = isReverse ? { from: range.from, to: last } : { from: behind, to: range.to };
    return encodeCursor({ range: rest, isReverse });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ScannedEntry<V>, void, undefined> {
    if (this.#isBegun) throw invalid('a scan is iterated once; begin another from its cursor');
    this.#isBegun = true;
    const { engine, entryOf, options } = this.#parts;
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
          yield entryOf(key, row);
        }
        isEnd = page.isEnd;
      }
    } finally {
      engine.endScan(scan);
    }
  }

  #rest(): { readonly range: KeyRange; readonly isReverse: boolean } {
    const { options, prefix } = this.#parts;
    if (options.cursor !== undefined) return decodeCursor(options.cursor);
    return { range: rangeOf(options, prefix), isReverse: options.reverse ?? false };
  }
}

/** In the bytes of the cluster: what is before the space and behind it is out of reach. */
export function rangeOf({ prefix, from, to }: RangeOptions, space: Uint8Array): KeyRange {
  if (prefix !== undefined && (from !== undefined || to !== undefined)) {
    throw invalid('a range is given by a prefix, or by from and to');
  }
  const inside = (key: Key) => new Uint8Array([...space, ...encodeKey(key)]);
  if (from !== undefined || to !== undefined) {
    return {
      from: from === undefined ? space : inside(from),
      to: to === undefined ? behindPrefix(space) : inside(to),
    };
  }
  const start = prefix === undefined ? space : inside(prefix);
  return { from: start, to: behindPrefix(start) };
}

function limitOf(limit: number | undefined): number {
  if (limit === undefined) return Number.MAX_SAFE_INTEGER;
  if (Number.isSafeInteger(limit) && limit > 0) return limit;
  throw invalid(`limit is ${limit}, it may be any whole number above 0`);
}
