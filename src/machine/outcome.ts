/** Reads the outcome of a transaction from the reply of its home shard. */

import type { Reply } from './reply.ts';

/**
 * For a participant that holds locks of it; undefined if nothing is decided. A transaction that the
 * home shard does not know was never committed: a decision is kept until all participants have
 * acknowledged it.
 */
export function isCommittedBy(reply: Reply | undefined): boolean | undefined {
  if (reply === undefined || reply.type === 'locked') return undefined;
  if (reply.type === 'committed') return true;
  const isOpen =
    reply.type === 'refused' && (reply.reason === 'window-full' || reply.reason === 'malformed');
  return isOpen ? undefined : false;
}

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
