/** Spaces: keys with one prefix and values of one type, and the calls on them. */

import type { Command, Operation } from '../machine/command.ts';
import { bigintFrom } from '../machine/int64.ts';
import {
  Atomic,
  type Collected,
  type Committed,
  type CommittedTogether,
  type Conflict,
  type Deleted,
  operandOf,
} from './atomic.ts';
import { type Cleared, type ClearOptions, type ClearRange, clearRange } from './clearing.ts';
import type { Codec } from './codec.ts';
import type { CountCall, ReadCall, RowsRead, WriteCall } from './core/call.ts';
import {
  ENCODING,
  type Encoded,
  type Encoding,
  type Entries,
  type Entry,
  type ScannedEntry,
  type ScannedKey,
} from './encoding.ts';
import type { Engine } from './engine.ts';
import type { Key } from './key.ts';
import {
  type AddOptions,
  appendedBytesOf,
  type CallOptions,
  jointLevelOf,
  levelOf,
  lifeOf,
  type Read,
  type ReadOptions,
  type SetOptions,
  type SnapshotOptions,
  type SpaceOptions,
  timeoutOf,
  touchedLifeOf,
  type Unconditional,
  type WriteOptions,
} from './options.ts';
import type { RangeOptions } from './range-options.ts';
import { committedOf, committedTogether, conflictOf, guarded, outputOf } from './results.ts';
import {
  type CountOptions,
  type EntryOf,
  type KeysOnly,
  type KeysOptions,
  Scanning,
  type ScanOptions,
  type WithValues,
} from './scanning.ts';
import type { Transaction, TransactionOptions } from './transaction.ts';
import { runTransaction } from './transaction-loop.ts';

interface Defaults {
  readonly timeout: number;
  readonly read: Read;
}

interface SpaceParts<V> {
  readonly engine: Engine;
  readonly defaults: Defaults;
  readonly encoding: Encoding<V>;
}

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
export class Space<V = unknown> implements Encoded<V> {
  readonly [ENCODING]: Encoding<V>;
  readonly #engine: Engine;
  readonly #defaults: Defaults;

  constructor({ engine, defaults, encoding }: SpaceParts<V>) {
    this[ENCODING] = encoding;
    this.#engine = engine;
    this.#defaults = defaults;
  }

  /**
   * Reads a key. Undefined if the key does not exist.
   *
   * @example
   * ```ts
   * const entry = await users.get('7');
   * if (entry) console.log(entry.value.name, entry.version);
   * ```
   */
  get<T extends V = V>(key: Key, options: ReadOptions = {}): Promise<Entry<T> | undefined> {
    const encoding = this[ENCODING] as unknown as Encoding<T>;
    return this.#engine.ask<ReadCall, Entry<T> | undefined>(
      () => this.#reading([key], options, { isJoint: false }),
      ({ rows, clocks }: RowsRead) => encoding.entryOf(key, rows[0], clocks[0]),
      options.signal,
    );
  }

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
    options: ReadOptions = {},
  ): Promise<Entries<T, K>> {
    return this.#readAll<T, K>(keys, options, { isJoint: false });
  }

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
    options: SnapshotOptions = {},
  ): Promise<Entries<T, K>> {
    return this.#readAll<T, K>(keys, options, { isJoint: true });
  }

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
  set(key: Key, value: V, options?: Unconditional<SetOptions>): Promise<Committed>;
  set(key: Key, value: V, options: SetOptions): Promise<Committed | Conflict>;
  set(key: Key, value: V, options: SetOptions = {}): Promise<Committed | Conflict> {
    return this.#write([key], options, () => {
      const bytes = this[ENCODING].keyOf(key);
      const lifeMilliseconds = lifeOf(options.ttl);
      const put: Operation = {
        type: 'set',
        key: bytes,
        value: this[ENCODING].bytesOf(value),
        lifeMilliseconds,
      };
      return guarded(put, options);
    });
  }

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
  delete(key: Key, options?: Unconditional<WriteOptions>): Promise<Deleted>;
  delete(key: Key, options: WriteOptions): Promise<Deleted | Conflict>;
  delete(key: Key, options: WriteOptions = {}): Promise<Deleted | Conflict> {
    return this.#engine.ask<WriteCall, Deleted | Conflict>(
      () => {
        const command = guarded({ type: 'delete', key: this[ENCODING].keyOf(key) }, options);
        return this.#writing(command, options);
      },
      (result) => {
        const told = committedOf(result, [key, key]);
        if (!told.ok) return told;
        const output = outputOf(result, 'presence');
        return { ...told, wasThere: output.wasThere };
      },
      options.signal,
    );
  }

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
  add(key: Key, by: bigint | number = 1, options: AddOptions = {}): Promise<bigint> {
    return this.#engine.ask<WriteCall, bigint>(
      () => {
        const add: Operation = {
          type: 'add',
          key: this[ENCODING].keyOf(key),
          operand: operandOf(by),
          lifeMilliseconds: lifeOf(options.ttl),
        };
        return this.#writing([add], options);
      },
      (result) => bigintFrom(outputOf(result, 'integer').value),
      options.signal,
    );
  }

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
  append(key: Key, value: Uint8Array, options: AddOptions = {}): Promise<number> {
    return this.#engine.ask<WriteCall, number>(
      () => {
        const append: Operation = {
          type: 'append',
          key: this[ENCODING].keyOf(key),
          value: appendedBytesOf(value),
          lifeMilliseconds: lifeOf(options.ttl),
        };
        return this.#writing([append], options);
      },
      (result) => outputOf(result, 'appended').length,
      options.signal,
    );
  }

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
  touch(key: Key, ttl: number | null, options: CallOptions = {}): Promise<boolean> {
    return this.#engine.ask<WriteCall, boolean>(
      () => {
        const lifeMilliseconds = touchedLifeOf(ttl);
        return this.#writing(
          [{ type: 'touch', key: this[ENCODING].keyOf(key), lifeMilliseconds }],
          options,
        );
      },
      (result) => outputOf(result, 'presence').wasThere,
      options.signal,
    );
  }

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
  atomic(): Atomic<V> {
    const home = {
      commit: (
        { operations, keys }: Collected,
        encoding: Encoding<unknown>,
        options: CallOptions,
      ) =>
        this.#engine.ask<WriteCall, CommittedTogether | Conflict>(
          () => this.#writing(operations, options),
          ({ reply }) =>
            reply.type === 'done'
              ? committedTogether(reply, operations, encoding)
              : conflictOf(reply, keys),
          options.signal,
        ),
    };
    return new Atomic<V>(home, this[ENCODING]);
  }

  /**
   * Runs a function as a transaction: what it reads was true, and what it writes takes effect, at
   * one moment. If other writes are in the way, the function runs again until the timeout; then the
   * call rejects with `contended`, and nothing took effect. An exception of the function is passed
   * on if what it had read was true together. Resolves to what the function returned in the run
   * that took effect. See `Transaction` for its parameter.
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
    options: TransactionOptions = {},
  ): Promise<T> {
    const parts = { engine: this.#engine, encoding: this[ENCODING], defaults: this.#defaults };
    const promise = runTransaction(work, parts, options);
    // A rejected promise that the caller ignores must not end the process.
    promise.catch(() => {});
    return promise;
  }

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
  scan(options: ScanOptions = {}): Scanning<ScannedEntry<V> | ScannedKey> {
    const { keys = 'text' } = options;
    const encoding = this[ENCODING];
    return this.#scanning(options, (row) => encoding.scannedOf(row, keys));
  }

  /**
   * Reads the keys of a range in their order, without values: as `scan` does, also in its cursor.
   *
   * @example
   * ```ts
   * for await (const key of users.keys({ reverse: true, limit: 10 })) console.log(key);
   * ```
   */
  keys(options: KeysOptions = {}): Scanning<Key> {
    const { keys = 'text' } = options;
    const encoding = this[ENCODING];
    return this.#scanning({ ...options, keysOnly: true }, ({ key }) =>
      encoding.innerKeyOf(key, keys),
    );
  }

  /**
   * Counts the keys of a range. Each shard counts at a moment of its own; see `scan` for tags.
   *
   * @example
   * ```ts
   * const count = await users.count();
   * ```
   */
  count(options: CountOptions = {}): Promise<number> {
    return this.#engine.ask<CountCall, number>(
      () => ({
        type: 'count',
        range: this[ENCODING].rangeOf(options),
        level: levelOf(options.read ?? this.#defaults.read),
        timeoutMilliseconds: this.#timeoutOf(options),
      }),
      ({ count }) => count,
      options.signal,
    );
  }

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
  clear(range: ClearRange, options: ClearOptions = {}): Promise<Cleared> {
    const home = {
      rangeOf: (bounds: RangeOptions) => this[ENCODING].rangeOf(bounds),
      keys: (terms: KeysOptions) => this.keys(terms),
      delete: (key: Key, terms: CallOptions) => this.delete(key, terms),
    };
    const promise = clearRange(home, range, options);
    // A rejected promise that the caller ignores must not end the process.
    promise.catch(() => {});
    return promise;
  }

  /**
   * A space within this one: its keys begin with both names. No request is sent.
   *
   * @example
   * ```ts
   * const sessions = users.space<string>('session', { codec: utf8 });
   * await sessions.set('9', 'open'); // the key is user:session:9
   * ```
   */
  space<U>(name: string, options: SpaceOptions<U> = {}): Space<U> {
    const codec = options.codec as Codec<U> | undefined;
    const encoding = this[ENCODING].within<U>(name, codec);
    return new Space<U>({ engine: this.#engine, defaults: this.#defaults, encoding });
  }

  #scanning<E>(options: ScanOptions, entryOf: EntryOf<E>): Scanning<E> {
    const { timeout, read } = this.#defaults;
    const whole = { timeout, read, ...options };
    return new Scanning<E>({
      engine: this.#engine,
      options: whole,
      encoding: this[ENCODING] as Encoding<unknown>,
      entryOf,
    });
  }

  #timeoutOf({ timeout }: CallOptions): number {
    return timeoutOf(timeout, this.#defaults.timeout);
  }

  #readAll<T extends V, const K extends readonly Key[]>(
    keys: K,
    options: ReadOptions,
    terms: { readonly isJoint: boolean },
  ): Promise<Entries<T, K>> {
    const encoding = this[ENCODING] as unknown as Encoding<T>;
    return this.#engine.ask<ReadCall, Entries<T, K>>(
      () => this.#reading(keys, options, terms),
      ({ rows, clocks }) =>
        keys.map((key, at) => encoding.entryOf(key, rows[at], clocks[at])) as Entries<T, K>,
      options.signal,
    );
  }

  #reading(
    keys: readonly Key[],
    { read, timeout }: ReadOptions,
    { isJoint }: { readonly isJoint: boolean },
  ) {
    const usual = this.#defaults.read;
    return {
      type: 'read',
      keys: keys.map((key) => this[ENCODING].keyOf(key)),
      level: isJoint ? jointLevelOf(read, usual) : levelOf(read ?? usual),
      isJoint,
      timeoutMilliseconds: timeoutOf(timeout, this.#defaults.timeout),
    } as const;
  }

  #writing(command: Command, options: CallOptions) {
    return { type: 'write', command, timeoutMilliseconds: this.#timeoutOf(options) } as const;
  }

  #write(
    keys: readonly Key[],
    options: CallOptions,
    commandOf: () => Command,
  ): Promise<Committed | Conflict> {
    return this.#engine.ask<WriteCall, Committed | Conflict>(
      () => this.#writing(commandOf(), options),
      (result) => committedOf(result, keys),
      options.signal,
    );
  }
}
