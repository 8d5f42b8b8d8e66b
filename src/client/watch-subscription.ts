/** What watches and views have in common: a queue that the core fills, until it is closed. */

import { compareBytes, keyBehind } from '../base/bytes.ts';
import type { KvError } from '../base/errors.ts';
import { REQUEST_LIMITS } from '../base/limits.ts';
import { type CallFailure, keyText, notApplied } from './core/call-failure.ts';
import type { KeyRange } from './core/range.ts';
import type { ResumePoint, SyncCall, WatchCall } from './core/streams/watch-call.ts';
import { type WatchNews, WatchQueue } from './core/streams/watch-queue.ts';
import type { Encoding } from './encoding.ts';
import { type Engine, errorOf } from './engine.ts';
import type { Key } from './key.ts';
import { CLIENT_LIMITS } from './limits.ts';
import { checkOptions } from './option-checks.ts';
import { type CallOptions, invalid, timeoutOf } from './options.ts';
import type { RangeOptions } from './range-options.ts';
import { onAbort } from './signals.ts';

interface SubscriptionParts {
  readonly engine: Engine;
  readonly terms: WatchCall['terms'];
  readonly signal: AbortSignal | undefined;
  /** Something may be taken. Never called from inside of a call of this object. */
  readonly onNews: () => void;
}

export class WatchSubscription {
  readonly #engine: Engine;
  readonly #call: WatchCall;
  readonly #signal: AbortSignal | undefined;
  readonly #onNews: () => void;
  readonly #queue = new WatchQueue(PORTIONS);
  readonly #forget: (() => void) | undefined;
  #isWaking = false;
  #aborted: CallFailure | undefined;

  constructor({ engine, terms, signal, onNews }: SubscriptionParts) {
    this.#engine = engine;
    this.#signal = signal;
    this.#onNews = onNews;
    this.#call = {
      terms,
      deliver: (fact) => {
        this.#queue.push(fact);
        this.#wake();
      },
    };
    if (signal?.aborted === true) this.#abort();
    else {
      if (signal !== undefined) this.#forget = onAbort(signal, () => this.#abort());
      engine.openWatch(this.#call);
    }
  }

  /** Behind what was taken; undefined until the first read is complete. */
  get point(): ResumePoint | undefined {
    return this.#queue.point;
  }

  /** Behind what `first` returns; undefined if that is no change, or was found by a read. */
  get pointBehind(): ResumePoint | undefined {
    return this.#queue.pointBehind;
  }

  /** Why nothing follows what was taken. An aborted signal drops what waits. */
  get failure(): KvError | undefined {
    const failure = this.#aborted ?? this.#queue.failure;
    return failure === undefined ? undefined : errorOf(failure, this.#signal);
  }

  get staleMilliseconds(): number | undefined {
    return this.#engine.staleMilliseconds(this.#call);
  }

  /** What the consumer is told next, and no token covers before `advance`. */
  first(): WatchNews | undefined {
    return this.#aborted === undefined ? this.#queue.first() : undefined;
  }

  /** Takes what `first` has returned. */
  advance(): void {
    this.#queue.advance();
    for (const consumed of this.#queue.takeConsumed()) {
      this.#engine.takeWatched(this.#call, consumed);
    }
  }

  sync(options: CallOptions, usual: number): Promise<void> {
    const promise = new Promise<void>((resolve, reject) => {
      checkOptions('sync', options, 'call');
      const { timeout, signal } = options;
      const timeoutMilliseconds = timeoutOf(timeout, usual);
      let forget: (() => void) | undefined;
      const sync: SyncCall = {
        timeoutMilliseconds,
        isOver: false,
        settle: (failure) => {
          forget?.();
          if (failure === undefined) resolve();
          else reject(errorOf(failure, signal));
        },
      };
      const abort = (): void => {
        if (sync.isOver) return;
        sync.isOver = true;
        sync.settle(ABORTED);
      };
      if (signal?.aborted === true) return abort();
      if (signal !== undefined) forget = onAbort(signal, abort);
      this.#engine.syncWatch(this.#call, sync);
    });
    // A rejected promise that the caller ignores must not end the process.
    promise.catch(() => {});
    return promise;
  }

  /** Safe to call twice. */
  close(): void {
    this.#forget?.();
    this.#engine.endWatch(this.#call);
    this.#queue.clear();
  }

  #abort(): void {
    this.#aborted = ABORTED;
    this.close();
    this.#wake();
  }

  /** The core is in the middle of an event. */
  #wake(): void {
    if (this.#isWaking) return;
    this.#isWaking = true;
    this.#engine.afterStep(this.#serve);
  }

  readonly #serve = (): void => {
    this.#isWaking = false;
    this.#onNews();
  };
}

/** A part of the least share: the core is not told of each event, and a node is granted in time. */
const PORTIONS = { consumedMin: CLIENT_LIMITS.watchShareBytesMin / 16 };
const ABORTED = notApplied('aborted', 'the signal was aborted');

/** One key, or a range of the space. Throws for what no node would accept. */
export function watchedRange(
  { key, ...range }: RangeOptions & { readonly key?: Key },
  encoding: Encoding<unknown>,
): KeyRange {
  const { prefix, from, to } = range;
  if (key === undefined && to?.length === 0) {
    throw invalid(
      '`to` is empty, and no key is before it; leave it out for a range without an end',
    );
  }
  if (key === undefined) return checked(encoding.rangeOf(range));
  if (prefix !== undefined || from !== undefined || to !== undefined) {
    throw invalid('a watch has either a key or a range; not both');
  }
  const bytes = encoding.keyOf(key);
  if (bytes.length === 0) throw invalid('the key of a watch is empty; all keys need no option');
  const end = keyBehind(bytes);
  // Of the same memory: a process may have very many watches.
  return checked({ from: end.subarray(0, bytes.length), to: end });
}

/** A scan of no keys ends; a watch of none would wait for ever. */
function checked(range: KeyRange): KeyRange {
  const { from, to } = range;
  if (to.length > 0 && compareBytes(from, to) >= 0) {
    const ends = `from ${keyText(from)} to ${keyText(to)}`;
    throw invalid(`the range ${ends} has no keys: its end must be behind its beginning`);
  }
  const { keyBytesMax } = REQUEST_LIMITS;
  const bytes = Math.max(range.from.length, range.to.length - 1);
  if (bytes <= keyBytesMax) return range;
  throw invalid(`the range has an end of ${bytes} bytes; the limit is ${keyBytesMax}`);
}
