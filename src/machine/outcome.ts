/** What the reply of a home shard, asked to end a transaction, says of it. */

import type { Reply } from './reply.ts';

/**
 * To whoever holds keys for it; undefined if nothing is decided. Where nothing is known of the
 * transaction any more it was never committed: a decision is kept until all who held keys have
 * heard.
 */
export function isCommittedBy(reply: Reply | undefined): boolean | undefined {
  if (reply === undefined || reply.type === 'locked') return undefined;
  if (reply.type === 'committed') return true;
  const isOpen =
    reply.type === 'refused' && (reply.reason === 'window-full' || reply.reason === 'malformed');
  return isOpen ? undefined : false;
}

/** To all others; `over` if all have heard of it, and what it was is known no more. */
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
