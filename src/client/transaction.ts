/** Transactions as users hold them: what the function of one is given, and what they may choose. */

import type { Encoded, Encoding } from './encoding.ts';
import { ENCODING, type Entry, type ScannedEntry } from './encoding.ts';
import type { Key, KeyKind } from './key.ts';
import { type CallOptions, invalid, lifeOf } from './options.ts';
import { limitOf, type RangeOptions } from './range-options.ts';
import type { Run } from './transaction-run.ts';

export interface TransactionOptions extends CallOptions {
  /** How often the function is run at most. By default as often as the timeout has room for. */
  readonly attempts?: number;
}

export interface TransactionScanOptions extends RangeOptions {
  readonly reverse?: boolean;
  /** Entries in all. */
  readonly limit?: number;
  /** Without values: what is checked at the end is the same. */
  readonly keysOnly?: boolean;
  /** How keys are given. Texts by default; bytes that are no text are given as bytes. */
  readonly keys?: KeyKind;
}

/**
 * What is read is remembered with its version, what is written waits here. At the end all of it is
 * sent at once, and takes effect only if everything that was read, and every range as far as it was
 * scanned, is still as it was: so what the function has seen and done was true and happened at one
 * moment, after all that was acknowledged before it began.
 *
 * While the function runs, reads of several keys may be of several moments. Whatever it does then,
 * a throw included, comes to nothing, and it is run again: so it should change nothing outside.
 */
export class Transaction<V = unknown> {
  readonly #run: Run;
  readonly #encoding: Encoding<V>;

  constructor(run: Run, encoding: Encoding<V>) {
    this.#run = run;
    this.#encoding = encoding;
  }

  /**
   * What the transaction has written itself, with version 0, or what is stored: the same however
   * often it is asked for. Undefined for a key that is not there.
   */
  async get<T extends V = V>(key: Key): Promise<Entry<T> | undefined> {
    const [entry] = await this.getMany<T>([key]);
    return entry;
  }

  /** In the order of the keys, with one question to each shard. */
  async getMany<T extends V = V>(keys: readonly Key[]): Promise<readonly (Entry<T> | undefined)[]> {
    const encoding = this.#encoding as unknown as Encoding<T>;
    const rows = await this.#run.readWriteSet.rowsOf(keys.map((key) => encoding.keyOf(key)));
    return keys.map((key, at) => encoding.entryOf(key, rows[at]));
  }

  /**
   * In the order of keys, with what the transaction has written and without what it has deleted.
   * Nobody else can add to or take from the part that was seen, up to the last key that was given:
   * a scan that is left early, or has a `limit`, binds no more than it has shown.
   */
  async *scan<T extends V = V>(
    options: TransactionScanOptions = {},
  ): AsyncGenerator<ScannedEntry<T>, void, undefined> {
    const encoding = this.#encoding as unknown as Encoding<T>;
    const { reverse = false, keysOnly = false, keys = 'text' } = options;
    const range = encoding.rangeOf(options);
    const limit = limitOf(options.limit);
    for await (const { key, row } of this.#run.scan({ range, isReverse: reverse, limit })) {
      const { version = 0 } = row ?? {};
      const entry = encoding.scannedOf(key, keysOnly ? undefined : row, keys);
      yield { ...entry, version };
    }
  }

  /** The last write of a key counts. */
  set(key: Key, value: V, options: { readonly ttl?: number } = {}): this {
    this.#run.readWriteSet.write({
      type: 'put',
      key: this.#encoding.keyOf(key),
      value: this.#encoding.bytesOf(value),
      lifeMilliseconds: lifeOf(options.ttl),
    });
    return this;
  }

  delete(key: Key): this {
    this.#run.readWriteSet.write({ type: 'delete', key: this.#encoding.keyOf(key) });
    return this;
  }

  /** The same transaction, in the keys and values of a space of this client. */
  in<U>(space: Encoded<U>): Transaction<U> {
    const encoding = space[ENCODING];
    if (encoding.home === this.#encoding.home) return new Transaction<U>(this.#run, encoding);
    throw invalid('the space is of another client, and a transaction is of one');
  }
}
