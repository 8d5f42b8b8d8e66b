/** What a replica reports to its node, which takes the facts at the end of each turn. */

import type { Prepared } from '../machine/lock-table.ts';
import type { Fact } from '../raft/fact.ts';
import type { Stop } from './stop-reason.ts';

export type ReplicaFact =
  | { readonly type: 'raft'; readonly fact: Fact }
  /** A request waits for a locked key; it preempts the holder if it has higher priority. */
  | { readonly type: 'lock-wait'; readonly holder: Prepared; readonly isPreempting: boolean }
  /** Stale reads wait for the commit index of the shard's leader. */
  | { readonly type: 'leader-query'; readonly question: number }
  /** Streams are open here, and the shard stops recording its changes before long. */
  | { readonly type: 'recording-due' }
  /** There is an entry to propose that no request waits for. */
  | { readonly type: 'deferred' }
  /** Its state was found damaged, or a snapshot replaced it: see `isCorrupt`. */
  | { readonly type: 'corruption-changed' }
  /** It cannot continue. */
  | { readonly type: 'stopped'; readonly stop: Stop };
