/** Spaces: keys with one prefix and values of one type, and the calls on them. */

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
import type { CallOptions, ReadOptions, SnapshotOptions } from './options.ts';
import type {
  CountOptions,
  KeysOnly,
  KeysOptions,
  Scanning,
  ScanOptions,
  WithValues,
} from './scanning.ts';
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
 * A space: keys that begin with one name, and values of one type. It has the calls of `Client`;
 * keys are given and returned without the name. The client itself is the space without a name.
 *
 * @example
 * ```ts
 * const users = kv.space<User>('user');
 * await users.set('7', { name: 'Ada' });
 * const entry = await users.get('7');
 * console.log(entry?.value.name);
 * ```
 */
export interface Space<V = unknown> extends Encoded<V>, LockCalls {
  /**
   * Reads a key. Undefined if the key does not exist.
   *
   * @example
   * ```ts
   * const entry = await users.get('7');
   * if (entry) console.log(entry.value.name, entry.version);
   * ```
   */
  get<T extends V = V>(key: Key, options?: ReadOptions): Promise<Entry<T> | undefined>;

  /**
   * Reads several keys with one request to each shard, in the order given. Each result is as fresh
   * as that of `get`, but two keys may be of different moments; `snapshot` reads them as of one.
   *
   * @example
   * ```ts
   * const [ada, grace] = await users.getMany(['7', '8']);
   * console.log(ada?.value.name, grace?.value.name);
   * ```
   */
  getMany<T extends V = V, const K extends readonly Key[] = readonly Key[]>(
    keys: K,
    options?: ReadOptions,
  ): Promise<Entries<T, K>>;

  /**
   * Reads several keys as of one moment between call and answer, in whatever shards they are: it
   * never shows a part of an atomic command or a transaction. Keys of several shards are read and
   * then validated, again and again until nothing has changed in between: a round more than
   * `getMany` takes, and many more while others write the keys.
   *
   * @example
   * ```ts
   * const [ada, grace] = await kv.space<number>('balance').snapshot(['ada', 'grace']);
   * console.log((ada?.value ?? 0) + (grace?.value ?? 0));
   * ```
   */
  snapshot<T extends V = V, const K extends readonly Key[] = readonly Key[]>(
    keys: K,
    options?: SnapshotOptions,
  ): Promise<Entries<T, K>>;

  /**
   * Writes a key. Without `ifVersion` the result is `Committed`; with it, it may be a `Conflict`,
   * and nothing was written.
   *
   * @example
   * ```ts
   * const { version } = await users.set('7', { name: 'Ada' }, { ttl: 60_000 });
   * const again = await users.set('7', { name: 'Grace' }, { ifVersion: version });
   * if (!again.ok) console.log(`written meanwhile, version ${again.version}`);
   * ```
   */
  set(
    key: Key,
    value: V,
    options?: SetOptions & { readonly ifVersion?: never },
  ): Promise<Committed>;
  set(key: Key, value: V, options: SetOptions): Promise<Committed | Conflict>;

  /**
   * Deletes a key; `wasThere` says whether it existed. With `ifVersion` the result may be a
   * `Conflict`, and nothing was deleted.
   *
   * @example
   * ```ts
   * const { wasThere } = await users.delete('7');
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
   * const visits = await kv.space('visits').add('2026-11-29');
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
   * const line = new TextEncoder().encode('started\n');
   * const length = await kv.space('log', { codec: utf8 }).append('today', line);
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
   * const isLoggedIn = await kv.space('session').touch('9', 30 * 60_000);
   * ```
   */
  touch(key: Key, ttl: number | null, options?: CallOptions): Promise<boolean>;

  /**
   * Begins an atomic command: checks and writes that take effect together or not at all, wherever
   * their keys are.
   *
   * @example
   * ```ts
   * const result = await users.atomic().set('7', { name: 'Ada' }).delete('8').commit();
   * console.log(result.ok);
   * ```
   */
  atomic(): Atomic<V>;

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
   * await users.transaction(async (tx) => {
   *   const user = await tx.get('7');
   *   if (user) tx.set('8', user.value).delete('7');
   * });
   * ```
   */
  transaction<T>(
    work: (tx: Transaction<V>) => Promise<T> | T,
    options: Detailed<TransactionOptions>,
  ): Promise<TransactionDetails<T>>;
  transaction<T>(
    work: (tx: Transaction<V>) => Promise<T> | T,
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
   * for await (const { key, value } of users.scan({ limit: 20 })) console.log(key, value.name);
   * ```
   */
  scan(options: KeysOnly<ScanOptions>): Scanning<ScannedKey>;
  scan<T extends V = V>(options?: WithValues<ScanOptions>): Scanning<ScannedEntry<T>>;
  scan<T extends V = V>(options: ScanOptions): Scanning<ScannedEntry<T> | ScannedKey>;

  /**
   * Reads the keys of a range in their order, without values: as `scan` does, also in its cursor.
   *
   * @example
   * ```ts
   * for await (const key of users.keys({ reverse: true, limit: 10 })) console.log(key);
   * ```
   */
  keys(options?: KeysOptions): Scanning<Key>;

  /**
   * Counts the keys of a range. Each shard counts at a moment of its own; see `scan` for tags.
   *
   * @example
   * ```ts
   * const count = await users.count();
   * ```
   */
  count(options?: CountOptions): Promise<number>;

  /**
   * Whether a range has no keys. Reads one key of each shard at most.
   *
   * @example
   * ```ts
   * if (await users.isEmpty()) console.log('no users');
   * ```
   */
  isEmpty(options?: CountOptions): Promise<boolean>;

  /**
   * Deletes the keys of a range, up to 1024 at a time, in their order: all that exist when the call
   * begins; a key that is written meanwhile may stay or go. Not atomic: if the call fails, a part
   * of the keys is deleted, and the same call again deletes the rest. All keys of the space are
   * deleted only with `{ everything: true }`. Works on a nearly full disk.
   *
   * @example
   * ```ts
   * const { deleted } = await users.clear({ prefix: 'guest-' });
   * await users.clear({ everything: true }); // all users
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
   * for await (const event of users.watch()) {
   *   if (event.type === 'set') console.log(event.key, event.value.name, event.version);
   *   if (event.type === 'synced') console.log('up to date');
   * }
   * ```
   */
  watch(options: WatchKeys<ChangesOnly>): Watch<KeyEvent>;
  watch(options: WatchKeys): Watch<KeyEvent | WatchStatus>;
  watch<T extends V = V>(options: WithValues<ChangesOnly>): Watch<ChangeEvent<T>>;
  watch<T extends V = V>(options?: WithValues<WatchOptions>): Watch<WatchEvent<T>>;
  watch<T extends V = V>(options: WatchOptions): Watch<WatchEvent<T> | KeyEvent>;

  /**
   * Keeps a copy of a range in memory that follows the cluster: reading it sends nothing. See
   * `View`.
   *
   * @example
   * ```ts
   * await using all = users.view();
   * await all.ready;
   * console.log(all.size, all.get('7')?.value.name);
   * ```
   */
  view<T extends V = V>(options?: ViewOptions): View<T>;

  /**
   * A space within this one: its keys begin with both names. No request is sent. With `keys`, scans
   * return the keys of the space in that form.
   *
   * @example
   * ```ts
   * const orders = users.space<number>('order', { keys: 'tuple' });
   * for await (const { key, value } of orders.scan({ prefix: [2026] })) console.log(key, value);
   * const sessions = users.space<string>('session', { codec: utf8 });
   * await sessions.set('9', 'open'); // the key is user:session:9
   * ```
   */
  space<U>(name: string, options?: SpaceOptions<U>): Space<U>;
}
