/** A watch in a process: an async iterator over the queue that the core fills. */

import type { KvError } from '../base/errors.ts';
import { idText } from '../machine/transaction-id.ts';
import type { WatchNews } from './core/streams/watch-queue.ts';
import type { Encoding } from './encoding.ts';
import type { Engine } from './engine.ts';
import type { KeyKind } from './key.ts';
import { CLIENT_LIMITS } from './limits.ts';
import { checkOptions } from './option-checks.ts';
import { type CallOptions, invalid } from './options.ts';
import { decodeToken, encodeToken, type WatchShape } from './token.ts';
import type {
  ChangeEvent,
  KeyEvent,
  Undecoded,
  Watch,
  WatchOptions,
  WatchStatus,
} from './watch.ts';
import { WatchSubscription, watchedRange } from './watch-subscription.ts';

interface WatchingParts<V> {
  readonly engine: Engine;
  readonly encoding: Encoding<V>;
  readonly timeout: number;
  readonly options: WatchOptions;
}

type ChangeNews = Extract<WatchNews, { type: 'change' }>;
type AnyEvent<V> = ChangeEvent<V> | KeyEvent | WatchStatus;

interface Pending<E> {
  readonly resolve: (result: IteratorResult<E, undefined>) => void;
  readonly reject: (error: unknown) => void;
  /** What the caller has. */
  promise: Promise<IteratorResult<E, undefined>> | undefined;
}

const END = { done: true, value: undefined } as const;

export class Watching<V> implements Watch<AnyEvent<V>>, AsyncIterator<AnyEvent<V>, undefined> {
  readonly #parts: WatchingParts<V>;
  readonly #shape: WatchShape;
  readonly #subscription: WatchSubscription;
  /** Calls of `next` that wait: one, unless a caller iterates by hand. */
  #pending: Pending<AnyEvent<V>>[] = [];
  #isOver = false;
  #undecoded: Undecoded | undefined;

  constructor(parts: WatchingParts<V>) {
    this.#parts = parts;
    const { engine, encoding, timeout, options } = parts;
    checkOptions('watch', options, 'watch');
    const range = watchedRange(options, encoding as Encoding<unknown>);
    this.#shape = { range, space: encoding.prefix };
    const { resume, initial = resume === undefined, replicas = 'any', keysOnly = false } = options;
    if (resume !== undefined && initial) {
      throw invalid('a watch that resumes gives no initial state; leave out initial or resume');
    }
    this.#subscription = new WatchSubscription({
      engine,
      terms: {
        range,
        resume: resume === undefined ? undefined : decodeToken(resume, this.#shape),
        isInitial: initial,
        keysOnly,
        bufferBytes: bufferBytesOf(options.bufferBytes),
        trackedKeysMax: CLIENT_LIMITS.trackedKeysMax,
        replicas: replicasOf(replicas),
        timeoutMilliseconds: timeout,
        shareBytesMin: CLIENT_LIMITS.watchShareBytesMin,
        trackedBytesMax: CLIENT_LIMITS.trackedBytesMax,
      },
      signal: options.signal,
      onNews: () => this.#serve(),
    });
  }

  get token(): string {
    const { point } = this.#subscription;
    if (point !== undefined) return encodeToken(point, this.#shape);
    const { resume } = this.#parts.options;
    if (resume !== undefined) return resume;
    throw invalid('a watch has no token before its first `synced`');
  }

  get undecoded(): Undecoded | undefined {
    return this.#undecoded;
  }

  sync(options: CallOptions = {}): Promise<void> {
    return this.#subscription.sync(options, this.#parts.timeout);
  }

  close(): Promise<void> {
    this.#end();
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<AnyEvent<V>, undefined>> {
    if (this.#pending.length === 0 && !this.#isOver) {
      const event = this.#nextEvent();
      if (event !== undefined && !('error' in event)) {
        return Promise.resolve({ done: false, value: event });
      }
      if (event !== undefined) {
        this.#end();
        return rejected(event.error);
      }
    }
    return this.#wait();
  }

  #wait(): Promise<IteratorResult<AnyEvent<V>, undefined>> {
    if (this.#isOver) return Promise.resolve(END);
    const promise = new Promise<IteratorResult<AnyEvent<V>, undefined>>((resolve, reject) => {
      const pending = { resolve, reject, promise: undefined };
      // An array that grows has room for sixteen more.
      if (this.#pending.length === 0) this.#pending = [pending];
      else this.#pending.push(pending);
    });
    const pending = this.#pending.at(-1);
    if (pending !== undefined) pending.promise = promise;
    return promise;
  }

  return(): Promise<IteratorResult<AnyEvent<V>, undefined>> {
    this.#end();
    return Promise.resolve(END);
  }

  #serve(): void {
    while (this.#pending.length > 0) {
      if (this.#isOver) return this.#end();
      const event = this.#nextEvent();
      if (event === undefined) return;
      const pending = this.#pending.shift();
      if ('error' in event) {
        pending?.promise?.catch(() => {});
        pending?.reject(event.error);
        return this.#end();
      }
      pending?.resolve({ done: false, value: event });
    }
  }

  #nextEvent(): AnyEvent<V> | { readonly error: unknown } | undefined {
    const { changesOnly = false } = this.#parts.options;
    for (;;) {
      const news = this.#subscription.first();
      if (news === undefined) {
        const error: KvError | undefined = this.#subscription.failure;
        return error && { error };
      }
      if (news.type === 'change') {
        const event = this.#eventOf(news);
        // It was not given, so the token stays before it.
        if (!('error' in event)) this.#subscription.advance();
        return event;
      }
      this.#subscription.advance();
      if (!changesOnly) return statusOf(news);
    }
  }

  #eventOf(news: ChangeNews): AnyEvent<V> | { readonly error: unknown } {
    const { encoding, options } = this.#parts;
    const { keys = encoding.kind, keysOnly = false } = options;
    try {
      const event = changeEventOf(news, encoding, keys);
      return keysOnly ? withoutValue(event) : event;
    } catch (error) {
      const { key, version } = news.change;
      const { pointBehind } = this.#subscription;
      this.#undecoded = {
        key: encoding.innerKeyOf(key, keys),
        version,
        tokenBehind: pointBehind && encodeToken(pointBehind, this.#shape),
      };
      return { error };
    }
  }

  #end(): void {
    if (!this.#isOver) {
      this.#isOver = true;
      this.#subscription.close();
    }
    const pending = this.#pending;
    this.#pending = [];
    for (const { resolve } of pending) resolve(END);
  }
}

/** Its promise rejects, which does not end the process if no caller looks at it. */
function rejected(error: unknown): Promise<never> {
  const promise = Promise.reject(error);
  promise.catch(() => {});
  return promise;
}

/** Throws what the codec throws. */
export function changeEventOf<V>(
  { change, shard, isFromRead }: Extract<WatchNews, { type: 'change' }>,
  encoding: Encoding<V>,
  keys: KeyKind,
): ChangeEvent<V> {
  const { kind, previous: previousVersion, version, value, isLast } = change;
  const key = encoding.innerKeyOf(change.key, keys);
  const transaction = isFromRead ? '' : groupText(change.transaction, shard, version);
  switch (kind) {
    case 'set': {
      const decoded = (value && encoding.valueOf(value, change.key)) as V;
      const isInitial = isFromRead;
      // Not spread: these are made for each event of each watch.
      return {
        type: 'set',
        key,
        value: decoded,
        version,
        previousVersion,
        transaction,
        isLast,
        isInitial,
      };
    }
    case 'delete':
      return { type: 'delete', key, previousVersion, transaction, isLast };
    case 'expired':
      return { type: 'expire', key, previousVersion, transaction, isLast, cause: 'ttl' };
    case 'lease-ended':
      return { type: 'expire', key, previousVersion, transaction, isLast, cause: 'lease' };
  }
}

/** Of a command of one shard: its shard, its entry, and its number in the entry. */
function groupText(
  transaction: Parameters<typeof idText>[0] | number,
  shard: number,
  version: number,
): string {
  return typeof transaction === 'number'
    ? `${shard}-${version}-${transaction}`
    : idText(transaction);
}

function withoutValue<V>(event: ChangeEvent<V>): KeyEvent {
  if (event.type !== 'set') return event;
  const { value: _, ...rest } = event;
  return rest;
}

function statusOf(news: Exclude<WatchNews, { type: 'change' }>): WatchStatus {
  switch (news.type) {
    case 'compacted':
      return { type: 'compacted', differences: news.differences };
    case 'lagging':
      return { type: 'lagging', milliseconds: Math.round(news.milliseconds) };
    case 'synced':
    case 'progress':
      return { type: news.type };
  }
}

function bufferBytesOf(bytes: number = CLIENT_LIMITS.watchBufferBytesDefault): number {
  const { watchBufferBytesMin: min, watchBufferBytesMax: max } = CLIENT_LIMITS;
  if (Number.isSafeInteger(bytes) && bytes >= min && bytes <= max) return bytes;
  throw invalid(`bufferBytes must be an integer of ${min} to ${max} (got ${bytes})`);
}

export function replicasOf(replicas: unknown): 'any' | 'leader' {
  if (replicas === 'any' || replicas === 'leader') return replicas;
  throw invalid(`replicas must be 'any' or 'leader' (got ${String(replicas)})`);
}
