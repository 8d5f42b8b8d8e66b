/** Transactions over several shards: the client's request, and the entries of each step. */

import type { Command, Operation } from './command.ts';
import type { Output, Reply } from './reply.ts';
import type { Contender, TransactionId } from './transaction-id.ts';

/** The operations of a transaction in one shard. */
export interface Part {
  readonly shard: number;
  /** The shard's epoch in the map that the client had. */
  readonly epoch: number;
  /** In this shard's log time: after it the part is not prepared any more. */
  readonly deadline: number;
  readonly operations: Command;
}

/**
 * All of it takes effect at one moment, or none of it. All copies of a transaction have the same
 * bytes: a repeated request gets the first outcome.
 *
 * The first part locks at least one key; its shard is the home shard.
 */
export interface TransactionRequest {
  readonly client: Uint8Array;
  readonly sequence: number;
  /** As in `Contender`. */
  readonly attempts: number;
  readonly age: number;
  readonly parts: readonly Part[];
}

/** A shard that locks keys for a transaction, by the position of the first of them. */
export interface Participant {
  /** The position on the ring of the first key that it locks. */
  readonly position: number;
  /** In the shard's log time: past it the part is not prepared any more. */
  readonly deadline: number;
}

/** One part is prepared: its checks hold, its keys are locked, its writes are kept. */
export interface Prepare extends Contender {
  /** The shards that lock keys; the home shard stands first. */
  readonly participants: readonly Participant[];
  /** The index of this one among them. */
  readonly at: number;
  readonly operations: Command;
}

/** Proposes a decision. The first one that is applied is final. */
export interface Decide extends Contender {
  readonly participants: readonly Participant[];
  readonly proposal: DecisionProposal;
}

export type DecisionProposal =
  | {
      readonly type: 'commit';
      /** Of all participants, or of all but the home shard if that has `operations` to do yet. */
      readonly versions: readonly number[];
      readonly outputs: readonly Output[];
      /**
       * Applied by the home shard in this very entry, once all others are prepared: so they need no
       * lock. Empty if the home shard was prepared as well.
       */
      readonly operations: Command;
    }
  | { readonly type: 'abort'; readonly because: TransactionRefusal }
  /**
   * An abort that ends a staged transaction, too: the proposer knows of a participant that can
   * never become ready.
   */
  | { readonly type: 'prevented'; readonly because: TransactionRefusal };

/** Why a transaction has no effect, as its client sees it. */
export type TransactionRefusal = Extract<Reply, { type: 'check-failed' | 'refused' }>;

/** Makes sure that a part is either prepared or never will be. */
export interface Prevention {
  readonly id: TransactionId;
  /** The participant's, on the ring. */
  readonly position: number;
  /** The participant's own: how long a late prepare might still arrive. */
  readonly deadline: number;
}

/** The decision of a transaction, as sent to a participant. */
export interface Resolution {
  readonly id: TransactionId;
  readonly isCommitted: boolean;
  /** The participant's own: how long a late prepare might still arrive. */
  readonly deadline: number;
}

/**
 * What no client waits for, gathered for one entry. At least one of the lists has an element, and
 * none has more than `TRANSACTION_LIMITS.resolutionsMax`.
 */
export interface ConcludingSteps {
  /** Decisions of this home shard, encoded: commits of staged transactions. */
  readonly commits: readonly Uint8Array[];
  readonly resolutions: readonly Resolution[];
  /** Decisions of this home shard that all participants have acknowledged. */
  readonly cleared: readonly TransactionId[];
}

/**
 * Whether the operation locks its key from prepare to resolution. A version names one value for
 * ever, so a key that has it both when it is read and when it is validated had it in between, and
 * needs no lock. A key that was written and deleted again leaves no trace, so an absence is locked.
 * So is a check that does not say when the key was seen.
 */
export function isLocking(operation: Operation): boolean {
  switch (operation.type) {
    case 'check-version':
      return operation.version === 0;
    case 'check-range':
      return false;
    default:
      return true;
  }
}

/** Whether it locks the key itself: a fence locks its name, and its key only routes it. */
export function locksKey(operation: Operation): boolean {
  return isLocking(operation) && operation.type !== 'fence';
}

/** The positions in the slot of a transaction: the decision at home, the part in each shard. */
export const POSITION = { decision: 0, part: 1 } as const;
