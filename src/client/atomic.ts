/** Atomic commands: checks and writes that happen together, or not at all. */

import type { Command, Operation } from '../machine/command.ts';
import { type Int64, int64From } from '../machine/int64.ts';
import type { Encoding } from './encoding.ts';
import type { Key } from './key.ts';
import type { CallOptions } from './options.ts';
import { invalid, lifeOf, versionOf } from './options.ts';

/** The write of one key happened. */
export interface Committed {
  readonly ok: true;
  /**
   * Of the key from now on, until it is written again, as `ifVersion` and `check` take it:
   * `kv.set('a', 2, { ifVersion: written.version })`.
   */
  readonly version: number;
}

/** The key is gone, if it was there. */
export interface Deleted extends Committed {
  readonly wasThere: boolean;
}

/**
 * All writes of an atomic command happened. Keys may lie in several shards, and each shard counts
 * its own versions, so there is none for the whole: each key has its own, wherever it lies.
 */
export interface CommittedTogether {
  readonly ok: true;
  /**
   * Of a key that was written, 0 if it was deleted, as `ifVersion` and `check` take it:
   * `kv.set('a', 2, { ifVersion: committed.versionOf('a') })`.
   */
  versionOf(key: Key): number;
}

/** Nothing happened: a key does not have the version, or is not what it had to be. */
export interface Conflict {
  readonly ok: false;
  readonly key: Key;
  /** What it has; 0 for a key that is not there. */
  readonly version: number;
}

/** What an atomic command is made for: it knows keys and values, and sends it. */
interface AtomicHome<V> {
  readonly encoding: Encoding<V>;
  commit(
    command: Command,
    keys: readonly Key[],
    options: CallOptions,
  ): Promise<CommittedTogether | Conflict>;
}

/**
 * Its keys may lie anywhere. Those of one shard, as those with one `{tag}` do, cost a single write;
 * those of several shards are locked for a moment, and cost some more.
 */
export class Atomic<V> {
  readonly #home: AtomicHome<V>;
  readonly #operations: Operation[] = [];
  readonly #keys: Key[] = [];
  /** What was wrong with an argument: told when it is committed. */
  #fault: unknown;

  constructor(home: AtomicHome<V>) {
    this.#home = home;
  }

  /** The key still has the version that was read; 0: it is not there. */
  check(entry: { readonly key: Key; readonly version: number }): this {
    return this.#add(entry.key, (key) => {
      return { type: 'check-version', key, version: versionOf(entry.version) };
    });
  }

  set(key: Key, value: V, options: { readonly ttl?: number } = {}): this {
    return this.#add(key, (bytes) => {
      const lifeMilliseconds = lifeOf(options.ttl);
      return {
        type: 'put',
        key: bytes,
        value: this.#home.encoding.bytesOf(value),
        lifeMilliseconds,
      };
    });
  }

  delete(key: Key): this {
    return this.#add(key, (bytes) => ({ type: 'delete', key: bytes }));
  }

  /** A key that is not there counts as 0. */
  add(key: Key, operand: bigint | number): this {
    return this.#add(key, (bytes) => {
      return { type: 'add', key: bytes, operand: operandOf(operand) };
    });
  }

  min(key: Key, operand: bigint | number): this {
    return this.#add(key, (bytes) => {
      return { type: 'min', key: bytes, operand: operandOf(operand) };
    });
  }

  max(key: Key, operand: bigint | number): this {
    return this.#add(key, (bytes) => {
      return { type: 'max', key: bytes, operand: operandOf(operand) };
    });
  }

  /** Bytes behind the bytes that are stored, whatever codec wrote them. */
  append(key: Key, value: Uint8Array): this {
    return this.#add(key, (bytes) => ({ type: 'append', key: bytes, value: value.slice() }));
  }

  /** `contended` if other transactions are in the way until the time is over: nothing happened. */
  commit(options: CallOptions = {}): Promise<CommittedTogether | Conflict> {
    const fault = this.#fault;
    const isWriting = this.#operations.some(({ type }) => !type.startsWith('check'));
    const refused =
      fault ?? (isWriting ? undefined : invalid('an atomic command writes at least one key'));
    if (refused !== undefined) {
      const promise = Promise.reject(refused);
      promise.catch(() => {});
      return promise;
    }
    return this.#home.commit([...this.#operations], [...this.#keys], options);
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
    throw invalid(`${operand} is no integer of 64 bits`);
  }
  return int64From(value);
}
