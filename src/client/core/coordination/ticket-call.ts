/** Calls about leases and locks, as the core takes them. */

import type { ShardId } from '../../../base/ids.ts';
import type { LockKind } from '../../../machine/command.ts';
import type { OpenCall } from '../shard-request.ts';
import type { KeptLease } from './kept-lease.ts';

/** Takes a lock: owns it at once, or waits in its queue. Settles when it is owned. */
export interface LockCall extends OpenCall<Granted> {
  readonly type: 'lock';
  readonly name: Uint8Array;
  readonly kind: LockKind;
  /** Of a semaphore; else 1. */
  readonly permits: number;
  /** Undefined for a lease that all such locks of this client share. */
  readonly lease: KeptLease | undefined;
  /** Of the shared lease. */
  readonly ttlMilliseconds: number;
  /** For people. */
  readonly note: Uint8Array;
  /**
   * How long it may stand in the queue; 0: it takes no place there. The timeout is not shorter: the
   * answer of the shard is waited for in any case.
   */
  readonly waitMilliseconds: number;
  /** The position in the queue, from 1, whenever it is known to have changed. */
  readonly onWait?: (position: number) => void;
}

export interface Granted {
  readonly type: 'granted';
  readonly lock: OwnedLock;
}

/** Why a lock is not owned any more. */
type LossReason =
  | 'released'
  /** Its lease was not confirmed in time, so another owner is possible from now on. */
  | 'unsure'
  | 'ended';

/** A ticket of this client, in a queue or owning its lock. */
export interface OwnTicket {
  /** Of the lock. */
  readonly name: Uint8Array;
  readonly shard: ShardId;
  readonly id: number;
  readonly lease: KeptLease;
  /**
   * Log time of the shard until which a copy of a request without an answer may still add the
   * ticket, also after it was given back; 0 if there is none.
   */
  doubtUntil: number;
}

/** A lock whose ticket owns it, until it is released or its lease can have ended. */
export interface OwnedLock {
  readonly ticket: OwnTicket;
  /** Grows from owner to owner. */
  readonly fence: number;
  /** Undefined while it is owned. It is lost for good, also if its lease is held again. */
  loss: LossReason | undefined;
  /** Called once, when it is lost otherwise than by its release. */
  onLost: (() => void) | undefined;
}

/** Gives a lock back. Succeeds at once for a lock that was lost. */
export interface UnlockCall extends OpenCall<{ readonly type: 'unlocked' }> {
  readonly type: 'unlock';
  readonly lock: OwnedLock;
}

/** Ends leases: one, or all of the client, which is about to be closed. */
export interface EndLeaseCall extends OpenCall<{ readonly type: 'leases-ended' }> {
  readonly type: 'end-lease';
  /** Undefined for all. */
  readonly lease: KeptLease | undefined;
}
