/**
 * Retry policy: what the client does next with a request that a node or a shard refused, how soon,
 * and how many retries all requests together may send. It is decided here only, and carried out by
 * `dispatch.ts`. Pure.
 */

import { unreachable } from '../../base/assert.ts';
import type { Random } from '../../base/random.ts';
import type { Reason } from '../../machine/reply.ts';
import type { Failure } from '../../wire/response.ts';
import { CLIENT_LIMITS } from '../limits.ts';
import type { FinalReason } from './call-failure.ts';
import type { RequestKind, Retry, Verdict } from './shard-request.ts';

interface RefusedRequest {
  readonly failure: Failure;
  /** The node named a leader that the client did not know of. */
  readonly isLeaderNews: boolean;
  /** Redirects in a row so far: two nodes may name each other. */
  readonly redirects: number;
}

/** A node did not serve a request. */
export function decideRetry({ failure, isLeaderNews, redirects }: RefusedRequest): Verdict {
  const why = failure;
  switch (failure) {
    case 'not-leader':
      if (isLeaderNews && redirects < CLIENT_LIMITS.hopsMax) return { type: 'redirect', why };
      // A node that knows no other leader may be cut off from a cluster that has moved on.
      return { type: 'resend', why, avoidsNode: !isLeaderNews, isMapOld: !isLeaderNews };
    case 'not-here':
      return { type: 'resend', why, avoidsNode: true, isMapOld: true };
    case 'closing':
    case 'not-fresh':
    // Of streams, which go on at another replica.
    case 'history-gone':
    case 'streams-full':
    // Nodes of several versions run while a cluster is upgraded.
    case 'unsupported':
    // The disk of the node that audits is full or broken; another node has one of its own.
    case 'audit-unavailable':
    // The replica gives up leading, and others have what it lacks.
    case 'damaged':
      return { type: 'resend', why, avoidsNode: true };
    case 'overloaded':
    case 'not-recording':
    case 'lost':
    case 'too-late':
      return { type: 'resend', why };
    case 'held':
      return { type: 'resend', why, isContended: true };
    // One key of the request may be too large, or lost: the others are answered by themselves.
    case 'too-much':
      return { type: 'split', why, code: 'result-too-large' };
    case 'value-lost':
      return { type: 'split', why, code: 'value-lost' };
    case 'read-only':
      return { type: 'fail', why, code: 'read-only' };
    case 'too-large':
      return { type: 'fail', why, code: 'value-too-large' };
    case 'unauthenticated':
    case 'forbidden':
    case 'too-many-logins':
      return { type: 'fail', why, code: failure };
    case 'malformed':
    case 'nodes-only':
      return { type: 'fail', why, code: 'refused' };
    default:
      return unreachable(failure);
  }
}

/** So many answers to a request could not be read. */
export function decideUnreadable(answers: number): Verdict {
  const why = 'an answer that cannot be read';
  if (answers < CLIENT_LIMITS.brokenAnswersMax) return { type: 'resend', why };
  return { type: 'fail', why, code: 'refused' };
}

type RefusalDecision =
  | Retry
  /** Fail with `timeout`: an earlier copy may have been in time, and this one was not. */
  | { readonly type: 'expire'; readonly why: Reason }
  | { readonly type: 'fail'; readonly reason: FinalReason };

interface RefusedCommand {
  readonly kind: RequestKind;
  readonly why: Reason | 'locked';
  /** Copies that were sent under these numbers. */
  readonly copies: number;
  /** Copies whose fate is not known. */
  readonly doubts: number;
}

/** A shard refused a command, a transaction or a validation. */
export function decideRefusal({ kind, why, copies, doubts }: RefusedCommand): RefusalDecision {
  const isTransaction = kind === 'transact';
  switch (why) {
    case 'locked':
      return { type: 'resend', why, isContended: true };
    // The abort is decided, whatever becomes of other copies.
    case 'gave-way':
    case 'aborted':
      if (isTransaction) return { type: 'renew', why, isContended: true };
      return { type: 'fail', reason: why };
    // Epochs only grow: a committed transaction would have been answered with its commit.
    case 'wrong-epoch':
      return { type: isTransaction ? 'renew' : 'resend', why, isMapOld: true };
    case 'deadline-passed':
    case 'deadline-too-far':
      if (kind === 'validate') return { type: 'resend', why };
      return { type: copies === 1 ? 'renew' : 'expire', why };
    // Nothing was decided, so another copy of a transaction might find room.
    case 'window-full':
    case 'entry-full':
    case 'staged':
      return { type: isTransaction && doubts === 0 ? 'renew' : 'resend', why };
    default:
      return { type: 'fail', reason: why };
  }
}

/** Milliseconds after the first attempt, and the maximum. */
export const BACKOFF = {
  retry: { min: CLIENT_LIMITS.restMillisecondsMin, max: CLIENT_LIMITS.restMillisecondsMax },
  contention: {
    min: CLIENT_LIMITS.contentionMillisecondsMin,
    max: CLIENT_LIMITS.contentionMillisecondsMax,
  },
  redial: { min: CLIENT_LIMITS.redialMillisecondsMin, max: CLIENT_LIMITS.redialMillisecondsMax },
} as const;

type Backoff = (typeof BACKOFF)[keyof typeof BACKOFF];

/** Doubles with each attempt, less a random part of up to a half: a crowd spreads out. */
export function backoffAfter(attempts: number, { min, max }: Backoff, random: Random): number {
  const whole = Math.min(max, min * 2 ** Math.min(attempts, 16));
  return whole * (1 - random.fraction() / 2);
}

/**
 * Each retry takes from the budget; time and successes refill it. A request that finds it empty
 * waits, up to its own timeout: a cluster that comes back does not get all retries at once.
 */
export class RetryBudget {
  #left: number = CLIENT_LIMITS.retriesMax;
  #filledAt: number;

  constructor({ now }: { readonly now: number }) {
    this.#filledAt = now;
  }

  take(now: number): boolean {
    const seconds = Math.max(0, now - this.#filledAt) / 1000;
    this.#filledAt = Math.max(now, this.#filledAt);
    this.#give(seconds * CLIENT_LIMITS.retriesPerSecond);
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }

  succeed(): void {
    this.#give(CLIENT_LIMITS.retriesPerSuccess);
  }

  #give(retries: number): void {
    this.#left = Math.min(CLIENT_LIMITS.retriesMax, this.#left + retries);
  }
}
