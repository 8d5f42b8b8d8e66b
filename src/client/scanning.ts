/** Scans of the public API: async iterables with a cursor. */

import type { KeyKind } from './key.ts';
import type { ReadOptions } from './options.ts';
import type { RangeOptions } from './range-options.ts';

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
  /** The form of returned keys, by default that of the space; others are returned as bytes. */
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
export interface Scanning<E> extends AsyncIterable<E> {
  /**
   * Where to continue behind the last entry that was returned: a text that may be stored, and used
   * by another process. See the option `cursor`.
   */
  readonly cursor: string;

  /**
   * Reads the entries in the order of their keys; `for await` calls it.
   *
   * @example
   * ```ts
   * for await (const { key, version } of kv.scan({ prefix: 'job:' })) console.log(key, version);
   * ```
   */
  [Symbol.asyncIterator](): AsyncGenerator<E, void, undefined>;
}
