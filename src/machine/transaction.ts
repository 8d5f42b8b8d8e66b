/** Transactions over several shards: what a client asks for, and what each entry of one says. */

import type { Command, Operation } from './command.ts';
import type { Output, Reply } from './reply.ts';
import type { Contender, TransactionId } from './transaction-id.ts';

/** What a transaction does in one shard. */
export interface Part {
  readonly shard: number;
  /** The shard's epoch in the map that the client had. */
  readonly epoch: number;
  /** In this shard's log time: past it the part is not prepared any more. */
  readonly deadline: number;
  readonly operations: Command;
}

/**
 * All of it takes effect at one moment, or none of it. All copies of a transaction have the same
 * bytes: whoever asks again is told the first outcome.
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

/** One part becomes ready: its checks hold, its keys are locked, its writes are kept. */
export interface Prepare extends Contender {
  /** All that lock keys; the home shard stands first. */
  readonly participants: readonly Participant[];
  /** Which of them this is. */
  readonly at: number;
  readonly operations: Command;
}

/** A proposal of what becomes of a transaction. The first one that is applied wins for ever. */
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
       * What the home shard does in this very entry, once all others are prepared: it needs no
       * lock. None if it was prepared as well.
       */
      readonly operations: Command;
    }
  | { readonly type: 'abort'; readonly because: TransactionRefusal };

/** Why nothing of a transaction happens, as its client is told. */
export type TransactionRefusal = Extract<Reply, { type: 'check-failed' | 'refused' }>;

/** What became of a transaction, told to a participant. */
export interface Resolution {
  readonly id: TransactionId;
  readonly isCommitted: boolean;
  /** The participant's own: how long a late prepare might still come. */
  readonly deadline: number;
}

/**
 * Whether the key is nobody else's from prepare to resolution. A version names one value for ever,
 * so a key that has it when it is read and when it is validated had it in between, and needs no
 * lock. What came and went again leaves no trace: an absence is locked. So is what says nothing
 * of when it was seen.
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

/** Where the slot of a transaction remembers what: the decision at home, the part in each shard. */
export const POSITION = { decision: 0, part: 1 } as const;
