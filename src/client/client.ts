/** The client: a space without a prefix, and the connections below all spaces. */

import type { Atomic, Committed, Conflict, Deleted } from './atomic.ts';
import type { Cleared, ClearOptions, ClearRange } from './clearing.ts';
import type {
  Encoded,
  Entries,
  Entry,
  ScannedEntry,
  ScannedKey,
  SpaceOptions,
} from './encoding.ts';
import type { Key } from './key.ts';
import type { LockCalls } from './lock-calls.ts';
import type { ClientStats } from './observation.ts';
import type { CallOptions, ReadOptions, SnapshotOptions } from './options.ts';
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

/**
 * A connection to a cluster, or an embedded store: what `connect` and `open` return. Calls need not
 * wait for each other: those made in one turn of the event loop share messages. Calls that do not
 * wait for each other have no order. Each promise settles by its timeout.
 *
 * @example
 * ```ts
 * await kv.set('user:7', { name: 'Ada' });
 * const [ada, visits] = await Promise.all([kv.get<User>('user:7'), kv.add('visits')]);
 * console.log(ada?.value.name, visits);
 * ```
 */
export interface Client extends Encoded<unknown>, LockCalls, AsyncDisposable {
  /**
   * Reads a key. Undefined if the key does not exist.
   *
   * @example
   * ```ts
   * const entry = await kv.get<User>('user:7');
   * if (entry) console.log(entry.value.name, entry.version);
   * ```
   */
  get<V = unknown>(key: Key, options?: ReadOptions): Promise<Entry<V> | undefined>;

  /**
   * Reads several keys with one request to each shard, in the order given. Each result is as fresh
   * as that of `get`, but two keys may be of different moments; `snapshot` reads them as of one.
   *
   * @example
   * ```ts
   * const [ada, grace] = await kv.getMany<User>(['user:7', 'user:8']);
   * console.log(ada?.value.name, grace?.value.name);
   * ```
   */
  getMany<V = unknown, const K extends readonly Key[] = readonly Key[]>(
    keys: K,
    options?: ReadOptions,
  ): Promise<Entries<V, K>>;

  /**
   * Reads several keys as of one moment between call and answer, in whatever shards they are: it
   * never shows a part of an atomic command or a transaction. Keys of several shards are read and
   * then validated, again and again until nothing has changed in between: a round more than
   * `getMany` takes, and many more while others write the keys.
   *
   * @example
   * ```ts
   * const [ada, grace] = await kv.snapshot<number>(['balance:ada', 'balance:grace']);
   * console.log((ada?.value ?? 0) + (grace?.value ?? 0));
   * ```
   */
  snapshot<V = unknown, const K extends readonly Key[] = readonly Key[]>(
    keys: K,
    options?: SnapshotOptions,
  ): Promise<Entries<V, K>>;

  /**
   * Writes a key. Without `ifVersion` the result is `Committed`; with it, it may be a `Conflict`,
   * and nothing was written.
   *
   * @example
   * ```ts
   * const { version } = await kv.set('user:7', { name: 'Ada' }, { ttl: 60_000 });
   * const again = await kv.set('user:7', { name: 'Grace' }, { ifVersion: version });
   * if (!again.ok) console.log(`written meanwhile, version ${again.version}`);
   * ```
   */
  set(
    key: Key,
    value: unknown,
    options?: SetOptions & { readonly ifVersion?: never },
  ): Promise<Committed>;
  set(key: Key, value: unknown, options: SetOptions): Promise<Committed | Conflict>;

  /**
   * Deletes a key; `wasThere` says whether it existed. With `ifVersion` the result may be a
   * `Conflict`, and nothing was deleted.
   *
   * @example
   * ```ts
   * const { wasThere } = await kv.delete('user:7');
   * console.log(wasThere ? 'deleted' : 'did not exist');
   * ```
   */
  delete(key: Key, options?: WriteOptions & { readonly ifVersion?: never }): Promise<Deleted>;
  delete(key: Key, options: WriteOptions): Promise<Deleted | Conflict>;

  /**
   * Adds to an integer of 64 bits, 1 by default, and returns the sum; a key that does not exist
   * counts as 0. Takes effect exactly once, however often the client retries. `ttl` is the time to
   * live of a key that is created; one that exists keeps its expiry.
   *
   * @example
   * ```ts
   * const visits = await kv.add('visits');
   * const left = await kv.add('stock', -3);
   * console.log(visits, left); // bigints
   * const requests = await kv.add('requests:ada', 1, { ttl: 60_000 }); // a window of one minute
   * if (requests > 100n) console.log('too many requests');
   * ```
   */
  add(key: Key, by?: bigint | number, options?: AddOptions): Promise<bigint>;

  /**
   * Appends bytes to the stored bytes, whichever codec wrote them, and returns the new length in
   * bytes; a key that does not exist is empty. Takes effect exactly once, however often the client
   * retries. `ttl` is as for `add`.
   *
   * @example
   * ```ts
   * const length = await kv.append('log', new TextEncoder().encode('started\n'));
   * ```
   */
  append(key: Key, value: Uint8Array, options?: AddOptions): Promise<number>;

  /**
   * Sets only when a key expires: in `ttl` milliseconds from now, or never with `null`. The value
   * and the version stay, so that conditions on the version still hold. False if the key does not
   * exist. A later `set` without `ttl` makes the key live for ever again.
   *
   * @example
   * ```ts
   * const isLoggedIn = await kv.touch('session:9', 30 * 60_000);
   * await kv.touch('user:7', null); // never expires
   * ```
   */
  touch(key: Key, ttl: number | null, options?: CallOptions): Promise<boolean>;

  /**
   * Begins an atomic command: checks and writes that take effect together or not at all, wherever
   * their keys are.
   *
   * @example
   * ```ts
   * const result = await kv.atomic().add('ada', -10n).add('grace', 10n).commit();
   * console.log(result.ok);
   * ```
   */
  atomic(): Atomic<unknown>;

  /**
   * Runs a function as a transaction: what it reads was true, and what it writes takes effect, at
   * one moment. If other writes are in the way, the function runs again until the timeout; then the
   * call rejects with `contended`, and nothing took effect. An exception of the function is passed
   * on if what it had read was true together. Resolves to what the function returned in the run
   * that took effect; with `details` also to the versions of its keys and the number of runs. See
   * `Transaction` for its parameter.
   *
   * @example
   * ```ts
   * const balance = await kv.transaction(async (tx) => {
   *   const ada = (await tx.get<number>('ada'))?.value ?? 0;
   *   if (ada < 10) throw new Error('not enough');
   *   tx.set('ada', ada - 10);
   *   return ada - 10;
   * });
   * ```
   */
  transaction<T>(
    work: (tx: Transaction) => Promise<T> | T,
    options: Detailed<TransactionOptions>,
  ): Promise<TransactionDetails<T>>;
  transaction<T>(
    work: (tx: Transaction) => Promise<T> | T,
    options?: Plain<TransactionOptions>,
  ): Promise<T>;

  /**
   * Reads a range of keys in their order, over all shards, each key once. Each page is as of one
   * moment of its shard; a scan of several pages is not one snapshot. Inside a transaction it is. A
   * range whose keys all begin with the same complete `{tag}`, as those of prefix `cart:{7}` do, is
   * read from the one shard in which they are.
   *
   * @example
   * ```ts
   * for await (const { key, value } of kv.scan<User>({ prefix: 'user:', limit: 20 })) {
   *   console.log(key, value.name);
   * }
   * ```
   */
  scan(options: KeysOnly<ScanOptions>): Scanning<ScannedKey>;
  scan<V = unknown>(options?: WithValues<ScanOptions>): Scanning<ScannedEntry<V>>;
  scan<V = unknown>(options: ScanOptions): Scanning<ScannedEntry<V> | ScannedKey>;

  /**
   * Reads the keys of a range in their order, without values: as `scan` does, also in its cursor.
   *
   * @example
   * ```ts
   * for await (const key of kv.keys({ prefix: 'user:' })) console.log(key);
   * ```
   */
  keys(options?: KeysOptions): Scanning<Key>;

  /**
   * Counts the keys of a range. Each shard counts at a moment of its own; see `scan` for tags.
   *
   * @example
   * ```ts
   * const users = await kv.count({ prefix: 'user:' });
   * ```
   */
  count(options?: CountOptions): Promise<number>;

  /**
   * Whether a range has no keys. Reads one key of each shard at most.
   *
   * @example
   * ```ts
   * if (await kv.isEmpty({ prefix: 'job:' })) console.log('nothing to do');
   * ```
   */
  isEmpty(options?: CountOptions): Promise<boolean>;

  /**
   * Deletes the keys of a range, up to 1024 at a time, in their order: all that exist when the call
   * begins; a key that is written meanwhile may stay or go. Not atomic: if the call fails, a part
   * of the keys is deleted, and the same call again deletes the rest. All keys of the store are
   * deleted only with `{ everything: true }`. Works on a nearly full disk.
   *
   * @example
   * ```ts
   * const onProgress = ({ deleted }: { deleted: number }) => console.log(`${deleted} so far`);
   * const { deleted } = await kv.clear({ prefix: 'session:' }, { onProgress });
   * console.log(`${deleted} keys deleted`);
   * ```
   */
  clear(range: ClearRange, options?: ClearOptions): Promise<Cleared>;

  /**
   * Watches a key or a range: first the keys that exist, then every change, each once and in the
   * order of its key, through all failures, until the loop is left. `synced` comes between the two.
   * The `token` of the watch continues it, also in another process, for as long as the cluster
   * remembers the changes since: ten minutes, or less under many writes. What it has forgotten is
   * told as `compacted`, and read again. See `Watch`.
   *
   * @example
   * ```ts
   * for await (const event of kv.watch<User>({ prefix: 'user:' })) {
   *   if (event.type === 'set') console.log(event.key, event.value.name, event.version);
   *   if (event.type === 'synced') console.log('up to date');
   * }
   * ```
   */
  watch(options: WatchKeys<ChangesOnly>): Watch<KeyEvent>;
  watch(options: WatchKeys): Watch<KeyEvent | WatchStatus>;
  watch<V = unknown>(options: WithValues<ChangesOnly>): Watch<ChangeEvent<V>>;
  watch<V = unknown>(options?: WithValues<WatchOptions>): Watch<WatchEvent<V>>;
  watch<V = unknown>(options: WatchOptions): Watch<WatchEvent<V> | KeyEvent>;

  /**
   * Keeps a copy of a range in memory that follows the cluster: reading it sends nothing. See
   * `View`.
   *
   * @example
   * ```ts
   * await using users = kv.view<User>({ prefix: 'user:' });
   * await users.ready;
   * console.log(users.size, users.get('user:7')?.value.name);
   * ```
   */
  view<V = unknown>(options?: ViewOptions): View<V>;

  /**
   * A space: all keys begin with the name and a colon, and values have one type. No request is
   * sent.
   *
   * @example
   * ```ts
   * const users = kv.space<User>('user');
   * await users.set('7', { name: 'Ada' }); // the key is user:7
   * ```
   */
  space<V>(name: string, options?: SpaceOptions<V>): Space<V>;

  /**
   * Counts of calls, retries and connections since the client was made. For each single one
   * subscribe to `ringkv:call`, `ringkv:retry`, `ringkv:connection`, `ringkv:lease` or
   * `ringkv:watch` with the module `node:diagnostics_channel`: the messages are a `CallEvent`, a
   * `RetryEvent`, a `ConnectionEvent`, a `LeaseNotification` and a `WatchNotification`, of all
   * clients of the process. They cost nothing while there is no subscriber.
   *
   * @example
   * ```ts
   * import { subscribe } from 'node:diagnostics_channel';
   * subscribe('ringkv:call', (event) => {
   *   const { type, milliseconds, code } = event as CallEvent;
   *   if (milliseconds > 100) console.warn(type, milliseconds, code ?? 'ok');
   * });
   * console.log(kv.stats().openCalls, kv.stats().connections);
   * ```
   */
  stats(): ClientStats;

  /**
   * Ends all leases and gives all locks back, as far as that succeeds within five seconds, or one
   * if no node is connected, and closes the connections. New calls reject at once. Open calls
   * reject with `closed`, and their `outcome` says whether they took effect; loops over watches and
   * over the changes of views reject with it, too. An embedded store has released its folder when
   * the promise resolves. Safe to call twice.
   *
   * @example
   * ```ts
   * const kv = await connect('kv://127.0.0.1:7400');
   * await kv.close();
   * ```
   */
  close(): Promise<void>;

  /**
   * Closes the client at the end of a block that declares it with `await using`.
   *
   * @example
   * ```ts
   * await using kv = await open('./data');
   * await kv.set('greeting', 'hello');
   * ```
   */
  [Symbol.asyncDispose](): Promise<void>;
}
