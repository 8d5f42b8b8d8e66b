/** Reads the outcome of a transaction from the reply of its home shard. */

import type { Reason, Reply } from './reply.ts';

/**
 * For a participant that holds locks of it; undefined if nothing is decided. A transaction that the
 * home shard does not know was never committed: a decision is kept until all participants have
 * acknowledged it.
 */
export function isCommittedBy(reply: Reply | undefined): boolean | undefined {
  if (reply === undefined || reply.type === 'locked') return undefined;
  if (reply.type === 'committed') return true;
  return reply.type === 'refused' && OPEN.includes(reply.reason) ? undefined : false;
}

/** A staged transaction is committed if all of its parts are prepared, which is not known yet. */
const OPEN: readonly Reason[] = ['window-full', 'malformed', 'staged', 'entry-full'];

/**
 * Whether the reply to a prevention says that the part will never be prepared; undefined if it says
 * neither that nor that the part is prepared.
 */
export function isPreventedBy(reply: Reply): boolean | undefined {
  if (reply.type === 'done') return false;
  if (reply.type === 'check-failed') return true;
  return reply.type === 'refused' && !UNSURE.includes(reply.reason) ? true : undefined;
}

const UNSURE: readonly Reason[] = ['malformed', 'window-full', 'wrong-epoch'];

/** For all others; `over` if all participants have acknowledged and the decision is deleted. */
export type SettledOutcome = 'committed' | 'aborted' | 'over';

/** Undefined if nothing is decided. */
export function outcomeBy(reply: Reply | undefined): SettledOutcome | undefined {
  const isCommitted = isCommittedBy(reply);
  if (isCommitted === undefined) return undefined;
  const isForgotten =
    reply?.type === 'refused' &&
    (reply.reason === 'acknowledged' || reply.reason === 'deadline-passed');
  if (isForgotten) return 'over';
  return isCommitted ? 'committed' : 'aborted';
}
