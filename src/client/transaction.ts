/** Transactions of the public API: the parameter of the function, and the options. */

import type { CommittedTogether } from './atomic.ts';
import type { Encoded, Entries, Entry, ScannedEntry, ScannedKey } from './encoding.ts';
import type { FenceSource } from './fence.ts';
import type { Key, KeyKind } from './key.ts';
import type { CallOptions } from './options.ts';
import type { RangeOptions } from './range-options.ts';
import type { KeysOnly, WithValues } from './scanning.ts';
import type { LifeOptions } from './write-options.ts';

/** Options of `transaction`. The timeout holds for all runs of the function together. */
export interface TransactionOptions extends CallOptions {
  /** The most runs of the function, up to 1024. By default as many as the timeout allows. */
  readonly attempts?: number;
  /** True: the call resolves to a `TransactionDetails`, with what the function returned in it. */
  readonly details?: boolean;
}

/** Options with which a transaction tells details. */
export type Detailed<O> = O & { readonly details: true };

/** Options with which a transaction resolves to what its function returned. */
export type Plain<O> = O & { readonly details?: false };

/** A transaction that took effect, as the option `details` returns it. */
export interface TransactionDetails<T> extends Omit<CommittedTogether, 'ok' | 'in' | 'versionOf'> {
  /** What the function returned in the run that took effect. */
  readonly value: T;
  /** How often the function ran, that run included. */
  readonly attempts: number;
  /**
   * The version of a key that the transaction wrote, 0 if it deleted the key, or else of a key that
   * it read with `get` or `getMany`. `invalid-argument` for other keys.
   *
   * @example
   * ```ts
   * const done = await kv.transaction((tx) => void tx.set('a', 1), { details: true });
   * await kv.set('a', 2, { ifVersion: done.versionOf('a') });
   * ```
   */
  versionOf(key: Key): number;
  /**
   * The same results, for keys of another space. Without it, keys are those of the space whose
   * `transaction` was called.
   *
   * @example
   * ```ts
   * const users = kv.space<User>('user');
   * const rename = (tx: Transaction) => void tx.in(users).set('7', { name: 'Ada' });
   * const done = await kv.transaction(rename, { details: true });
   * console.log(done.in(users).versionOf('7'));
   * ```
   */
  in(space: Encoded<unknown>): TransactionDetails<T>;
}

/** Options of `Transaction.scan`. */
export interface TransactionScanOptions extends RangeOptions {
  /** From the last key to the first. */
  readonly reverse?: boolean;
  /** The number of entries after which the scan ends. */
  readonly limit?: number;
  /** Returns keys and versions without values; the same is validated at the end. */
  readonly keysOnly?: boolean;
  /** The form of returned keys, by default that of the space; others are returned as bytes. */
  readonly keys?: KeyKind;
}

/** At least two spaces. */
export type Spaces = readonly [
  Encoded<unknown>,
  Encoded<unknown>,
  ...(readonly Encoded<unknown>[]),
];

/** One transaction, in each of some spaces. */
export type TransactionsIn<S extends Spaces> = {
  readonly [At in keyof S]: S[At] extends Encoded<infer U> ? Transaction<U> : never;
};

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
export interface Transaction<V = unknown> {
  /**
   * Reads a key: what this transaction wrote, with version 0, or what is stored. Repeated reads
   * return the same. Undefined if the key does not exist.
   *
   * @example
   * ```ts
   * const name = await kv.transaction(async (tx) => (await tx.get<User>('user:7'))?.value.name);
   * ```
   */
  get<T extends V = V>(key: Key): Promise<Entry<T> | undefined>;

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
  getMany<T extends V = V, const K extends readonly Key[] = readonly Key[]>(
    keys: K,
  ): Promise<Entries<T, K>>;

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

  /**
   * Counts the keys of a range, with what this transaction wrote. It reads them all, and they are
   * validated at the end as those of a scan are.
   *
   * @example
   * ```ts
   * await kv.transaction(async (tx) => {
   *   if ((await tx.count({ prefix: 'seat:' })) < 100) tx.set('seat:new', 'Ada');
   * });
   * ```
   */
  count(options?: RangeOptions): Promise<number>;

  /**
   * Demands that a key has this version when the transaction takes effect; version 0: that it does
   * not exist. The key is not read. If it has another version, the transaction fails with
   * `check-failed`, since the function running again would not help. A key that is read needs no
   * check: what was read is validated anyway.
   *
   * @example
   * ```ts
   * const version = 1042; // what the user saw
   * await kv.transaction((tx) => {
   *   tx.check('page:7', version).set('page:7', 'edited').add('edits', 1);
   * });
   * ```
   */
  check(key: Key, version: number): this;

  /**
   * Writes a key when the transaction commits; `ttl` is its time to live in milliseconds, and with
   * a `lease` it is deleted when that ends. Of several writes of a key the last one takes effect.
   *
   * @example
   * ```ts
   * await kv.transaction((tx) => {
   *   tx.set('a', 1).set('b', 2, { ttl: 60_000 });
   * });
   * ```
   */
  set(key: Key, value: V, options?: LifeOptions): this;

  /**
   * Guards all writes of the transaction by a lock: the call rejects with `fenced` once a newer
   * owner of the lock has written in a shard of them.
   *
   * @example
   * ```ts
   * await kv.withLock('cart:7', async (lock) => {
   *   await kv.transaction(async (tx) => {
   *     const items = (await tx.get<string[]>('cart:7:items'))?.value ?? [];
   *     tx.fence(lock).set('cart:7:items', [...items, 'tea']);
   *   });
   * });
   * ```
   */
  fence(source: FenceSource): this;

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
  delete(key: Key): this;

  /**
   * Adds to an integer of 64 bits when the transaction commits; a key that does not exist counts as
   * 0. The key is not read, so other writes of it are no conflict: a counter or a balance that many
   * transactions change is best added to. `tx.get` shows the sum; then the key was read, and is
   * validated. `ttl` is the time to live of a key that is created. Several of `add` are one; with
   * `min`, `max` or `append` of the same key it is refused.
   *
   * @example
   * ```ts
   * await kv.transaction(async (tx) => {
   *   const price = (await tx.get<number>('price:tea'))?.value ?? 0;
   *   tx.add('income', price).add('sold:tea', 1);
   * });
   * ```
   */
  add(key: Key, by?: bigint | number, options?: { readonly ttl?: number }): this;

  /**
   * Keeps the smaller of the stored integer and the operand, as `add` does without reading; a key
   * that does not exist is set.
   *
   * @example
   * ```ts
   * await kv.transaction((tx) => void tx.min('fastest', 812).max('slowest', 812));
   * ```
   */
  min(key: Key, operand: bigint | number, options?: { readonly ttl?: number }): this;

  /**
   * Keeps the larger of the stored integer and the operand, as `add` does without reading; a key
   * that does not exist is set.
   *
   * @example
   * ```ts
   * await kv.transaction((tx) => void tx.max('seen', 1_042));
   * ```
   */
  max(key: Key, operand: bigint | number, options?: { readonly ttl?: number }): this;

  /**
   * Appends bytes to the stored bytes when the transaction commits, as `add` does without reading;
   * a key that does not exist is empty.
   *
   * @example
   * ```ts
   * const line = new TextEncoder().encode('started\n');
   * await kv.transaction((tx) => void tx.append('log', line).add('lines', 1));
   * ```
   */
  append(key: Key, value: Uint8Array, options?: { readonly ttl?: number }): this;

  /**
   * The same transaction, with the keys and values of a space of this client; of several spaces, in
   * their order.
   *
   * @example
   * ```ts
   * const users = kv.space<User>('user');
   * await kv.transaction((tx) => {
   *   tx.set('count', 1);
   *   tx.in(users).set('7', { name: 'Ada' });
   *   const [byId, byName] = tx.in(users, kv.space<string>('user-id'));
   *   byId.set('8', { name: 'Grace' });
   *   byName.set('Grace', '8');
   * });
   * ```
   */
  in<U>(space: Encoded<U>): Transaction<U>;
  in<S extends Spaces>(...spaces: S): TransactionsIn<S>;
}
