/** Why a call for a lock failed, as people read it. In each case the caller does not own it. */

import { type CallFailure, keyText, notApplied } from '../call-failure.ts';
import type { LockCall } from './ticket-call.ts';

/** Its time in the queue is over, or it wanted none. */
export function takenFailure({ name, waitMilliseconds }: LockCall, position: number): CallFailure {
  const wait = waitMilliseconds === 0 ? 'is owned' : `was owned for all of ${waitMilliseconds} ms`;
  const place = position > 0 ? `; the call was at position ${position} in its queue` : '';
  return notApplied('lock-unavailable', `lock ${keyText(name)} ${wait}${place}`);
}

/** The lease that the caller named has ended. */
export function withoutLease({ name }: LockCall): CallFailure {
  return notApplied('lease-ended', `the lease for lock ${keyText(name)} has ended`);
}

/**
 * The caller owns nothing, whatever became of the request: a ticket that it added is given back in
 * the background.
 */
export function lockFailure({ name }: LockCall, failure: CallFailure): CallFailure {
  const { code, message, attempts } = failure;
  const why = WHY[code] ?? message;
  return notApplied(code, `lock ${keyText(name)} was not taken: ${why}`, attempts);
}

/** What the shard says by a word. */
const WHY: Partial<Record<CallFailure['code'], string>> = {
  'lock-kind': 'others use this name with another kind of lock, or another number of permits',
  'lock-queue-full': 'its queue is full',
  'leases-full': 'its shard has as many leases as it may have',
};
