/** The client: a space without a prefix, and the connections below all spaces. */

import { CLIENT_LIMITS } from '../base/client-limits.ts';
import type { Atomic, Committed, Conflict, Deleted } from './atomic.ts';
import { type Codec, messagePack } from './codec.ts';
import type { Call } from './core/call.ts';
import type { Surroundings } from './dial.ts';
import { Encoding, type Entry } from './encoding.ts';
import { Engine, urlsOf } from './engine.ts';
import type { Key } from './key.ts';
import type {
  CallOptions,
  ConnectOptions,
  ReadOptions,
  SetOptions,
  SpaceOptions,
  Unconditional,
  WriteOptions,
} from './options.ts';
import { clusterOf, timeoutOf } from './options.ts';
import type { CountOptions, Scanning, ScanOptions } from './scanning.ts';
import { Space } from './space.ts';
import type { TransactionOptions } from './transaction.ts';
import type { Work } from './transaction-loop.ts';

/**
 * Calls may be made at once and in any number, without waiting for each other: those of one turn
 * travel together. Calls that do not wait for each other have no order between them.
 */
export class Client {
  readonly #engine: Engine;
  readonly #root: Space<unknown>;

  readonly #giveBack: (() => Promise<void>) | undefined;

  constructor({ engine, root, giveBack }: ClientParts) {
    this.#engine = engine;
    this.#root = root;
    this.#giveBack = giveBack;
  }

  get<V = unknown>(key: Key, options?: ReadOptions): Promise<Entry<V> | undefined> {
    return this.#root.get(key, options) as Promise<Entry<V> | undefined>;
  }

  getMany<V = unknown>(
    keys: readonly Key[],
    options?: ReadOptions,
  ): Promise<readonly (Entry<V> | undefined)[]> {
    return this.#root.getMany(keys, options) as Promise<readonly (Entry<V> | undefined)[]>;
  }

  set(key: Key, value: unknown, options?: Unconditional<SetOptions>): Promise<Committed>;
  set(key: Key, value: unknown, options: SetOptions): Promise<Committed | Conflict>;
  set(key: Key, value: unknown, options: SetOptions = {}): Promise<Committed | Conflict> {
    return this.#root.set(key, value, options);
  }

  delete(key: Key, options?: Unconditional<WriteOptions>): Promise<Deleted>;
  delete(key: Key, options: WriteOptions): Promise<Deleted | Conflict>;
  delete(key: Key, options: WriteOptions = {}): Promise<Deleted | Conflict> {
    return this.#root.delete(key, options);
  }

  incr(key: Key, by?: bigint | number, options?: CallOptions): Promise<bigint> {
    return this.#root.incr(key, by, options);
  }

  /** Checks and writes that happen together or not at all, wherever their keys lie. */
  atomic(): Atomic<unknown> {
    return this.#root.atomic();
  }

  /**
   * What the function reads was true, and what it writes happens, at one moment; if others are in
   * the way it is run again, until the timeout. See `Transaction` for what it is given.
   */
  transaction<T>(work: Work<unknown, T>, options?: TransactionOptions): Promise<T> {
    return this.#root.transaction(work, options);
  }

  scan<V = unknown>(options?: ScanOptions): Scanning<V> {
    return this.#root.scan(options) as Scanning<V>;
  }

  count(options?: CountOptions): Promise<number> {
    return this.#root.count(options);
  }

  space<V>(name: string, options?: SpaceOptions<V>): Space<V> {
    return this.#root.space<V>(name, options);
  }

  /**
   * Calls that wait fail with `closed` and say whether they took effect. A store in this process
   * has given its folder back when the promise resolves. Twice is once.
   */
  async close(): Promise<void> {
    this.#engine.close();
    await this.#giveBack?.();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

interface ClientParts {
  readonly engine: Engine;
  readonly root: Space<unknown>;
  /** Gives back what is held below the connections. */
  readonly giveBack: (() => Promise<void>) | undefined;
}

/** As soon as the cluster is known; else an error that says who was asked and what they said. */
export async function connectBy(
  surroundings: Surroundings,
  urls: string | readonly string[],
  options: ConnectOptions = {},
): Promise<Client> {
  const timeout = timeoutOf(options.timeout, CLIENT_LIMITS.timeoutMillisecondsDefault);
  const balance = options.balance ?? 'round-robin';
  const cluster = clusterOf(options.cluster);
  const engine = new Engine({ surroundings, urls: urlsOf(urls), cluster, balance });
  const root = new Space<unknown>({
    engine,
    defaults: { timeout, read: options.read ?? 'linearizable' },
    encoding: new Encoding<unknown>({
      home: engine,
      prefix: new Uint8Array(0),
      codec: options.codec ?? (messagePack as Codec<unknown>),
    }),
  });
  try {
    await engine.ask<Extract<Call, { type: 'ready' }>, void>(
      () => ({ type: 'ready', timeoutMilliseconds: timeout }),
      () => {},
      options.signal,
    );
  } catch (error) {
    engine.close();
    throw error;
  }
  return new Client({ engine, root, giveBack: surroundings.close });
}
