/**
 * Commands that wait for keys which transactions hold, by the holders for which they wait. When a
 * holder gives its keys back, only those that waited for it are looked at again, and to expire
 * costs what has expired.
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

/** A command that came in. */
export interface QueuedProposal {
  readonly proposal: Proposal;
  /** In the order in which they came. */
  readonly order: number;
  /** How long it may wait for keys, however often it is woken in vain. */
  readonly until: number;
  /** It has waited for a reservation: none keeps it out any more. */
  hasYielded: boolean;
}

/** Who has a key that a command waits for. */
export type Holder = Prepared | Reservation;

export class LockWaiters {
  /** Invariant: one that waits is in `#deadlines`, and with each of its holders. */
  readonly #deadlines = new Deadlines<QueuedProposal>();
  readonly #holders = new Map<QueuedProposal, ReadonlySet<Holder>>();
  readonly #byHolder = new Map<Holder, Set<QueuedProposal>>();
  readonly #portions = new FairQuota({ max: TRANSACTION_LIMITS.waitersMax });
  /** Room of its own, awake too: what waits for a key must not keep out what gives it back. */
  #bytes = 0;

  get size(): number {
    return this.#deadlines.size;
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

  /** Those that waited for one of these holders, in the order in which they should go on. */
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
 * A command that holds no keys goes first, in the order in which they came: it costs a transaction
 * one entry, and behind one it would find the key held again, for ever. Then transactions, by age.
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
