/** The port between the core of a client and its network, and the events of the core. */

import type { KvErrorCode } from '../../base/error-codes.ts';
import type { Attempt } from '../../base/errors.ts';
import type { NodeId, ShardId } from '../../base/ids.ts';
import type { Call } from './call.ts';
import type { KeptLease } from './coordination/kept-lease.ts';
import type { Scan } from './scan.ts';
import type { SyncCall, WatchCall } from './streams/watch-call.ts';

/** The effects of the core. None of them calls back. */
export interface ClientPort {
  /**
   * Ends in an `up` or a `down` of this number, which is never used again. Only nodes of the named
   * cluster may answer; empty names none.
   */
  dial(connection: number, url: string, cluster: string): void;
  /** The core ignores later events of the connection. */
  hangUp(connection: number): void;
  /** In order. Only answers show that it arrived. The bytes belong to the port. */
  send(connection: number, bytes: Uint8Array): void;
  /** The state of a lease has changed. For people only. */
  leaseChanged?(lease: KeptLease): void;
  /** A request to this shard will be sent again after this attempt. For people only. */
  retried?(shard: ShardId, attempt: Attempt): void;
  /** Something that is worth knowing of a watch. For people only. */
  watched?(notice: WatchNotice): void;
}

/**
 * - `compacted`: changes were lost, and the range is read again.
 * - `refused`: a message did not continue where the client was, and the stream was opened again.
 * - `misfit`: a change did not fit what was told of its key before. A defect.
 */
export interface WatchNotice {
  readonly type: 'compacted' | 'refused' | 'misfit';
  readonly shard: ShardId;
  /** Why a message was refused. */
  readonly why?: string;
}

/** The reason of a dial that went down because a node of another cluster answered. */
export const WRONG_CLUSTER = 'it belongs to another cluster';

/** How the reason begins if a node closed a connection before it had served anything on it. */
const OVER_LIMIT = 'limited: ';

/** The user has as many connections to the node as it may have: no request was served. */
export function isOverLimit(reason: string): boolean {
  return reason.startsWith(OVER_LIMIT);
}

/** What the node says of itself when a connection is up. */
export interface Greeting {
  readonly cluster: string;
  readonly node: NodeId;
  readonly limits: NodeLimits;
}

export interface NodeLimits {
  readonly keyBytesMax: number;
  readonly valueBytesMax: number;
}

/** `now` is a monotone clock in milliseconds; it may stand still or jump ahead, never go back. */
export type ClientEvent =
  | { readonly type: 'call'; readonly call: Call; readonly now: number }
  /** The signal of the caller was aborted. Without effect if the call has ended. */
  | { readonly type: 'abort'; readonly call: Call }
  /**
   * A clock that counts while this machine is suspended, as of the same moment as `now`. Told
   * before anything that depends on a lease; without it, only the monotone clock counts.
   */
  | { readonly type: 'wall'; readonly wall: number; readonly now: number }
  /** The lease is kept alive from its first use on, until an `end-lease` call. */
  | { readonly type: 'lease'; readonly lease: KeptLease }
  /** The caller wants no more rows. */
  | { readonly type: 'end-scan'; readonly scan: Scan }
  | { readonly type: 'watch'; readonly watch: WatchCall; readonly now: number }
  /** Its consumer has taken changes of one shard that weighed so much. */
  | {
      readonly type: 'watch-took';
      readonly watch: WatchCall;
      readonly place: number;
      readonly bytes: number;
      readonly now: number;
    }
  | {
      readonly type: 'watch-sync';
      readonly watch: WatchCall;
      readonly sync: SyncCall;
      readonly now: number;
    }
  /** Without effect if it has ended. Nothing is delivered to it any more. */
  | { readonly type: 'watch-end'; readonly watch: WatchCall }
  /** The end of a turn: its requests are sent. */
  | { readonly type: 'flush'; readonly now: number }
  /** At least every `tickMilliseconds` as long as the core is busy. */
  | { readonly type: 'tick'; readonly now: number }
  | {
      readonly type: 'up';
      readonly connection: number;
      readonly greeting: Greeting;
      readonly now: number;
    }
  /** The bytes belong to the core. */
  | {
      readonly type: 'frame';
      readonly connection: number;
      readonly bytes: Uint8Array;
      readonly now: number;
    }
  | {
      readonly type: 'down';
      readonly connection: number;
      readonly reason: string;
      readonly now: number;
    }
  /** All calls fail with the reason, open and later ones. Only the first one counts. */
  | { readonly type: 'close'; readonly why: CloseReason };

/** What calls fail with after the end of the client or its store. */
export interface CloseReason {
  readonly code: KvErrorCode;
  readonly message: string;
}
