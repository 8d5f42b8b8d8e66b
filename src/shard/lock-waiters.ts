/**
 * Commands that wait for locked keys, indexed by the holders that they wait for. When a holder
 * releases its locks, only the commands that wait for it are retried, and expiry costs only what
 * has expired.
 */

import { Deadlines } from '../base/deadlines.ts';
import { NODE_LIMITS } from '../base/node-limits.ts';
import { TRANSACTION_LIMITS } from '../base/transaction-limits.ts';
import type { Prepared } from '../machine/lock-table.ts';
import { isSameId } from '../machine/transaction-id.ts';
import { hasPriority } from '../txn/conflict-policy.ts';
import { FairQuota } from './fair-quota.ts';
import type { Proposal } from './proposal.ts';
import type { Reservation } from './reservations.ts';

/** A command that arrived. */
export interface QueuedProposal {
  readonly proposal: Proposal;
  /** The order of arrival. */
  readonly order: number;
  /** When it stops waiting for keys, however often it is retried without success. */
  readonly until: number;
  /** It has waited for a reservation, so no further reservation blocks it. */
  hasYielded: boolean;
}

/** The holder of a key that a command waits for. */
export type Holder = Prepared | Reservation;

export class LockWaiters {
  /** Invariant: a waiting command is in `#deadlines` and with each of its holders. */
  readonly #deadlines = new Deadlines<QueuedProposal>();
  readonly #holders = new Map<QueuedProposal, ReadonlySet<Holder>>();
  readonly #byHolder = new Map<Holder, Set<QueuedProposal>>();
  readonly #portions = new FairQuota({ max: TRANSACTION_LIMITS.waitersMax });
  /**
   * A budget of its own, also for retried commands: commands that wait for a lock must not keep out
   * the entry that releases it.
   */
  #bytes = 0;

  get size(): number {
    return this.#deadlines.size;
  }

  /** A command waits for this holder. */
  isAwaited(holder: Holder): boolean {
    return this.#byHolder.has(holder);
  }

  /** Required: at least one holder; each of them may let it pass. False if there is no room. */
  add(entered: QueuedProposal, holders: ReadonlySet<Holder>): boolean {
    const bytes = this.#bytes + entered.proposal.bytes;
    const isHeavy = this.size > 0 && bytes > NODE_LIMITS.writesBytesMax;
    const { share } = entered.proposal.requester.responder;
    if (isHeavy || !this.#portions.admits(share)) return false;
    this.#portions.add(share);
    this.#bytes = bytes;
    this.#deadlines.add(entered, entered.until);
    this.#holders.set(entered, holders);
    for (const holder of holders) {
      const others = this.#byHolder.get(holder);
      if (others === undefined) this.#byHolder.set(holder, new Set([entered]));
      else others.add(entered);
    }
    return true;
  }

  /** The commands that waited for one of these holders, in the order in which they are retried. */
  takeOf(holders: readonly Holder[]): readonly QueuedProposal[] {
    const taken: QueuedProposal[] = [];
    for (const holder of holders) {
      for (const entered of [...(this.#byHolder.get(holder) ?? [])]) {
        this.#remove(entered);
        taken.push(entered);
      }
    }
    return taken.sort(rankOf);
  }

  takeAll(): readonly QueuedProposal[] {
    const all = [...this.#deadlines.items()];
    this.#deadlines.clear();
    this.#holders.clear();
    this.#byHolder.clear();
    this.#portions.clear();
    this.#bytes = 0;
    return all.sort(rankOf);
  }

  takeLate(now: number): readonly QueuedProposal[] {
    const late = this.#deadlines.takeDue(now);
    for (const entered of late) this.#remove(entered);
    return late;
  }

  #remove(entered: QueuedProposal): void {
    this.#deadlines.remove(entered);
    this.#portions.remove(entered.proposal.requester.responder.share);
    this.#bytes -= entered.proposal.bytes;
    for (const holder of this.#holders.get(entered) ?? []) {
      const others = this.#byHolder.get(holder);
      others?.delete(entered);
      if (others?.size === 0) this.#byHolder.delete(holder);
    }
    this.#holders.delete(entered);
  }
}

/**
 * Commands that hold no locks go first, in the order of arrival: each delays a transaction by one
 * entry only, while behind a transaction it would find the key locked again and again. Then
 * transactions, by age.
 */
function rankOf(entered: QueuedProposal, otherEntered: QueuedProposal): number {
  const [one, other] = [entered.proposal.touch(), otherEntered.proposal.touch()];
  const [first, second] = [one.contender, other.contender];
  const inOrder = entered.order - otherEntered.order;
  if (first === undefined && second === undefined) return inOrder;
  if (first === undefined || second === undefined) return first === undefined ? -1 : 1;
  if (isSameId(first.id, second.id)) return inOrder;
  return hasPriority(first, second) ? -1 : 1;
}
