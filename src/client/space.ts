/** A space: keys that begin alike, with values of one type, and all that can be done with them. */

import { KvError } from '../base/errors.ts';
import type { Command, Operation } from '../machine/command.ts';
import { bigintFrom } from '../machine/int64.ts';
import type { Output } from '../machine/reply.ts';
import { Atomic, type Committed, type Conflict, operandOf } from './atomic.ts';
import { type Codec, decodeValue, encodeValue } from './codec.ts';
import type { CountCall, ReadCall, Replied, RowsRead, WriteCall } from './core/call.ts';
import type { Engine } from './engine.ts';
import { encodeKey, type Key, keyFrom } from './key.ts';
import {
  type CallOptions,
  levelOf,
  lifeOf,
  type Read,
  type ReadOptions,
  type SetOptions,
  type SpaceOptions,
  timeoutOf,
  versionOf,
  type WriteOptions,
} from './options.ts';
import { type CountOptions, rangeOf, Scanning, type ScanOptions } from './scanning.ts';

/** What is there under a key. */
export interface Entry<V> {
  readonly key: Key;
  readonly value: V;
  /** Grows with every write. Give it to `ifVersion` or to `check`. */
  readonly version: number;
}

interface Defaults {
  readonly timeout: number;
  readonly read: Read;
}

interface SpaceParts<V> {
  readonly engine: Engine;
  readonly defaults: Defaults;
  readonly prefix: Uint8Array;
  readonly codec: Codec<V>;
}

export class Space<V = unknown> {
  readonly #engine: Engine;
  readonly #defaults: Defaults;
  readonly #prefix: Uint8Array;
  readonly #codec: Codec<V>;

  constructor({ engine, defaults, prefix, codec }: SpaceParts<V>) {
    this.#engine = engine;
    this.#defaults = defaults;
    this.#prefix = prefix;
    this.#codec = codec;
  }

  /** Undefined for a key that is not there. */
  get(key: Key, options: ReadOptions = {}): Promise<Entry<V> | undefined> {
    return this.#engine.ask<ReadCall, Entry<V> | undefined>(
      () => this.#reading([key], options),
      ({ rows }: RowsRead) => this.#entryOf(key, rows[0]),
      options.signal,
    );
  }

  /** In the order of the keys. Those of one shard are as of one moment; together they need not. */
  getMany(
    keys: readonly Key[],
    options: ReadOptions = {},
  ): Promise<readonly (Entry<V> | undefined)[]> {
    return this.#engine.ask<ReadCall, readonly (Entry<V> | undefined)[]>(
      () => this.#reading(keys, options),
      ({ rows }) => keys.map((key, at) => this.#entryOf(key, rows[at])),
      options.signal,
    );
  }

  /** With `ifVersion` it may be refused, and says so; without, `ok` is always true. */
  set(key: Key, value: V, options: SetOptions = {}): Promise<Committed | Conflict> {
    return this.#write([key], options, () => {
      const bytes = this.#keyOf(key);
      const lifeMilliseconds = lifeOf(options.ttl);
      const put: Operation = {
        type: 'put',
        key: bytes,
        value: encodeValue(this.#codec, value),
        lifeMilliseconds,
      };
      return guarded(put, options);
    });
  }

  delete(
    key: Key,
    options: WriteOptions = {},
  ): Promise<(Committed & { readonly wasThere: boolean }) | Conflict> {
    return this.#engine.ask<WriteCall, (Committed & { readonly wasThere: boolean }) | Conflict>(
      () => {
        const command = guarded({ type: 'delete', key: this.#keyOf(key) }, options);
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
        const add: Operation = { type: 'add', key: this.#keyOf(key), operand: operandOf(by) };
        return this.#writing([add], options);
      },
      (result) => bigintFrom(outputOf(result, 'integer').value),
      options.signal,
    );
  }

  atomic(): Atomic<V> {
    return new Atomic<V>({
      keyOf: (key) => this.#keyOf(key),
      valueOf: (value) => encodeValue(this.#codec, value),
      commit: (command, keys, options) => this.#write(keys, options, () => command),
    });
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
      prefix: this.#prefix,
      entryOf: (key, row) => ({
        key: keyFrom(key.subarray(this.#prefix.length), options.keys ?? 'text'),
        value: row === undefined ? undefined : decodeValue(this.#codec, row.value),
        version: row?.version ?? 0,
      }),
    });
  }

  /** How many keys there are. Each shard counts at a moment of its own. */
  count(options: CountOptions = {}): Promise<number> {
    return this.#engine.ask<CountCall, number>(
      () => ({
        type: 'count',
        range: rangeOf(options, this.#prefix),
        level: levelOf(options.read ?? this.#defaults.read),
        timeoutMilliseconds: this.#timeoutOf(options),
      }),
      ({ count }) => count,
      options.signal,
    );
  }

  /** Keys that begin with the name and a colon, and values of one type. */
  space<U>(name: string, options: SpaceOptions<U> = {}): Space<U> {
    const prefix = new Uint8Array([...this.#prefix, ...encodeKey(`${name}:`)]);
    const codec = (options.codec ?? this.#codec) as Codec<U>;
    return new Space<U>({ engine: this.#engine, defaults: this.#defaults, prefix, codec });
  }

  #keyOf(key: Key): Uint8Array {
    const bytes = encodeKey(key);
    if (this.#prefix.length === 0) return bytes;
    const whole = new Uint8Array(this.#prefix.length + bytes.length);
    whole.set(this.#prefix);
    whole.set(bytes, this.#prefix.length);
    return whole;
  }

  #timeoutOf({ timeout }: CallOptions): number {
    return timeoutOf(timeout, this.#defaults.timeout);
  }

  #reading(keys: readonly Key[], options: ReadOptions) {
    return {
      type: 'read',
      keys: keys.map((key) => this.#keyOf(key)),
      level: levelOf(options.read ?? this.#defaults.read),
      timeoutMilliseconds: this.#timeoutOf(options),
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

  #entryOf(key: Key, row: RowsRead['rows'][number]): Entry<V> | undefined {
    if (row === undefined) return undefined;
    return { key, value: decodeValue(this.#codec, row.value), version: row.version };
  }
}

/** The write stands last, so that the check's key and its own have the same position. */
function guarded(write: Operation, { ifVersion }: WriteOptions): Command {
  if (ifVersion === undefined) return [write];
  const { key } = write;
  return [{ type: 'check-version', key, version: versionOf(ifVersion) }, write];
}

function committedOf({ reply }: Replied, keys: readonly Key[]): Committed | Conflict {
  if (reply.type === 'done') return { ok: true, version: reply.version };
  const { position, version } = reply;
  return { ok: false, key: keys[position] ?? (keys[0] as Key), version };
}

function outputOf<T extends Output['type']>({ reply }: Replied, type: T) {
  const output = reply.type === 'done' ? reply.outputs[0] : undefined;
  if (output?.type === type) return output as Extract<Output, { type: T }>;
  const message = 'the shard answered something else than it was asked';
  throw new KvError({ code: 'refused', outcome: 'applied', message });
}
