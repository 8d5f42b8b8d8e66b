/** Transactions of the public API: the parameter of the function, and the options. */

import type { Encoded, Encoding } from './encoding.ts';
import {
  ENCODING,
  type Entries,
  type Entry,
  type ScannedEntry,
  type ScannedKey,
} from './encoding.ts';
import type { Key, KeyKind } from './key.ts';
import { type CallOptions, invalid, lifeOf } from './options.ts';
import { limitOf, type RangeOptions } from './range-options.ts';
import type { KeysOnly, WithValues } from './scanning.ts';
import type { Run } from './transaction-run.ts';

/** Options of `transaction`. The timeout holds for all runs of the function together. */
export interface TransactionOptions extends CallOptions {
  /** The most runs of the function, up to 1024. By default as many as the timeout allows. */
  readonly attempts?: number;
}

/** Options of `Transaction.scan`. */
export interface TransactionScanOptions extends RangeOptions {
  /** From the last key to the first. */
  readonly reverse?: boolean;
  /** The number of entries after which the scan ends. */
  readonly limit?: number;
  /** Returns keys and versions without values; the same is validated at the end. */
  readonly keysOnly?: boolean;
  /** The form of returned keys. `text` by default; keys of another form are returned as bytes. */
  readonly keys?: KeyKind;
}

/** An entry of a scan with `keysOnly` inside a transaction. */
export interface ScannedVersion extends ScannedKey {
  /** The version of the key, for `ifVersion` and `check`. */
  readonly version: number;
}

/**
 * The parameter of a transaction's function. Reads are recorded with their versions, and writes are
 * buffered. At the end all of it is sent at once, and takes effect only if every key that was read,
 * and every range as far as it was scanned, is unchanged: so all reads and writes happen at one
 * moment, after everything that was acknowledged before the transaction began.
 *
 * While the function runs, its reads may be of different moments. Such a run has no effect, even if
 * it throws, and the function runs again: so it should change nothing but the transaction.
 *
 * @example
 * ```ts
 * await kv.transaction(async (tx) => {
 *   const [ada, grace] = await tx.getMany<number>(['ada', 'grace']);
 *   tx.set('ada', (ada?.value ?? 0) - 10).set('grace', (grace?.value ?? 0) + 10);
 * });
 * ```
 */
export class Transaction<V = unknown> {
  readonly #run: Run;
  readonly #encoding: Encoding<V>;

  constructor(run: Run, encoding: Encoding<V>) {
    this.#run = run;
    this.#encoding = encoding;
  }

  /**
   * Reads a key: what this transaction wrote, with version 0, or what is stored. Repeated reads
   * return the same. Undefined if the key does not exist.
   *
   * @example
   * ```ts
   * const name = await kv.transaction(async (tx) => (await tx.get<User>('user:7'))?.value.name);
   * ```
   */
  async get<T extends V = V>(key: Key): Promise<Entry<T> | undefined> {
    const [entry] = await this.getMany<T>([key]);
    return entry;
  }

  /**
   * Reads several keys, in the order given, with one request to each shard.
   *
   * @example
   * ```ts
   * const sum = await kv.transaction(async (tx) => {
   *   const entries = await tx.getMany<number>(['a', 'b']);
   *   return entries.reduce((total, entry) => total + (entry?.value ?? 0), 0);
   * });
   * ```
   */
  async getMany<T extends V = V, const K extends readonly Key[] = readonly Key[]>(
    keys: K,
  ): Promise<Entries<T, K>> {
    const encoding = this.#encoding as unknown as Encoding<T>;
    const rows = await this.#run.readWriteSet.rowsOf(keys.map((key) => encoding.keyOf(key)));
    return rows.map(({ row, clock }, at) =>
      encoding.entryOf(keys[at] as Key, row, clock),
    ) as Entries<T, K>;
  }

  /**
   * Reads a range of keys in their order, including what this transaction wrote. The part that was
   * returned is validated at the end: no other client can insert into it or delete from it
   * meanwhile. A scan that is left early, or has a `limit`, validates no more than it returned.
   *
   * @example
   * ```ts
   * const job = await kv.transaction(async (tx) => {
   *   for await (const { key } of tx.scan({ prefix: 'job:', limit: 1 })) {
   *     tx.delete(key);
   *     return key;
   *   }
   *   return undefined;
   * });
   * ```
   */
  scan(options: KeysOnly<TransactionScanOptions>): AsyncGenerator<ScannedVersion, void, undefined>;
  scan<T extends V = V>(
    options?: WithValues<TransactionScanOptions>,
  ): AsyncGenerator<ScannedEntry<T>, void, undefined>;
  scan<T extends V = V>(
    options: TransactionScanOptions,
  ): AsyncGenerator<ScannedEntry<T> | ScannedVersion, void, undefined>;
  async *scan(
    options: TransactionScanOptions = {},
  ): AsyncGenerator<ScannedEntry<V> | ScannedVersion, void, undefined> {
    const encoding = this.#encoding;
    const { reverse = false, keysOnly = false, keys = 'text' } = options;
    const range = encoding.rangeOf(options);
    const limit = limitOf(options.limit);
    for await (const found of this.#run.scan({ range, isReverse: reverse, limit })) {
      const { key, row, clock } = found;
      if (keysOnly) {
        const version = row?.version ?? 0;
        yield Object.assign(encoding.scannedOf({ key, row: undefined, clock }, keys), { version });
      } else yield encoding.scannedOf(found, keys) as ScannedEntry<V>;
    }
  }

  /**
   * Writes a key when the transaction commits; `ttl` is its time to live in milliseconds. Of
   * several writes of a key the last one takes effect.
   *
   * @example
   * ```ts
   * await kv.transaction((tx) => {
   *   tx.set('a', 1).set('b', 2, { ttl: 60_000 });
   * });
   * ```
   */
  set(key: Key, value: V, options: { readonly ttl?: number } = {}): this {
    this.#run.readWriteSet.write({
      type: 'set',
      key: this.#encoding.keyOf(key),
      value: this.#encoding.bytesOf(value),
      lifeMilliseconds: lifeOf(options.ttl),
    });
    return this;
  }

  /**
   * Deletes a key when the transaction commits; one that does not exist is no failure.
   *
   * @example
   * ```ts
   * await kv.transaction(async (tx) => {
   *   if ((await tx.get('a')) !== undefined) tx.delete('a');
   * });
   * ```
   */
  delete(key: Key): this {
    this.#run.readWriteSet.write({ type: 'delete', key: this.#encoding.keyOf(key) });
    return this;
  }

  /**
   * The same transaction, with the keys and values of a space of this client.
   *
   * @example
   * ```ts
   * const users = kv.space<User>('user');
   * await kv.transaction((tx) => {
   *   tx.set('count', 1);
   *   tx.in(users).set('7', { name: 'Ada' });
   * });
   * ```
   */
  in<U>(space: Encoded<U>): Transaction<U> {
    const encoding = space[ENCODING];
    if (encoding.home === this.#encoding.home) return new Transaction<U>(this.#run, encoding);
    throw invalid('the space belongs to another client; a transaction has one client');
  }
}
