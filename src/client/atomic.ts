/** Atomic commands: checks and writes that take effect together, or not at all. */

import type { Command, Operation } from '../machine/command.ts';
import { type Int64, int64From } from '../machine/int64.ts';
import type { Encoding } from './encoding.ts';
import type { Key } from './key.ts';
import type { CallOptions } from './options.ts';
import { appendedBytesOf, invalid, lifeOf, touchedLifeOf, versionOf } from './options.ts';

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

/** The space of an atomic command: it encodes keys and values, and sends the command. */
interface AtomicHome<V> {
  readonly encoding: Encoding<V>;
  commit(
    command: Command,
    keys: readonly Key[],
    options: CallOptions,
  ): Promise<CommittedTogether | Conflict>;
}

/**
 * An atomic command: checks and writes that take effect at one moment, or not at all. Its methods
 * collect operations, and `commit` sends them. Keys may be in any shards: keys of one shard, such
 * as those with the same `{tag}`, cost a single write; keys of several shards are locked meanwhile.
 * An invalid argument of any method rejects `commit`.
 *
 * @example
 * ```ts
 * const seat = { key: 'seat:12', version: 0 }; // does not exist
 * const result = await kv.atomic().check(seat).set('seat:12', 'Ada').add('seats', -1n).commit();
 * if (!result.ok) console.log(`taken: ${String(result.key)}`);
 * ```
 */
export class Atomic<V> {
  readonly #home: AtomicHome<V>;
  readonly #operations: Operation[] = [];
  readonly #keys: Key[] = [];
  /** The first invalid argument: `commit` rejects with it. */
  #fault: unknown;

  constructor(home: AtomicHome<V>) {
    this.#home = home;
  }

  /**
   * Checks that a key still has the version that was read; version 0: that it does not exist. An
   * entry from `get` can be passed as it is.
   *
   * @example
   * ```ts
   * const entry = await kv.get<number>('a');
   * if (entry) await kv.atomic().check(entry).set('b', entry.value).commit();
   * ```
   */
  check(entry: { readonly key: Key; readonly version: number }): this {
    return this.#add(entry.key, (key) => {
      return { type: 'check-version', key, version: versionOf(entry.version) };
    });
  }

  /**
   * Writes a key; `ttl` is its time to live in milliseconds.
   *
   * @example
   * ```ts
   * await kv.atomic().set('session:9', { user: 7 }, { ttl: 60_000 }).set('last', 9).commit();
   * ```
   */
  set(key: Key, value: V, options: { readonly ttl?: number } = {}): this {
    return this.#add(key, (bytes) => {
      const lifeMilliseconds = lifeOf(options.ttl);
      return {
        type: 'set',
        key: bytes,
        value: this.#home.encoding.bytesOf(value),
        lifeMilliseconds,
      };
    });
  }

  /**
   * Deletes a key; one that does not exist is no failure.
   *
   * @example
   * ```ts
   * await kv.atomic().set('done:7', true).delete('open:7').commit();
   * ```
   */
  delete(key: Key): this {
    return this.#add(key, (bytes) => ({ type: 'delete', key: bytes }));
  }

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
  add(key: Key, operand: bigint | number, options: { readonly ttl?: number } = {}): this {
    return this.#compute('add', key, operand, options.ttl);
  }

  /**
   * Keeps the smaller of the stored integer and the operand; a key that does not exist is set.
   *
   * @example
   * ```ts
   * await kv.atomic().min('temperature:min', 12).max('temperature:max', 31).commit();
   * ```
   */
  min(key: Key, operand: bigint | number, options: { readonly ttl?: number } = {}): this {
    return this.#compute('min', key, operand, options.ttl);
  }

  /**
   * Keeps the larger of the stored integer and the operand; a key that does not exist is set.
   *
   * @example
   * ```ts
   * await kv.atomic().max('seen', 1_042).commit();
   * ```
   */
  max(key: Key, operand: bigint | number, options: { readonly ttl?: number } = {}): this {
    return this.#compute('max', key, operand, options.ttl);
  }

  /**
   * Appends bytes to the stored bytes, whichever codec wrote them; a key that does not exist is
   * empty.
   *
   * @example
   * ```ts
   * await kv.atomic().append('log', new TextEncoder().encode('started\n')).commit();
   * ```
   */
  append(key: Key, value: Uint8Array, options: { readonly ttl?: number } = {}): this {
    return this.#add(key, (bytes) => {
      const lifeMilliseconds = lifeOf(options.ttl);
      return { type: 'append', key: bytes, value: appendedBytesOf(value), lifeMilliseconds };
    });
  }

  /**
   * Sets when a key expires: in `ttl` milliseconds, or never with `null`. The version stays; a key
   * that does not exist is no failure.
   *
   * @example
   * ```ts
   * await kv.atomic().add('visits', 1).touch('session:9', 30 * 60_000).commit();
   * ```
   */
  touch(key: Key, ttl: number | null): this {
    return this.#add(key, (bytes) => {
      return { type: 'touch', key: bytes, lifeMilliseconds: touchedLifeOf(ttl) };
    });
  }

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
  commit(options: CallOptions = {}): Promise<CommittedTogether | Conflict> {
    const fault = this.#fault;
    const isWriting = this.#operations.some(({ type }) => !type.startsWith('check'));
    const refused =
      fault ?? (isWriting ? undefined : invalid('an atomic command must write at least one key'));
    if (refused !== undefined) {
      const promise = Promise.reject(refused);
      promise.catch(() => {});
      return promise;
    }
    return this.#home.commit([...this.#operations], [...this.#keys], options);
  }

  #compute(
    type: 'add' | 'min' | 'max',
    key: Key,
    operand: bigint | number,
    ttl: number | undefined,
  ): this {
    return this.#add(key, (bytes) => {
      return { type, key: bytes, operand: operandOf(operand), lifeMilliseconds: lifeOf(ttl) };
    });
  }

  #add(key: Key, make: (bytes: Uint8Array) => Operation): this {
    try {
      this.#operations.push(make(this.#home.encoding.keyOf(key)));
      this.#keys.push(key);
    } catch (error) {
      this.#fault ??= error;
    }
    return this;
  }
}

export function operandOf(operand: bigint | number): Int64 {
  const isWhole = typeof operand === 'bigint' || Number.isSafeInteger(operand);
  const value = isWhole ? BigInt(operand) : undefined;
  if (value === undefined || BigInt.asIntN(64, value) !== value) {
    throw invalid(`operand must be an integer of 64 bits (got ${operand})`);
  }
  return int64From(value);
}
