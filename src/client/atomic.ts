/** Atomic commands: checks and writes that take effect together, or not at all. */

import type { Encoded } from './encoding.ts';
import type { FenceSource } from './fence.ts';
import type { Key } from './key.ts';
import type { CallOptions } from './options.ts';
import type { LifeOptions } from './write-options.ts';

/** The result of a write of one key that took effect. */
export interface Committed {
  /** The write took effect. */
  readonly ok: true;
  /**
   * The version of the key until it is written again, for `ifVersion` and `check`:
   * `kv.set('a', 2, { ifVersion: written.version })`.
   */
  readonly version: number;
}

/** The result of a delete that took effect. */
export interface Deleted extends Committed {
  /** Whether the key existed before. */
  readonly wasThere: boolean;
}

/**
 * The result of an atomic command that took effect: all its writes did. Each shard counts its own
 * versions, so the command has no version as a whole; each key has its own.
 */
export interface CommittedTogether {
  /** All writes took effect. */
  readonly ok: true;
  /**
   * The version of a key that the command wrote, 0 if it deleted the key, for `ifVersion` and
   * `check`. `invalid-argument` if the command did not write the key, or only touched it.
   *
   * @example
   * ```ts
   * const result = await kv.atomic().set('a', 1).set('b', 2).commit();
   * if (result.ok) await kv.set('a', 3, { ifVersion: result.versionOf('a') });
   * ```
   */
  versionOf(key: Key): number;
  /**
   * What `add`, `min` or `max` of this command made of a key. `invalid-argument` if the command has
   * none of them for the key.
   *
   * @example
   * ```ts
   * const result = await kv.atomic().add('orders', 1).set('order:new', 'tea').commit();
   * if (result.ok) console.log(`order ${result.resultOf('orders')}`);
   * ```
   */
  resultOf(key: Key): bigint;
  /**
   * The length in bytes that `append` of this command gave to a key. `invalid-argument` if the
   * command has no `append` for the key.
   *
   * @example
   * ```ts
   * const line = new TextEncoder().encode('started\n');
   * const result = await kv.atomic().append('log', line).add('lines', 1).commit();
   * if (result.ok) console.log(result.lengthOf('log'));
   * ```
   */
  lengthOf(key: Key): number;
  /**
   * The same results, for keys of another space. Without it, keys are those of the space whose
   * `commit` was called.
   *
   * @example
   * ```ts
   * const users = kv.space<User>('user');
   * const result = await kv.atomic().add('users', 1).in(users).set('7', { name: 'Ada' }).commit();
   * if (result.ok) console.log(result.versionOf('7'), result.in(kv).resultOf('users'));
   * ```
   */
  in(space: Encoded<unknown>): CommittedTogether;
}

/** The result of a conditional write that did not take effect: a check failed. */
export interface Conflict {
  /** No write took effect. */
  readonly ok: false;
  /** The first key whose check failed. */
  readonly key: Key;
  /** The version that this key has; 0 if it does not exist. */
  readonly version: number;
}

/**
 * An atomic command: checks and writes that take effect at one moment, or not at all. Its methods
 * collect operations, and `commit` sends them. Keys may be in any shards: keys of one shard, such
 * as those with the same `{tag}`, cost a single write; keys of several shards are locked meanwhile.
 * An invalid argument of any method rejects `commit`.
 *
 * @example
 * ```ts
 * const taking = kv.atomic().absent('seat:12').set('seat:12', 'Ada').add('seats', -1n);
 * const result = await taking.commit();
 * if (!result.ok) console.log(`taken: ${String(result.key)}`);
 * ```
 */
export interface Atomic<V> {
  /**
   * The same command, with the keys and values of a space of this client.
   *
   * @example
   * ```ts
   * const users = kv.space<User>('user');
   * const command = kv.atomic().add('users', 1).in(users).absent('7').set('7', { name: 'Ada' });
   * await command.commit();
   * ```
   */
  in<U>(space: Encoded<U>): Atomic<U>;

  /**
   * Checks that a key still has the version that was read; version 0: that it does not exist. An
   * entry from `get` of this space can be passed as it is.
   *
   * @example
   * ```ts
   * const entry = await kv.get<number>('a');
   * if (entry) await kv.atomic().check(entry).set('b', entry.value).commit();
   * await kv.atomic().check('a', entry?.version ?? 0).set('b', 2).commit();
   * ```
   */
  check(entry: { readonly key: Key; readonly version: number }): this;
  check(key: Key, version: number): this;

  /**
   * Checks that a key does not exist.
   *
   * @example
   * ```ts
   * const result = await kv.atomic().absent('user:7').set('user:7', { name: 'Ada' }).commit();
   * if (!result.ok) console.log(`exists with version ${result.version}`);
   * ```
   */
  absent(key: Key): this;

  /**
   * Writes a key; `ttl` is its time to live in milliseconds. With a `lease` it is deleted when that
   * ends.
   *
   * @example
   * ```ts
   * await kv.atomic().set('session:9', { user: 7 }, { ttl: 60_000 }).set('last', 9).commit();
   * ```
   */
  set(key: Key, value: V, options?: LifeOptions): this;

  /**
   * Deletes a key; one that does not exist is no failure.
   *
   * @example
   * ```ts
   * await kv.atomic().set('done:7', true).delete('open:7').commit();
   * ```
   */
  delete(key: Key): this;

  /**
   * Adds to an integer of 64 bits; a key that does not exist counts as 0. `commit` rejects with
   * `not-a-number` or `overflow`, and nothing takes effect. `ttl` is the time to live, in
   * milliseconds, of a key that is created; one that exists keeps its expiry. `min`, `max` and
   * `append` have it too.
   *
   * @example
   * ```ts
   * await kv.atomic().add('balance:ada', -10n).add('balance:grace', 10n).commit();
   * ```
   */
  add(key: Key, operand: bigint | number, options?: { readonly ttl?: number }): this;

  /**
   * Keeps the smaller of the stored integer and the operand; a key that does not exist is set.
   *
   * @example
   * ```ts
   * await kv.atomic().min('temperature:min', 12).max('temperature:max', 31).commit();
   * ```
   */
  min(key: Key, operand: bigint | number, options?: { readonly ttl?: number }): this;

  /**
   * Keeps the larger of the stored integer and the operand; a key that does not exist is set.
   *
   * @example
   * ```ts
   * await kv.atomic().max('seen', 1_042).commit();
   * ```
   */
  max(key: Key, operand: bigint | number, options?: { readonly ttl?: number }): this;

  /**
   * Appends bytes to the stored bytes, whichever codec wrote them; a key that does not exist is
   * empty.
   *
   * @example
   * ```ts
   * await kv.atomic().append('log', new TextEncoder().encode('started\n')).commit();
   * ```
   */
  append(key: Key, value: Uint8Array, options?: { readonly ttl?: number }): this;

  /**
   * Sets when a key expires: in `ttl` milliseconds, or never with `null`. The version stays; a key
   * that does not exist is no failure.
   *
   * @example
   * ```ts
   * await kv.atomic().add('visits', 1).touch('session:9', 30 * 60_000).commit();
   * ```
   */
  touch(key: Key, ttl: number | null): this;

  /**
   * Guards all writes of the command by a lock: `commit` rejects with `fenced` once a newer owner
   * of the lock has written in a shard of them, and with `lock-lost` if the lock was lost before.
   *
   * @example
   * ```ts
   * await kv.withLock('cart:7', async (lock) => {
   *   await kv.atomic().set('cart:7:items', ['tea']).add('orders', 1).fence(lock).commit();
   * });
   * ```
   */
  fence(source: FenceSource): this;

  /**
   * Sends the command. Resolves with `{ ok: true }` if all of it took effect, with a `Conflict` if
   * a check failed. Rejects with `contended` if other transactions held the keys until the timeout;
   * nothing took effect then.
   *
   * @example
   * ```ts
   * const result = await kv.atomic().set('a', 1).delete('b').commit({ timeout: 2_000 });
   * if (!result.ok) console.log(result.key, result.version);
   * ```
   */
  commit(options?: CallOptions): Promise<CommittedTogether | Conflict>;
}
