/**
 * Wound-wait (Rosenkrantz, Stearns and Lewis, 1978): the one place that decides what becomes of a
 * request for a key that a transaction holds.
 *
 * The order of contenders is total. A transaction waits only for holders that it has priority over,
 * and makes them give way; a holder with priority over it sends it away. So in every chain of waits
 * priority rises towards the waiting end, and no chain closes to a cycle. A request without a
 * transaction holds no locks, so no cycle passes through it: it may wait for any holder.
 */

import { compareBytes } from '../base/bytes.ts';
import type { Contender } from '../machine/transaction-id.ts';

/**
 * - `wait`: until the holder gives the key back;
 * - `preempt`: wait, and tell the holder's coordinator to abort unless it is about to decide;
 * - `yield`: give up what is held, and try again later.
 */
type ConflictDecision = 'wait' | 'preempt' | 'yield';

/** No requester: the request belongs to no transaction. */
export function resolveConflict(
  requester: Contender | undefined,
  holder: Contender,
): ConflictDecision {
  if (requester === undefined) return 'wait';
  return hasPriority(requester, holder) ? 'preempt' : 'yield';
}

/**
 * Whether the first contender has priority over the second. More failed attempts win, counted in
 * doublings; then the older transaction; then the smaller id. The order is total.
 */
export function hasPriority(first: Contender, second: Contender): boolean {
  const [level, otherLevel] = [levelOf(first), levelOf(second)];
  if (level !== otherLevel) return level > otherLevel;
  if (first.age !== second.age) return first.age < second.age;
  const order = compareBytes(first.id.client, second.id.client);
  if (order !== 0) return order < 0;
  return first.id.sequence < second.id.sequence;
}

/**
 * Doublings of attempts. If each attempt counted, two transactions that last longer than the other
 * rests would preempt each other in turns; this way each turn is twice as long as the one before.
 */
function levelOf({ attempts }: Contender): number {
  return 32 - Math.clz32(attempts);
}
