/**
 * Retry policy: what the client does next with a request that a node refused. It is decided here
 * only, and carried out by `dispatch.ts`. Pure.
 */

import { unreachable } from '../../base/assert.ts';
import { CLIENT_LIMITS } from '../../base/client-limits.ts';
import type { KvErrorCode } from '../../base/errors.ts';
import type { Failure } from '../../wire/response.ts';

type RetryDecision =
  /** Send it at once to the leader that the node named. */
  | { readonly type: 'redirect' }
  /** Send the same bytes again after a backoff. */
  | {
      readonly type: 'retry';
      /** Prefer another member of the shard. */
      readonly avoidsNode: boolean;
      /** Fetch a newer shard map. */
      readonly isMapOld: boolean;
    }
  /** Another transaction holds a key: a short backoff that grows with each conflict. */
  | { readonly type: 'back-off' }
  /** Answer each half by itself; fail with the code if there is only one key. */
  | { readonly type: 'split'; readonly code: KvErrorCode }
  | { readonly type: 'fail'; readonly code: KvErrorCode };

interface RefusedRequest {
  readonly failure: Failure;
  /** The node named a leader that the client did not know of. */
  readonly isLeaderNews: boolean;
  /** Redirects in a row so far: two nodes may name each other. */
  readonly redirects: number;
}

export function decideRetry({ failure, isLeaderNews, redirects }: RefusedRequest): RetryDecision {
  switch (failure) {
    case 'not-leader':
      if (isLeaderNews && redirects < CLIENT_LIMITS.hopsMax) return { type: 'redirect' };
      // A node that knows no other leader may be cut off from a cluster that has moved on.
      return { type: 'retry', avoidsNode: !isLeaderNews, isMapOld: !isLeaderNews };
    case 'not-here':
      return { type: 'retry', avoidsNode: true, isMapOld: true };
    case 'closing':
    case 'not-fresh':
    // The replica gives up leading, and others have what it lacks.
    case 'damaged':
      return { type: 'retry', avoidsNode: true, isMapOld: false };
    case 'overloaded':
    case 'lost':
    case 'too-late':
      return { type: 'retry', avoidsNode: false, isMapOld: false };
    case 'held':
      return { type: 'back-off' };
    // One key of the request may be too large, or lost: the others are answered by themselves.
    case 'too-much':
      return { type: 'split', code: 'result-too-large' };
    case 'value-lost':
      return { type: 'split', code: 'value-lost' };
    case 'read-only':
      return { type: 'fail', code: 'read-only' };
    case 'too-large':
      return { type: 'fail', code: 'value-too-large' };
    case 'malformed':
    case 'nodes-only':
      return { type: 'fail', code: 'refused' };
    default:
      return unreachable(failure);
  }
}
