/** The calls on keys with one prefix and values of one type. */

import { isKvError } from '../base/errors.ts';
import type { Command, Operation } from '../machine/command.ts';
import { bigintFrom } from '../machine/int64.ts';
import type { Atomic, Committed, CommittedTogether, Conflict, Deleted } from './atomic.ts';
import { AtomicCommand, type Collected, operandOf } from './atomic-command.ts';
import { locate } from './call-site.ts';
import { type Cleared, type ClearOptions, type ClearRange, clearRange } from './clearing.ts';
import type { CountCall, ReadCall, RowsRead, WriteCall } from './core/call.ts';
import type { Election, ElectionOptions } from './election.ts';
import {
  ENCODING,
  type Encoding,
  type Entries,
  type Entry,
  type ScannedEntry,
  type ScannedKey,
  type SpaceOptions,
} from './encoding.ts';
import type { Engine } from './engine.ts';
import type { FenceSource } from './fence.ts';
import type { Key } from './key.ts';
import type { Lease, LeaseOptions } from './lease.ts';
import type { Lock, LockOptions, TryLockOptions } from './lock.ts';
import {
  exclusive,
  openLease,
  permitsOf,
  runLocked,
  standFor,
  takeLock,
  tryToLock,
} from './locking.ts';
import { checkOptions, signalOf } from './option-checks.ts';
import {
  appendedBytesOf,
  type CallOptions,
  jointLevelOf,
  levelOf,
  lifeOf,
  type Read,
  type ReadOptions,
  type SnapshotOptions,
  timeoutOf,
  touchedLifeOf,
} from './options.ts';
import type { RangeOptions } from './range-options.ts';
import { type EntryOf, RangeScanning } from './range-scanning.ts';
import {
  committedOf,
  committedTogether,
  conflictOf,
  detailsOf,
  guarded,
  outputOf,
} from './results.ts';
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
import { runTransaction } from './transaction-loop.ts';
import type { View, ViewOptions } from './view.ts';
import { Viewing } from './viewing.ts';
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
import { Watching } from './watching.ts';
import type { AddOptions, SetOptions, WriteOptions } from './write-options.ts';
import { WriteTerms } from './write-terms.ts';

interface Defaults {
  readonly timeout: number;
  readonly read: Read;
}

interface SpaceParts<V> {
  readonly engine: Engine;
  readonly defaults: Defaults;
  readonly encoding: Encoding<V>;
}

export class Keyspace<V> implements Space<V> {
  readonly [ENCODING]: Encoding<V>;
  readonly #engine: Engine;
  readonly #defaults: Defaults;

  constructor({ engine, defaults, encoding }: SpaceParts<V>) {
    this[ENCODING] = encoding;
    this.#engine = engine;
    this.#defaults = defaults;
  }

  get<T extends V = V>(key: Key, options: ReadOptions = {}): Promise<Entry<T> | undefined> {
    const encoding = this[ENCODING] as unknown as Encoding<T>;
    return this.#engine.ask<ReadCall, Entry<T> | undefined>(
      () => this.#reading([key], options, { isJoint: false }),
      ({ rows, clocks }: RowsRead) => encoding.entryOf(key, rows[0], clocks[0]),
      signalOf(options),
    );
  }

  getMany<T extends V = V, const K extends readonly Key[] = readonly Key[]>(
    keys: K,
    options: ReadOptions = {},
  ): Promise<Entries<T, K>> {
    return this.#readAll<T, K>(keys, options, { isJoint: false });
  }

  snapshot<T extends V = V, const K extends readonly Key[] = readonly Key[]>(
    keys: K,
    options: SnapshotOptions = {},
  ): Promise<Entries<T, K>> {
    return this.#readAll<T, K>(keys, options, { isJoint: true });
  }

  set(
    key: Key,
    value: V,
    options?: SetOptions & { readonly ifVersion?: never },
  ): Promise<Committed>;
  set(key: Key, value: V, options: SetOptions): Promise<Committed | Conflict>;
  set(key: Key, value: V, options: SetOptions = {}): Promise<Committed | Conflict> {
    return this.#engine.ask<WriteCall, Committed | Conflict>(
      () => {
        checkOptions('set', options, 'set');
        const terms = new WriteTerms(this.#engine);
        const bytes = this[ENCODING].keyOf(key);
        const life = terms.lifeOf(options);
        const put: Operation = {
          type: 'set',
          key: bytes,
          value: this[ENCODING].bytesOf(value),
          ...life,
        };
        return this.#writing(guarded(put, options), options, terms);
      },
      (result) => committedOf(result, [key]),
      signalOf(options),
    );
  }

  delete(key: Key, options?: WriteOptions & { readonly ifVersion?: never }): Promise<Deleted>;
  delete(key: Key, options: WriteOptions): Promise<Deleted | Conflict>;
  delete(key: Key, options: WriteOptions = {}): Promise<Deleted | Conflict> {
    return this.#engine.ask<WriteCall, Deleted | Conflict>(
      () => {
        checkOptions('delete', options, 'write');
        const command = guarded({ type: 'delete', key: this[ENCODING].keyOf(key) }, options);
        return this.#writing(command, options);
      },
      (result) => {
        const told = committedOf(result, [key, key]);
        if (!told.ok) return told;
        const output = outputOf(result, 'presence');
        return { ...told, wasThere: output.wasThere };
      },
      signalOf(options),
    );
  }

  add(key: Key, by: bigint | number = 1, options: AddOptions = {}): Promise<bigint> {
    return this.#engine.ask<WriteCall, bigint>(
      () => {
        checkOptions('add', options, 'add');
        const add: Operation = {
          type: 'add',
          key: this[ENCODING].keyOf(key),
          operand: operandOf(by),
          lifeMilliseconds: lifeOf(options.ttl),
        };
        return this.#writing([add], options);
      },
      (result) => bigintFrom(outputOf(result, 'integer').value),
      signalOf(options),
    );
  }

  append(key: Key, value: Uint8Array, options: AddOptions = {}): Promise<number> {
    return this.#engine.ask<WriteCall, number>(
      () => {
        checkOptions('append', options, 'add');
        const append: Operation = {
          type: 'append',
          key: this[ENCODING].keyOf(key),
          value: appendedBytesOf(value),
          lifeMilliseconds: lifeOf(options.ttl),
        };
        return this.#writing([append], options);
      },
      (result) => outputOf(result, 'appended').length,
      signalOf(options),
    );
  }

  touch(key: Key, ttl: number | null, options: CallOptions = {}): Promise<boolean> {
    return this.#engine.ask<WriteCall, boolean>(
      () => {
        checkOptions('touch', options, 'call');
        const lifeMilliseconds = touchedLifeOf(ttl);
        return this.#writing(
          [{ type: 'touch', key: this[ENCODING].keyOf(key), lifeMilliseconds }],
          options,
        );
      },
      (result) => outputOf(result, 'presence').wasThere,
      signalOf(options),
    );
  }

  atomic(): Atomic<V> {
    const home = {
      commit: (
        { operations, keys, terms }: Collected,
        encoding: Encoding<unknown>,
        options: CallOptions,
      ) =>
        this.#engine.ask<WriteCall, CommittedTogether | Conflict>(
          () => {
            checkOptions('commit', options, 'call');
            return this.#writing(operations, options, terms);
          },
          ({ reply }) =>
            reply.type === 'done'
              ? committedTogether(reply, operations, encoding)
              : conflictOf(reply, keys),
          signalOf(options),
        ),
    };
    return new AtomicCommand<V>(home, this[ENCODING], new WriteTerms(this.#engine));
  }

  transaction<T>(
    work: (tx: Transaction<V>) => Promise<T> | T,
    options: Detailed<TransactionOptions>,
  ): Promise<TransactionDetails<T>>;
  transaction<T>(
    work: (tx: Transaction<V>) => Promise<T> | T,
    options?: Plain<TransactionOptions>,
  ): Promise<T>;
  transaction<T>(
    work: (tx: Transaction<V>) => Promise<T> | T,
    options: TransactionOptions = {},
  ): Promise<T | TransactionDetails<T>> {
    const parts = { engine: this.#engine, encoding: this[ENCODING], defaults: this.#defaults };
    const encoding = this[ENCODING] as Encoding<unknown>;
    const site = this.#engine.callSiteAbove(this.transaction);
    const promise = runTransaction(work, parts, options).then(
      (end) => (options.details === true ? detailsOf({ ...end, encoding }) : end.value),
      (error) => {
        throw isKvError(error) ? locate(error, site, 'more') : error;
      },
    );
    return quiet(promise);
  }

  scan(options: KeysOnly<ScanOptions>): Scanning<ScannedKey>;
  scan<T extends V = V>(options?: WithValues<ScanOptions>): Scanning<ScannedEntry<T>>;
  scan<T extends V = V>(options: ScanOptions): Scanning<ScannedEntry<T> | ScannedKey>;
  scan(options: ScanOptions = {}): Scanning<ScannedEntry<V> | ScannedKey> {
    checkOptions('scan', options, 'scan');
    const encoding = this[ENCODING];
    const { keys = encoding.kind } = options;
    return this.#scanning(options, (row) => encoding.scannedOf(row, keys));
  }

  keys(options: KeysOptions = {}): Scanning<Key> {
    checkOptions('keys', options, 'keys');
    const encoding = this[ENCODING];
    const { keys = encoding.kind } = options;
    return this.#scanning({ ...options, keysOnly: true }, ({ key }) =>
      encoding.innerKeyOf(key, keys),
    );
  }

  count(options: CountOptions = {}): Promise<number> {
    return this.#engine.ask<CountCall, number>(
      () => {
        checkOptions('count', options, 'count');
        return {
          type: 'count',
          range: this[ENCODING].rangeOf(options),
          level: levelOf(options.read ?? this.#defaults.read),
          timeoutMilliseconds: this.#timeoutOf(options),
        };
      },
      ({ count }) => count,
      signalOf(options),
    );
  }

  isEmpty(options: CountOptions = {}): Promise<boolean> {
    return quiet(this.#findsNone(options));
  }

  clear(range: ClearRange, options: ClearOptions = {}): Promise<Cleared> {
    return quiet(this.#clear(range, options));
  }

  watch(options: WatchKeys<ChangesOnly>): Watch<KeyEvent>;
  watch(options: WatchKeys): Watch<KeyEvent | WatchStatus>;
  watch<T extends V = V>(options: WithValues<ChangesOnly>): Watch<ChangeEvent<T>>;
  watch<T extends V = V>(options?: WithValues<WatchOptions>): Watch<WatchEvent<T>>;
  watch<T extends V = V>(options: WatchOptions): Watch<WatchEvent<T> | KeyEvent>;
  watch(options: WatchOptions = {}): Watch<WatchEvent<V> | KeyEvent> {
    // Not spread: a copy with one more property has a hidden class of its own, of 300 bytes.
    const { engine, encoding, timeout } = this.#following();
    return new Watching<V>({ engine, encoding, timeout, options });
  }

  view<T extends V = V>(options: ViewOptions = {}): View<T> {
    const { engine, encoding, timeout } = this.#following();
    return new Viewing<T>({
      engine,
      timeout,
      encoding: encoding as unknown as Encoding<T>,
      options,
    });
  }

  space<U>(name: string, options: SpaceOptions<U> = {}): Space<U> {
    checkOptions('space', options, 'space');
    const encoding = this[ENCODING].within<U>(name, options);
    return new Keyspace<U>({ engine: this.#engine, defaults: this.#defaults, encoding });
  }

  lease(options: LeaseOptions = {}): Promise<Lease> {
    return quiet(openLease(this.#locking, options));
  }

  lock(name: Key, options: LockOptions = {}): Promise<Lock> {
    return takeLock(this.#locking, name, exclusive, options);
  }

  tryLock(name: Key, options: TryLockOptions = {}): Promise<Lock | undefined> {
    return quiet(tryToLock(this.#locking, name, options));
  }

  withLock<T>(
    name: Key,
    work: (lock: Lock) => Promise<T> | T,
    options: LockOptions = {},
  ): Promise<T> {
    return quiet(runLocked(this.#locking, name, work, options));
  }

  semaphore(
    name: Key,
    permits: number,
    options: LockOptions & { readonly shared?: never } = {},
  ): Promise<Lock> {
    return takeLock(this.#locking, name, () => permitsOf(permits), options, 'semaphore');
  }

  elect<T>(key: Key, options: ElectionOptions<T>): Election<T> {
    return standFor<T>(this.#locking, this as unknown as Space<T>, key, options);
  }

  get #locking() {
    const { timeout } = this.#defaults;
    return { engine: this.#engine, encoding: this[ENCODING] as Encoding<unknown>, timeout };
  }

  async #clear(range: ClearRange, options: ClearOptions): Promise<Cleared> {
    checkOptions('clear', range, 'cleared');
    checkOptions('clear', options, 'clear');
    const home = {
      rangeOf: (bounds: RangeOptions) => this[ENCODING].rangeOf(bounds),
      keys: (terms: KeysOptions) => this.keys(terms),
      delete: (key: Key, terms: CallOptions) => this.delete(key, terms),
    };
    return await clearRange(home, range, options);
  }

  async #findsNone(options: CountOptions): Promise<boolean> {
    checkOptions('isEmpty', options, 'count');
    for await (const _ of this.keys({ ...options, limit: 1 })) return false;
    return true;
  }

  #scanning<E>(options: ScanOptions, entryOf: EntryOf<E>): Scanning<E> {
    const { timeout, read } = this.#defaults;
    const whole = { timeout, read, ...options };
    return new RangeScanning<E>({
      engine: this.#engine,
      options: whole,
      encoding: this[ENCODING] as Encoding<unknown>,
      entryOf,
    });
  }

  #following() {
    const { timeout } = this.#defaults;
    return { engine: this.#engine, encoding: this[ENCODING], timeout };
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
      signalOf(options),
    );
  }

  #reading(keys: readonly Key[], options: ReadOptions, { isJoint }: { readonly isJoint: boolean }) {
    checkOptions(isJoint ? 'snapshot' : 'get', options, 'read');
    const { read, timeout } = options;
    const usual = this.#defaults.read;
    return {
      type: 'read',
      keys: keys.map((key) => this[ENCODING].keyOf(key)),
      level: isJoint ? jointLevelOf(read, usual) : levelOf(read ?? usual),
      isJoint,
      timeoutMilliseconds: timeoutOf(timeout, this.#defaults.timeout),
    } as const;
  }

  #writing(
    command: Command,
    options: CallOptions & { readonly fence?: FenceSource },
    terms = new WriteTerms(this.#engine),
  ) {
    const { fence } = options;
    if (fence !== undefined) terms.guard(fence);
    const timeoutMilliseconds = this.#timeoutOf(options);
    return { type: 'write', command, timeoutMilliseconds, ...terms.fields } as const;
  }
}

/** A rejected promise that the caller ignores must not end the process. */
function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
