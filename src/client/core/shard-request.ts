/**
 * A request to one shard, until it is answered: the unit of sending and retrying. All kinds wait,
 * expire, are aborted and fail alike; what differs between them is in the body.
 */

import { present } from '../../base/assert.ts';
import type { KvErrorCode } from '../../base/error-codes.ts';
import type { Attempt } from '../../base/errors.ts';
import type { ShardId } from '../../base/ids.ts';
import type { ReadLevel, Request } from '../../wire/request.ts';
import type { Response } from '../../wire/response.ts';
import { CLIENT_LIMITS } from '../limits.ts';
import { Attempts } from './attempts.ts';
import { type CallFailure, countText, keyText } from './call-failure.ts';
import type { Sessions } from './sessions.ts';

/** What every call has in common. It ends exactly once, by its timeout at the latest. */
export interface OpenCall<Result> {
  readonly timeoutMilliseconds: number;
  /** Called once, and never from inside `call` unless the call is refused at once. */
  readonly settle: (result: Result | CallFailure) => void;
  /**
   * The last request that was made for it, so that an abort needs no search. Each request of a call
   * with several of them can fail it.
   */
  request?: ShardRequest;
}

/** Waits for the answer to a request, and gets it or a failure, once. */
export interface Waiter {
  /** Undefined if no call waits for this request directly. */
  readonly call: OpenCall<never> | undefined;
  readonly expiresAt: number;
  readonly isOver: boolean;
  /** Does nothing for a waiter that is over, unless its call waits for other requests as well. */
  fail(failure: CallFailure): void;
}

export type RequestKind =
  | 'read'
  | 'range'
  | 'validate'
  | 'settle'
  | 'barrier'
  | 'write'
  | 'transact'
  | 'keep'
  | 'await-ticket';

/** What an attempt needs to know besides the request itself. */
export interface Terms {
  readonly id: number;
  readonly now: number;
  readonly epochOf: (shard: ShardId) => number;
  readonly sessions: Sessions;
}

/** What an answer may change besides its waiters. */
export interface AnswerContext {
  readonly request: ShardRequest;
  readonly sessions: Sessions;
  /** When the answer came, by the clock of the client. */
  readonly now: number;
}

/** What each kind of request declares. */
export interface RequestBody {
  readonly kind: RequestKind;
  readonly shard: ShardId;
  readonly waiters: readonly Waiter[];
  /** Its size in a frame. */
  readonly bytes: number;
  /** Absent for what writes: a copy that was lost may have taken effect. */
  readonly level?: ReadLevel;
  /** Shards whose log time must be known before it is sent. */
  readonly timesNeeded?: readonly ShardId[];
  /** Undefined while it waits for an answer to another request: for log time, or for a slot. */
  encode(terms: Terms): Request | undefined;
  take(response: Response, context: AnswerContext): Verdict;
  /** Smaller requests for the same. Empty if it cannot be smaller; absent if it is atomic. */
  halves?(): readonly RequestBody[];
  /**
   * Two smaller requests without numbers, for one that certainly has not taken effect. Absent if it
   * is atomic or has `halves`; fewer than two if one call is left.
   */
  divided?(): readonly RequestBody[];
  /** The same for the waiters that are left, without numbers. Absent if it never has any. */
  renewed?(): RequestBody;
  /** When to ask the home shard for the outcome, if that is in doubt by then. */
  readonly settlesAt?: number;
  settle?(context: AnswerContext): RequestBody;
  /** The request is over: releases its numbers. Safe to call twice. */
  close?(sessions: Sessions): void;
}

export interface Retry {
  /**
   * - `resend`: the same bytes, under the same numbers.
   * - `renew`: the same commands under new numbers. No copy under the former ones has taken effect,
   *   and none can any more.
   */
  readonly type: 'resend' | 'renew';
  readonly why: string;
  /** Prefer another member of the shard. */
  readonly avoidsNode?: boolean;
  /** Fetch a newer shard map. */
  readonly isMapOld?: boolean;
  /** Another transaction was in the way, and will be decided soon: the backoff is short. */
  readonly isContended?: boolean;
  /** Milliseconds that the node asks to wait. */
  readonly atLeast?: number;
}

/** A failure for all waiters. */
export interface Final {
  readonly why: string;
  readonly code: KvErrorCode;
}

/** What an answer means for a request. */
export type Verdict =
  | { readonly type: 'over' }
  /** Send it at once to the leader that the node named. */
  | { readonly type: 'redirect'; readonly why: string }
  | Retry
  /** It is not an answer to this request. */
  | { readonly type: 'unreadable' }
  /** Answer each half by itself; fail if there is only one key. */
  | (Final & { readonly type: 'split' })
  | (Final & { readonly type: 'fail' });

export const OVER: Verdict = { type: 'over' };
export const UNREADABLE: Verdict = { type: 'unreadable' };

/**
 * - `ready`: is sent with the next flush, if its node can be reached.
 * - `parked`: waits for a connection, for the log time of a shard or for room.
 * - `resting`: backs off until `dueAt`, and takes a retry from the budget.
 * - `contending`: backs off until `dueAt` for another transaction. That is no outage, so the budget
 *   is left to those above.
 * - `sent`: exactly one attempt is in flight.
 * - `over`: all waiters are over. Late answers are ignored.
 */
type State = 'ready' | 'parked' | 'resting' | 'contending' | 'sent' | 'over';

/** What the last attempt met, as the code of a failure by timeout. */
type Obstacle =
  | 'timeout'
  | 'wrong-cluster'
  | 'overloaded'
  | 'audit-unavailable'
  | 'limit-exceeded'
  | 'contended';

export class ShardRequest {
  /** Replaced by `renew`. */
  body: RequestBody;
  state: State = 'ready';
  dueAt = 0;
  /** Attempts that were sent. */
  attempts = 0;
  /** Failed attempts, also those that could not be sent: for the backoff. */
  failures = 0;
  /** The latest of them, for messages. */
  readonly #history = new Attempts();
  /** A connection to the node that should answer was up at some time. */
  wasConnected = false;
  /**
   * Attempts that were sent and whose fate is not known: each may have taken effect, or still may.
   * The one in flight is not counted. While this is 0 and nothing is in flight, the request has not
   * taken effect, and cannot any more.
   */
  doubts = 0;
  /** In a row. */
  redirects = 0;
  unreadableAnswers = 0;
  /** What it waits for while it is parked, for messages. */
  lack: string | undefined;
  obstacle: Obstacle = 'timeout';
  /** How often a transaction held a key of it, and the latest such keys, for messages. */
  contentions = 0;
  #contendedKeys: readonly string[] = [];
  #firstExpiresAt = Number.POSITIVE_INFINITY;
  /** All waiters before this position are over. */
  #overBelow = 0;
  /** Built by the first abort, so that each of many needs no search. */
  #waiterOf: Map<unknown, Waiter> | undefined;

  constructor(body: RequestBody) {
    this.body = body;
    this.#adopt();
  }

  get shard(): ShardId {
    return this.body.shard;
  }

  get history(): readonly Attempt[] {
    return this.#history.all;
  }

  get timesNeeded(): readonly ShardId[] {
    return this.body.timesNeeded ?? [];
  }

  /** No call waits for it any more. */
  get isOver(): boolean {
    const { waiters } = this.body;
    while (waiters[this.#overBelow]?.isOver === true) this.#overBelow += 1;
    return this.#overBelow === waiters.length;
  }

  /** An attempt is in flight, or its fate is not known. */
  get isInDoubt(): boolean {
    return this.state === 'sent' || this.doubts > 0;
  }

  encode(terms: Terms): Request | undefined {
    // The body may leave out waiters that are over.
    this.#overBelow = 0;
    this.#waiterOf = undefined;
    return this.body.encode(terms);
  }

  /** No former copy has taken effect, and none can any more. */
  renew(sessions: Sessions): void {
    const body = present(this.body.renewed?.(), 'what has numbers can have others');
    this.body.close?.(sessions);
    this.doubts = 0;
    this.body = body;
    this.#adopt();
  }

  /** Whether a waiter has timed out, or an outcome is to be asked for. */
  isDue(now: number): boolean {
    return now >= this.#firstExpiresAt || this.isToSettle(now);
  }

  isToSettle(now: number): boolean {
    const { settlesAt } = this.body;
    return settlesAt !== undefined && now >= settlesAt && this.isInDoubt;
  }

  /** Fails the waiters that have timed out. */
  expire(now: number): void {
    if (now < this.#firstExpiresAt) return;
    this.#firstExpiresAt = Number.POSITIVE_INFINITY;
    for (const waiter of this.body.waiters) {
      if (waiter.isOver) continue;
      if (waiter.expiresAt <= now) waiter.fail(this.#timeout());
      else if (waiter.expiresAt < this.#firstExpiresAt) this.#firstExpiresAt = waiter.expiresAt;
    }
  }

  /** Fails one call that waits here. */
  abort(call: object): void {
    this.#waiterOf ??= new Map(this.body.waiters.map((waiter) => [waiter.call, waiter]));
    this.#waiterOf.get(call)?.fail(this.#failure('aborted', 'the signal was aborted'));
  }

  /** Fails all waiters that are left. */
  fail({ code, message }: { readonly code: KvErrorCode; readonly message: string }): void {
    for (const waiter of this.body.waiters) {
      if (!waiter.isOver) waiter.fail(this.#failure(code, message));
    }
  }

  /** A half continues the attempts of the whole. */
  inherit(whole: ShardRequest): void {
    const { attempts, failures, history, wasConnected, unreadableAnswers } = whole;
    this.attempts = attempts;
    this.failures = failures;
    this.wasConnected = wasConnected;
    for (const attempt of history) this.#history.note(attempt);
    this.unreadableAnswers = unreadableAnswers;
  }

  note(attempt: Attempt): void {
    this.failures += 1;
    this.#history.note(attempt);
  }

  /** A transaction holds this key of it. */
  noteContention(key: Uint8Array | undefined): void {
    this.contentions += 1;
    const text = key === undefined ? undefined : keyText(key);
    if (text === undefined || this.#contendedKeys.includes(text)) return;
    this.#contendedKeys = [...this.#contendedKeys, text].slice(-CLIENT_LIMITS.contendedKeysKept);
  }

  #adopt(): void {
    this.#overBelow = 0;
    this.#waiterOf = undefined;
    for (const waiter of this.body.waiters) {
      if (waiter.call !== undefined) waiter.call.request = this;
      if (waiter.expiresAt < this.#firstExpiresAt) this.#firstExpiresAt = waiter.expiresAt;
    }
  }

  /** Reads change nothing, whatever became of them. */
  #failure(code: KvErrorCode, message: string): CallFailure {
    const outcome = this.isInDoubt && this.body.level === undefined ? 'unknown' : 'notApplied';
    return { type: 'failed', code, outcome, message, attempts: this.history };
  }

  /** Names the shard, what it waited for, the attempts and the last error. */
  #timeout(): CallFailure {
    const { shard, attempts, obstacle, contentions } = this;
    const last = this.#history.last;
    const error =
      last === undefined ? 'no node answered' : `last error from ${last.endpoint}: ${last.what}`;
    if (!this.isInDoubt && obstacle === 'contended') {
      const keys = this.#contendedKeys.join(', ') || 'keys that are not known';
      const held = `other transactions held ${keys} of shard ${shard} until the timeout`;
      return this.#failure('contended', `${held}, in ${countText(contentions)}; ${error}`);
    }
    if (obstacle === 'timeout' && !this.wasConnected) {
      return this.#failure(
        'unreachable',
        `no node of shard ${shard} was reached in time; ${error}`,
      );
    }
    const lack = this.lack === undefined ? '' : `, waiting for ${this.lack}`;
    const message = `shard ${shard} timed out after ${countText(attempts)}${lack}; ${error}`;
    const isUnknown = this.isInDoubt && obstacle !== 'wrong-cluster';
    return this.#failure(isUnknown ? 'timeout' : obstacle, message);
  }
}

/** The one waiter of a request that is not batched. */
export class Listener<Answer> implements Waiter {
  readonly call: Waiter['call'];
  readonly expiresAt: number;
  readonly #onAnswer: (answer: Answer) => boolean;
  readonly #onFailure: (failure: CallFailure) => void;
  isOver = false;

  /** If `onAnswer` is false, the answer cannot be used, and the request is sent again. */
  constructor(
    { call, expiresAt }: Pick<Waiter, 'call' | 'expiresAt'>,
    onAnswer: (answer: Answer) => boolean,
    onFailure: (failure: CallFailure) => void,
  ) {
    this.call = call;
    this.expiresAt = expiresAt;
    this.#onAnswer = onAnswer;
    this.#onFailure = onFailure;
  }

  answer(answer: Answer): Verdict {
    if (this.isOver) return OVER;
    if (!this.#onAnswer(answer)) return UNREADABLE;
    this.isOver = true;
    return OVER;
  }

  fail(failure: CallFailure): void {
    this.isOver = true;
    this.#onFailure(failure);
  }
}
