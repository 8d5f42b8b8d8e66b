/** Collects the operations of an atomic command. */

import type { KvError } from '../base/errors.ts';
import type { Operation } from '../machine/command.ts';
import { type Int64, int64From } from '../machine/int64.ts';
import type { Atomic, CommittedTogether, Conflict } from './atomic.ts';
import { type Encoded, type Encoding, encodingIn } from './encoding.ts';
import type { FenceSource } from './fence.ts';
import type { Key } from './key.ts';
import type { CallOptions } from './options.ts';
import { appendedBytesOf, invalid, lifeOf, touchedLifeOf, versionOf } from './options.ts';
import type { LifeOptions } from './write-options.ts';
import { WriteTerms } from './write-terms.ts';

/** Sends the command. Results are asked for with keys of the space with this encoding. */
interface AtomicHome {
  commit(
    { operations, keys }: Collected,
    encoding: Encoding<unknown>,
    options: CallOptions,
  ): Promise<CommittedTogether | Conflict>;
}

/** What the methods have collected, in whatever space. */
export interface Collected {
  readonly operations: readonly Operation[];
  /** Of each operation, as the caller gave it. */
  readonly keys: readonly Key[];
  readonly terms: WriteTerms;
}

interface Collecting extends Collected {
  readonly operations: Operation[];
  readonly keys: Key[];
  /** The first invalid argument: `commit` rejects with it. */
  fault: unknown;
}

export class AtomicCommand<V> implements Atomic<V> {
  readonly #home: AtomicHome;
  readonly #encoding: Encoding<V>;
  readonly #collected: Collecting;

  constructor(home: AtomicHome, encoding: Encoding<V>, collected: Collecting | WriteTerms) {
    this.#home = home;
    this.#encoding = encoding;
    this.#collected =
      collected instanceof WriteTerms
        ? { operations: [], keys: [], terms: collected, fault: undefined }
        : collected;
  }

  in<U>(space: Encoded<U>): Atomic<U> {
    const encoding = encodingIn(space, this.#encoding.home);
    if (encoding === undefined) this.#collected.fault ??= strangeSpace();
    const own = this.#encoding as unknown as Encoding<U>;
    return new AtomicCommand<U>(this.#home, encoding ?? own, this.#collected);
  }

  check(entry: { readonly key: Key; readonly version: number }): this;
  check(key: Key, version: number): this;
  check(first: Key | { readonly key: Key; readonly version: number }, given?: number): this {
    const isEntry = typeof first === 'object' && first !== null && 'version' in first;
    const { key, version } = isEntry ? first : { key: first, version: given };
    return this.#add(key, (bytes) => {
      return { type: 'check-version', key: bytes, version: versionOf(version as number) };
    });
  }

  absent(key: Key): this {
    return this.#add(key, (bytes) => ({ type: 'check-version', key: bytes, version: 0 }));
  }

  set(key: Key, value: V, options: LifeOptions = {}): this {
    return this.#add(key, (bytes) => {
      const life = this.#collected.terms.lifeOf(options);
      return { type: 'set', key: bytes, value: this.#encoding.bytesOf(value), ...life };
    });
  }

  delete(key: Key): this {
    return this.#add(key, (bytes) => ({ type: 'delete', key: bytes }));
  }

  add(key: Key, operand: bigint | number, options: { readonly ttl?: number } = {}): this {
    return this.#compute('add', key, operand, options.ttl);
  }

  min(key: Key, operand: bigint | number, options: { readonly ttl?: number } = {}): this {
    return this.#compute('min', key, operand, options.ttl);
  }

  max(key: Key, operand: bigint | number, options: { readonly ttl?: number } = {}): this {
    return this.#compute('max', key, operand, options.ttl);
  }

  append(key: Key, value: Uint8Array, options: { readonly ttl?: number } = {}): this {
    return this.#add(key, (bytes) => {
      const lifeMilliseconds = lifeOf(options.ttl);
      return { type: 'append', key: bytes, value: appendedBytesOf(value), lifeMilliseconds };
    });
  }

  touch(key: Key, ttl: number | null): this {
    return this.#add(key, (bytes) => {
      return { type: 'touch', key: bytes, lifeMilliseconds: touchedLifeOf(ttl) };
    });
  }

  fence(source: FenceSource): this {
    const collected = this.#collected;
    try {
      collected.terms.guard(source);
    } catch (error) {
      collected.fault ??= error;
    }
    return this;
  }

  commit(options: CallOptions = {}): Promise<CommittedTogether | Conflict> {
    const { operations, keys, terms, fault } = this.#collected;
    const isWriting = operations.some(({ type }) => !type.startsWith('check'));
    const refused =
      fault ?? (isWriting ? undefined : invalid('an atomic command must write at least one key'));
    if (refused !== undefined) {
      const promise = Promise.reject(refused);
      promise.catch(() => {});
      return promise;
    }
    const collected = { operations: [...operations], keys: [...keys], terms };
    return this.#home.commit(collected, this.#encoding as Encoding<unknown>, options);
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
    const collected = this.#collected;
    try {
      collected.operations.push(make(this.#encoding.keyOf(key)));
      collected.keys.push(key);
    } catch (error) {
      collected.fault ??= error;
    }
    return this;
  }
}

function strangeSpace(): KvError {
  return invalid('the space belongs to another client; an atomic command has one client');
}

export function operandOf(operand: bigint | number): Int64 {
  const isWhole = typeof operand === 'bigint' || Number.isSafeInteger(operand);
  const value = isWhole ? BigInt(operand) : undefined;
  if (value === undefined || BigInt.asIntN(64, value) !== value) {
    throw invalid(`operand must be an integer of 64 bits (got ${operand})`);
  }
  return int64From(value);
}
