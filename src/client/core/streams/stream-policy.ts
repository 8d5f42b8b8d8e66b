/** What becomes of a watch when a node ends a stream of it. Decided here only. Pure. */

import { unreachable } from '../../../base/assert.ts';
import type { KvErrorCode } from '../../../base/error-codes.ts';
import type { Failure } from '../../../wire/response.ts';

type StreamVerdict =
  /** It goes on at another replica, or at the same one after a while. */
  | {
      readonly type: 'elsewhere';
      /** - `stale`: the leader most likely has what the replica lacks.
       *  - `gone`: all others are asked once, and then the range is read again. */
      readonly cause: 'stale' | 'gone' | 'other';
      readonly isMapOld: boolean;
    }
  /** The shard has stopped to record: a barrier makes it record again, and the stream goes on. */
  | { readonly type: 'barrier' }
  | { readonly type: 'fail'; readonly code: KvErrorCode };

export function decideStream(failure: Failure): StreamVerdict {
  switch (failure) {
    case 'history-gone':
      return { type: 'elsewhere', cause: 'gone', isMapOld: false };
    case 'not-fresh':
      return { type: 'elsewhere', cause: 'stale', isMapOld: false };
    case 'not-leader':
    case 'not-here':
      return { type: 'elsewhere', cause: 'other', isMapOld: true };
    case 'closing':
    case 'damaged':
    case 'streams-full':
    case 'overloaded':
    case 'unsupported':
    case 'read-only':
    case 'too-late':
    case 'lost':
    case 'held':
    case 'audit-unavailable':
      return { type: 'elsewhere', cause: 'other', isMapOld: false };
    case 'not-recording':
      return { type: 'barrier' };
    case 'value-lost':
      return { type: 'fail', code: 'value-lost' };
    case 'unauthenticated':
    case 'forbidden':
    case 'too-many-logins':
      return { type: 'fail', code: failure };
    case 'too-large':
    case 'too-much':
    case 'malformed':
    case 'nodes-only':
      return { type: 'fail', code: 'refused' };
    default:
      return unreachable(failure);
  }
}

/** Why a watch could not begin, by the last failure of a stream or of a connection. */
export function beginFailureCode(
  last: Failure | undefined,
  { wasConnected }: { readonly wasConnected: boolean },
): KvErrorCode {
  if (last === 'streams-full') return 'too-many-watches';
  if (last === 'overloaded' || last === 'audit-unavailable') return last;
  return wasConnected ? 'timeout' : 'unreachable';
}
