/** A space: keys that begin alike, with values of one type, and all that can be done with them. */

import { KvError } from '../base/errors.ts';
import { areEqual } from '../machine/bytes.ts';
import type { Command, Operation } from '../machine/command.ts';
import { bigintFrom } from '../machine/int64.ts';
import { isWrite } from '../machine/operation-codec.ts';
import type { Output } from '../machine/reply.ts';
import {
  Atomic,
  type Committed,
  type CommittedTogether,
  type Conflict,
  type Deleted,
  operandOf,
} from './atomic.ts';
import type { Codec } from './codec.ts';
import type {
  CheckFailed,
  CountCall,
  Done,
  ReadCall,
  Replied,
  RowsRead,
  WriteCall,
} from './core/call.ts';
import { ENCODING, type Encoded, type Encoding, type Entry } from './encoding.ts';
import type { Engine } from './engine.ts';
import type { Key } from './key.ts';
import {
  type CallOptions,
  invalid,
  levelOf,
  lifeOf,
  type Read,
  type ReadOptions,
  type SetOptions,
  type SpaceOptions,
  timeoutOf,
  type Unconditional,
  versionOf,
  type WriteOptions,
} from './options.ts';
import { type CountOptions, Scanning, type ScanOptions } from './scanning.ts';
import type { TransactionOptions } from './transaction.ts';
import { runTransaction, type Work } from './transaction-loop.ts';

interface Defaults {
  readonly timeout: number;
  readonly read: Read;
}

interface SpaceParts<V> {
  readonly engine: Engine;
  readonly defaults: Defaults;
  readonly encoding: Encoding<V>;
}

export class Space<V = unknown> implements Encoded<V> {
  readonly [ENCODING]: Encoding<V>;
  readonly #engine: Engine;
  readonly #defaults: Defaults;

  constructor({ engine, defaults, encoding }: SpaceParts<V>) {
    this[ENCODING] = encoding;
    this.#engine = engine;
    this.#defaults = defaults;
  }

  /** Undefined for a key that is not there. */
  get(key: Key, options: ReadOptions = {}): Promise<Entry<V> | undefined> {
    return this.#engine.ask<ReadCall, Entry<V> | undefined>(
      () => this.#reading([key], options, { isJoint: false }),
      ({ rows }: RowsRead) => this[ENCODING].entryOf(key, rows[0]),
      options.signal,
    );
  }

  /**
   * In the order of the keys, all as of one moment, wherever they lie: what is found together was
   * true together. With a level that is stale, only those of one shard are.
   */
  getMany(
    keys: readonly Key[],
    options: ReadOptions = {},
  ): Promise<readonly (Entry<V> | undefined)[]> {
    return this.#engine.ask<ReadCall, readonly (Entry<V> | undefined)[]>(
      () => this.#reading(keys, options, { isJoint: true }),
      ({ rows }) => keys.map((key, at) => this[ENCODING].entryOf(key, rows[at])),
      options.signal,
    );
  }

  /**
   * With `ifVersion` it may be refused, and says so; without, `ok` is always true:
   * `const { version } = await kv.set('user:7', { name: 'Ada' });`
   */
  set(key: Key, value: V, options?: Unconditional<SetOptions>): Promise<Committed>;
  set(key: Key, value: V, options: SetOptions): Promise<Committed | Conflict>;
  set(key: Key, value: V, options: SetOptions = {}): Promise<Committed | Conflict> {
    return this.#write([key], options, () => {
      const bytes = this[ENCODING].keyOf(key);
      const lifeMilliseconds = lifeOf(options.ttl);
      const put: Operation = {
        type: 'put',
        key: bytes,
        value: this[ENCODING].bytesOf(value),
        lifeMilliseconds,
      };
      return guarded(put, options);
    });
  }

  /** As `set`; `wasThere` says whether there was anything to delete. */
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
        const output = outputOf(result, 'deleted');
        return { ...told, wasThere: output.wasThere };
      },
      options.signal,
    );
  }

  /** Adds, to 0 if the key is not there, and gives the sum. Exactly once, retries and all. */
  incr(key: Key, by: bigint | number = 1, options: CallOptions = {}): Promise<bigint> {
    return this.#engine.ask<WriteCall, bigint>(
      () => {
        const add: Operation = {
          type: 'add',
          key: this[ENCODING].keyOf(key),
          operand: operandOf(by),
        };
        return this.#writing([add], options);
      },
      (result) => bigintFrom(outputOf(result, 'integer').value),
      options.signal,
    );
  }

  /** Checks and writes that happen together or not at all, wherever their keys lie. */
  atomic(): Atomic<V> {
    return new Atomic<V>({
      encoding: this[ENCODING],
      commit: (command, keys, options) => this.#commit(command, keys, options),
    });
  }

  /**
   * Runs the function until what it read was true, and what it wrote happened, at one moment; see
   * `Transaction`. The result is what it returned then. `contended` if others are in the way until
   * the time is over: then nothing happened. What the function throws is thrown as it is, if what
   * it had read was true together.
   */
  transaction<T>(work: Work<V, T>, options: TransactionOptions = {}): Promise<T> {
    const parts = { engine: this.#engine, encoding: this[ENCODING], defaults: this.#defaults };
    const promise = runTransaction(work, parts, options);
    // A forgotten promise harms nobody.
    promise.catch(() => {});
    return promise;
  }

  /**
   * In the order of keys, over all shards, each key once. What is read in one page is as of one
   * moment of its shard; a scan of many pages is not one snapshot.
   */
  scan(options: ScanOptions = {}): Scanning<V> {
    const { timeout, read } = this.#defaults;
    return new Scanning<V>({
      engine: this.#engine,
      options: { timeout, read, ...options },
      encoding: this[ENCODING],
    });
  }

  /** How many keys there are. Each shard counts at a moment of its own. */
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

  /** Keys that begin with the name and a colon, and values of one type. */
  space<U>(name: string, options: SpaceOptions<U> = {}): Space<U> {
    const codec = options.codec as Codec<U> | undefined;
    const encoding = this[ENCODING].within<U>(name, codec);
    return new Space<U>({ engine: this.#engine, defaults: this.#defaults, encoding });
  }

  #timeoutOf({ timeout }: CallOptions): number {
    return timeoutOf(timeout, this.#defaults.timeout);
  }

  #reading(keys: readonly Key[], options: ReadOptions, terms: { readonly isJoint: boolean }) {
    const level = levelOf(options.read ?? this.#defaults.read);
    return {
      type: 'read',
      keys: keys.map((key) => this[ENCODING].keyOf(key)),
      level,
      isJoint: terms.isJoint && level.type !== 'stale',
      timeoutMilliseconds: this.#timeoutOf(options),
    } as const;
  }

  #writing(command: Command, options: CallOptions) {
    return { type: 'write', command, timeoutMilliseconds: this.#timeoutOf(options) } as const;
  }

  #commit(
    command: Command,
    keys: readonly Key[],
    options: CallOptions,
  ): Promise<CommittedTogether | Conflict> {
    const encoding = this[ENCODING];
    return this.#engine.ask<WriteCall, CommittedTogether | Conflict>(
      () => this.#writing(command, options),
      ({ reply }) => {
        if (reply.type === 'check-failed') return conflictOf(reply, keys);
        const versionOf = (key: Key) => writtenVersion(reply, command, encoding.keyOf(key));
        return { ok: true, versionOf };
      },
      options.signal,
    );
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

/** The write stands last, so that the check's key and its own have the same position. */
function guarded(write: Operation, options: WriteOptions): Command {
  const { ifVersion } = options;
  if (ifVersion === undefined && 'ifVersion' in options) {
    throw invalid('ifVersion is undefined; leave it out, or give 0 for a key that is not there');
  }
  if (ifVersion === undefined) return [write];
  const { key } = write;
  return [{ type: 'check-version', key, version: versionOf(ifVersion) }, write];
}

function committedOf({ reply }: Replied, keys: readonly Key[]): Committed | Conflict {
  return reply.type === 'done' ? { ok: true, version: reply.version } : conflictOf(reply, keys);
}

function conflictOf({ position, version }: CheckFailed, keys: readonly Key[]): Conflict {
  return { ok: false, key: keys[position] ?? (keys[0] as Key), version };
}

/** As a check of it would find it now. */
function writtenVersion({ version, versions }: Done, command: Command, key: Uint8Array): number {
  const position = command.findIndex((one) => isWrite(one) && areEqual(one.key, key));
  if (position < 0) throw invalid('the atomic command did not write the key');
  if (command[position]?.type === 'delete') return 0;
  return versions?.[position] ?? version;
}

function outputOf<T extends Output['type']>({ reply }: Replied, type: T) {
  const output = reply.type === 'done' ? reply.outputs[0] : undefined;
  if (output?.type === type) return output as Extract<Output, { type: T }>;
  const message = 'the shard answered something else than it was asked';
  throw new KvError({ code: 'refused', outcome: 'applied', message });
}
