/** Atomic commands: checks and writes that happen together, or not at all. */

import type { Command, Operation } from '../machine/command.ts';
import { type Int64, int64From } from '../machine/int64.ts';
import type { Key } from './key.ts';
import type { CallOptions } from './options.ts';
import { invalid, lifeOf, versionOf } from './options.ts';

/** It happened, in the entry of the shard's log with this number. */
export interface Committed {
  readonly ok: true;
  readonly version: number;
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
  keyOf(key: Key): Uint8Array;
  valueOf(value: V): Uint8Array;
  commit(
    command: Command,
    keys: readonly Key[],
    options: CallOptions,
  ): Promise<Committed | Conflict>;
}

/** All keys have to lie in one shard for now; keys with one `{tag}` do. */
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
      return { type: 'put', key: bytes, value: this.#home.valueOf(value), lifeMilliseconds };
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

  commit(options: CallOptions = {}): Promise<Committed | Conflict> {
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
      this.#operations.push(make(this.#home.keyOf(key)));
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
