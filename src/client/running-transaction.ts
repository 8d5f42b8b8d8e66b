/** The parameter of a transaction, for one run of its function. */

import { operandOf } from './atomic-command.ts';
import type { Encoded, Encoding } from './encoding.ts';
import { type Entries, type Entry, encodingIn, type ScannedEntry } from './encoding.ts';
import type { FenceSource } from './fence.ts';
import type { Key } from './key.ts';
import { checkOptions } from './option-checks.ts';
import { appendedBytesOf, invalid, lifeOf, versionOf } from './options.ts';
import { limitOf, type RangeOptions } from './range-options.ts';
import type { KeysOnly, WithValues } from './scanning.ts';
import type {
  ScannedVersion,
  Spaces,
  Transaction,
  TransactionScanOptions,
  TransactionsIn,
} from './transaction.ts';
import type { Run } from './transaction-run.ts';
import type { LifeOptions } from './write-options.ts';

export class RunningTransaction<V> implements Transaction<V> {
  readonly #run: Run;
  readonly #encoding: Encoding<V>;

  constructor(run: Run, encoding: Encoding<V>) {
    this.#run = run;
    this.#encoding = encoding;
  }

  async get<T extends V = V>(key: Key): Promise<Entry<T> | undefined> {
    const [entry] = await this.getMany<T>([key]);
    return entry;
  }

  async getMany<T extends V = V, const K extends readonly Key[] = readonly Key[]>(
    keys: K,
  ): Promise<Entries<T, K>> {
    const encoding = this.#encoding as unknown as Encoding<T>;
    const rows = await this.#run.readWriteSet.rowsOf(keys.map((key) => encoding.keyOf(key)));
    return rows.map(({ row, clock }, at) =>
      encoding.entryOf(keys[at] as Key, row, clock),
    ) as Entries<T, K>;
  }

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
    checkOptions('scan', options, 'transaction scan');
    const encoding = this.#encoding;
    const { reverse = false, keysOnly = false, keys = encoding.kind } = options;
    const range = encoding.rangeOf(options);
    const limit = limitOf(options.limit);
    const terms = { range, isReverse: reverse, isKeysOnly: false, limit };
    for await (const found of this.#run.scan(terms)) {
      const { key, row, clock } = found;
      if (keysOnly) {
        const version = row?.version ?? 0;
        yield Object.assign(encoding.scannedOf({ key, row: undefined, clock }, keys), { version });
      } else yield encoding.scannedOf(found, keys) as ScannedEntry<V>;
    }
  }

  async count(options: RangeOptions = {}): Promise<number> {
    checkOptions('count', options, 'range');
    const range = this.#encoding.rangeOf(options);
    const limit = Number.MAX_SAFE_INTEGER;
    let count = 0;
    const keys = this.#run.scan({ range, isReverse: false, isKeysOnly: true, limit });
    for await (const _ of keys) count += 1;
    return count;
  }

  check(key: Key, version: number): this {
    this.#run.readWriteSet.demand(this.#encoding.keyOf(key), versionOf(version));
    return this;
  }

  set(key: Key, value: V, options: LifeOptions = {}): this {
    checkOptions('set', options, 'life');
    this.#run.readWriteSet.write({
      type: 'set',
      key: this.#encoding.keyOf(key),
      value: this.#encoding.bytesOf(value),
      ...this.#run.terms.lifeOf(options),
    });
    return this;
  }

  fence(source: FenceSource): this {
    this.#run.readWriteSet.assertOpen();
    this.#run.terms.guard(source);
    return this;
  }

  delete(key: Key): this {
    this.#run.readWriteSet.write({ type: 'delete', key: this.#encoding.keyOf(key) });
    return this;
  }

  add(key: Key, by: bigint | number = 1, options: { readonly ttl?: number } = {}): this {
    return this.#compute('add', key, by, options.ttl);
  }

  min(key: Key, operand: bigint | number, options: { readonly ttl?: number } = {}): this {
    return this.#compute('min', key, operand, options.ttl);
  }

  max(key: Key, operand: bigint | number, options: { readonly ttl?: number } = {}): this {
    return this.#compute('max', key, operand, options.ttl);
  }

  append(key: Key, value: Uint8Array, options: { readonly ttl?: number } = {}): this {
    const bytes = this.#encoding.keyOf(key);
    const lifeMilliseconds = lifeOf(options.ttl);
    const appended = appendedBytesOf(value);
    const write = { type: 'append', key: bytes, value: appended, lifeMilliseconds } as const;
    this.#run.readWriteSet.write(write);
    return this;
  }

  in<U>(space: Encoded<U>): Transaction<U>;
  in<S extends Spaces>(...spaces: S): TransactionsIn<S>;
  in(
    ...spaces: readonly Encoded<unknown>[]
  ): Transaction<unknown> | readonly Transaction<unknown>[] {
    const all = spaces.map((space) => this.#within(space));
    const [only] = all;
    return only !== undefined && all.length === 1 ? only : all;
  }

  #within<U>(space: Encoded<U>): Transaction<U> {
    const encoding = encodingIn(space, this.#encoding.home);
    if (encoding !== undefined) return new RunningTransaction<U>(this.#run, encoding);
    throw invalid('the space belongs to another client; a transaction has one client');
  }

  #compute(
    type: 'add' | 'min' | 'max',
    key: Key,
    by: bigint | number,
    ttl: number | undefined,
  ): this {
    const operand = operandOf(by);
    const lifeMilliseconds = lifeOf(ttl);
    const write = { type, key: this.#encoding.keyOf(key), operand, lifeMilliseconds };
    this.#run.readWriteSet.write(write);
    return this;
  }
}
