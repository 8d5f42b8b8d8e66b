/** Connecting: makes the client on its engine. */

import { addressesOf, namesOf } from './addresses.ts';
import type { Atomic, Committed, Conflict, Deleted } from './atomic.ts';
import type { Cleared, ClearOptions, ClearRange } from './clearing.ts';
import type { Client } from './client.ts';
import { type Codec, messagePack } from './codec.ts';
import type { Call } from './core/call.ts';
import type { Surroundings } from './dial.ts';
import type { Election, ElectionOptions } from './election.ts';
import {
  ENCODING,
  Encoding,
  type Entries,
  type Entry,
  type ScannedEntry,
  type ScannedKey,
  type SpaceOptions,
} from './encoding.ts';
import { Engine } from './engine.ts';
import type { Key } from './key.ts';
import { Keyspace } from './keyspace.ts';
import type { Lease, LeaseOptions } from './lease.ts';
import { CLIENT_LIMITS } from './limits.ts';
import type { Lock, LockOptions, TryLockOptions } from './lock.ts';
import type { ClientStats } from './observation.ts';
import type { CallOptions, ConnectOptions, ReadOptions, SnapshotOptions } from './options.ts';
import { clusterOf, failFastOf, timeoutOf, tokenOf } from './options.ts';
import type {
  CountOptions,
  KeysOnly,
  KeysOptions,
  Scanning,
  ScanOptions,
  WithValues,
} from './scanning.ts';
import type { Space } from './space.ts';
import type {
  Detailed,
  Plain,
  Transaction,
  TransactionDetails,
  TransactionOptions,
} from './transaction.ts';
import type { View, ViewOptions } from './view.ts';
import type {
  ChangeEvent,
  ChangesOnly,
  KeyEvent,
  Watch,
  WatchEvent,
  WatchKeys,
  WatchOptions,
  WatchStatus,
} from './watch.ts';
import type { AddOptions, SetOptions, WriteOptions } from './write-options.ts';

interface ClientParts {
  readonly engine: Engine;
  readonly root: Keyspace<unknown>;
  /** Releases what is held below the connections. */
  readonly giveBack: (() => Promise<void>) | undefined;
}

/** Resolves once the map of the cluster is known; else an error with the attempts. */
export async function connectBy(
  surroundings: Surroundings,
  urls: string | readonly string[],
  options: ConnectOptions = {},
): Promise<Client> {
  const timeout = timeoutOf(options.timeout, CLIENT_LIMITS.timeoutMillisecondsDefault);
  const balance = options.balance ?? 'round-robin';
  const cluster = clusterOf(options.cluster);
  const addresses = addressesOf(urls);
  // A token that cannot be one is refused before anything is dialled.
  let token = tokenOf(options.token);
  const tokenNow = () => {
    // Where it cannot be had now, the former one may still do.
    try {
      token = tokenOf(options.token);
    } catch {}
    return token;
  };
  const engine = new Engine({
    surroundings,
    urls: addresses.map(({ url }) => url),
    nameOf: namesOf(addresses),
    cluster,
    token: tokenNow,
    balance,
    failFastMilliseconds: failFastOf(options.failFastAfter),
    isDebugging: options.debug ?? false,
  });
  const root = new Keyspace<unknown>({
    engine,
    defaults: { timeout, read: options.read ?? 'linearizable' },
    encoding: new Encoding<unknown>({
      home: engine,
      prefix: new Uint8Array(0),
      codec: options.codec ?? (messagePack as Codec<unknown>),
      kind: 'text',
    }),
  });
  try {
    await engine.ask<Extract<Call, { type: 'ready' }>, void>(
      () => ({ type: 'ready', timeoutMilliseconds: timeout, failsFast: options.wait !== true }),
      () => {},
      options.signal,
    );
  } catch (error) {
    engine.close();
    throw error;
  }
  return new ConnectedClient({ engine, root, giveBack: surroundings.close });
}

class ConnectedClient implements Client {
  readonly [ENCODING]: Encoding<unknown>;
  readonly #engine: Engine;
  readonly #root: Keyspace<unknown>;
  readonly #giveBack: (() => Promise<void>) | undefined;

  constructor({ engine, root, giveBack }: ClientParts) {
    this.#engine = engine;
    this.#root = root;
    this[ENCODING] = root[ENCODING];
    this.#giveBack = giveBack;
  }

  get<V = unknown>(key: Key, options?: ReadOptions): Promise<Entry<V> | undefined> {
    return this.#root.get<V>(key, options);
  }

  getMany<V = unknown, const K extends readonly Key[] = readonly Key[]>(
    keys: K,
    options?: ReadOptions,
  ): Promise<Entries<V, K>> {
    return this.#root.getMany<V, K>(keys, options);
  }

  snapshot<V = unknown, const K extends readonly Key[] = readonly Key[]>(
    keys: K,
    options?: SnapshotOptions,
  ): Promise<Entries<V, K>> {
    return this.#root.snapshot<V, K>(keys, options);
  }

  set(
    key: Key,
    value: unknown,
    options?: SetOptions & { readonly ifVersion?: never },
  ): Promise<Committed>;
  set(key: Key, value: unknown, options: SetOptions): Promise<Committed | Conflict>;
  set(key: Key, value: unknown, options: SetOptions = {}): Promise<Committed | Conflict> {
    return this.#root.set(key, value, options);
  }

  delete(key: Key, options?: WriteOptions & { readonly ifVersion?: never }): Promise<Deleted>;
  delete(key: Key, options: WriteOptions): Promise<Deleted | Conflict>;
  delete(key: Key, options: WriteOptions = {}): Promise<Deleted | Conflict> {
    return this.#root.delete(key, options);
  }

  add(key: Key, by?: bigint | number, options?: AddOptions): Promise<bigint> {
    return this.#root.add(key, by, options);
  }

  append(key: Key, value: Uint8Array, options?: AddOptions): Promise<number> {
    return this.#root.append(key, value, options);
  }

  touch(key: Key, ttl: number | null, options?: CallOptions): Promise<boolean> {
    return this.#root.touch(key, ttl, options);
  }

  atomic(): Atomic<unknown> {
    return this.#root.atomic();
  }

  transaction<T>(
    work: (tx: Transaction) => Promise<T> | T,
    options: Detailed<TransactionOptions>,
  ): Promise<TransactionDetails<T>>;
  transaction<T>(
    work: (tx: Transaction) => Promise<T> | T,
    options?: Plain<TransactionOptions>,
  ): Promise<T>;
  transaction<T>(
    work: (tx: Transaction) => Promise<T> | T,
    options?: TransactionOptions,
  ): Promise<T | TransactionDetails<T>> {
    return this.#root.transaction(work, options as Plain<TransactionOptions>);
  }

  scan(options: KeysOnly<ScanOptions>): Scanning<ScannedKey>;
  scan<V = unknown>(options?: WithValues<ScanOptions>): Scanning<ScannedEntry<V>>;
  scan<V = unknown>(options: ScanOptions): Scanning<ScannedEntry<V> | ScannedKey>;
  scan(options?: ScanOptions): Scanning<ScannedEntry<unknown> | ScannedKey> {
    return this.#root.scan(options as ScanOptions);
  }

  keys(options?: KeysOptions): Scanning<Key> {
    return this.#root.keys(options);
  }

  count(options?: CountOptions): Promise<number> {
    return this.#root.count(options);
  }

  isEmpty(options?: CountOptions): Promise<boolean> {
    return this.#root.isEmpty(options);
  }

  watch(options: WatchKeys<ChangesOnly>): Watch<KeyEvent>;
  watch(options: WatchKeys): Watch<KeyEvent | WatchStatus>;
  watch<V = unknown>(options: ChangesOnly): Watch<ChangeEvent<V>>;
  watch<V = unknown>(options?: WatchOptions): Watch<WatchEvent<V>>;
  watch(options: WatchOptions = {}): Watch<WatchEvent<unknown> | KeyEvent> {
    return this.#root.watch(options);
  }

  view<V = unknown>(options?: ViewOptions): View<V> {
    return this.#root.view<V>(options);
  }

  clear(range: ClearRange, options?: ClearOptions): Promise<Cleared> {
    return this.#root.clear(range, options);
  }

  space<V>(name: string, options?: SpaceOptions<V>): Space<V> {
    return this.#root.space<V>(name, options);
  }

  lease(options?: LeaseOptions): Promise<Lease> {
    return this.#root.lease(options);
  }

  lock(name: Key, options?: LockOptions): Promise<Lock> {
    return this.#root.lock(name, options);
  }

  tryLock(name: Key, options?: TryLockOptions): Promise<Lock | undefined> {
    return this.#root.tryLock(name, options);
  }

  withLock<T>(name: Key, work: (lock: Lock) => Promise<T> | T, options?: LockOptions): Promise<T> {
    return this.#root.withLock(name, work, options);
  }

  semaphore(
    name: Key,
    permits: number,
    options?: LockOptions & { readonly shared?: never },
  ): Promise<Lock> {
    return this.#root.semaphore(name, permits, options);
  }

  elect<V>(key: Key, options: ElectionOptions<V>): Election<V> {
    return this.#root.elect(key, options);
  }

  stats(): ClientStats {
    return this.#engine.stats;
  }

  async close(): Promise<void> {
    await this.#engine.endLeases();
    this.#engine.close();
    await this.#giveBack?.();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
