/**
 * Commands that wait to be proposed: until the end of the turn, or until a transaction releases a
 * lock. Only a leader has a queue, and a queued command has not taken effect.
 *
 * Lock conflicts are decided by wound-wait (`txn/conflict-policy.ts`): a request that holds no
 * locks may wait for any holder. A transaction holds locks, so it waits only for holders with lower
 * priority, whose coordinators are told to abort, and yields to a holder with higher priority. So
 * no cycle of waits can form. A holder whose decision is known, and waits here or in the log, may
 * be waited for by every request, because it does not wait any more.
 *
 * A reserved key blocks commands with lower priority: a command without a transaction waits, for
 * one reservation at most, and a transaction is refused.
 *
 * Entries that no request waits for, such as the resolution of a transaction that blocked no
 * request, are deferred: they are proposed after a delay, together with later ones, with which they
 * share an entry; at once if a request meets a lock that they release. A read may also be served
 * what such a transaction leaves: its outcome is final before it is carried out here.
 */

import { NODE_LIMITS } from '../base/node-limits.ts';
import { TRANSACTION_LIMITS } from '../base/transaction-limits.ts';
import type { Command } from '../machine/command.ts';
import type { LockTable, Prepared } from '../machine/lock-table.ts';
import type { Reply } from '../machine/reply.ts';
import { type Contender, idName, isSameId } from '../machine/transaction-id.ts';
import { resolveConflict } from '../txn/conflict-policy.ts';
import { type Holder, LockWaiters, type QueuedProposal } from './lock-waiters.ts';
import { mergeConclusions } from './merged-conclusions.ts';
import type { End, Proposal } from './proposal.ts';
import type { Requester } from './proposals.ts';
import { Reservations } from './reservations.ts';

/** The present: what the queue decides by. */
interface Present {
  readonly now: number;
  readonly lockTable: LockTable | undefined;
}

/** A command met a locked key, and waits; it preempts the holder if it has higher priority. */
interface LockConflict {
  readonly holder: Prepared;
  readonly isPreempting: boolean;
}

/** A transaction whose decision is on its way here, numbered in the order of arrival. */
interface KnownEnd extends End {
  readonly number: number;
}

/** What became of the commands that were gathered; the others wait for their keys. */
interface Sorted {
  readonly passing: readonly Proposal[];
  /** A holder with higher priority locks a key of them. */
  readonly refused: readonly { readonly requester: Requester; readonly reply: Reply }[];
  /** There is no room for them to wait. */
  readonly overloaded: readonly Requester[];
  readonly conflicts: readonly LockConflict[];
}

export class ProposalQueue {
  #gathered: QueuedProposal[] = [];
  #unhurried: QueuedProposal[] = [];
  /** The bytes of the commands that came in since the last turn. */
  #bytes = 0;
  readonly #waiters = new LockWaiters();
  readonly #reservations = new Reservations();
  /** Commands so far. */
  #entered = 0;
  /** Transactions whose decision is known here and not applied yet. */
  readonly #ending = new Map<string, KnownEnd>();
  /** Decisions that became known so far. */
  #known = 0;

  get size(): number {
    return this.#gathered.length + this.#unhurried.length + this.#waiters.size;
  }

  /** A request waits for a locked key. */
  get hasWaiting(): boolean {
    return this.#waiters.size > 0;
  }

  get hasGathered(): boolean {
    return this.#gathered.length > 0;
  }

  /** Counts the decisions that became known here. */
  get known(): number {
    return this.#known;
  }

  /** The decision of this holder, if it is known here and not applied yet. */
  endOf({ id }: Pick<Prepared, 'id'>): KnownEnd | undefined {
    return this.#ending.size === 0 ? undefined : this.#ending.get(idName(id));
  }

  /** A command waits for this holder. */
  isAwaited(holder: Prepared): boolean {
    return this.#waiters.isAwaited(holder);
  }

  /** False if there is no room. */
  add(proposal: Proposal, { now, lockTable }: Present): boolean {
    const bytes = this.#bytes + proposal.bytes;
    if (this.#bytes > 0 && bytes > NODE_LIMITS.writesBytesMax) return false;
    for (const { id, isCommitted } of proposal.ends) {
      if (lockTable?.of(id) === undefined || this.#ending.has(idName(id))) continue;
      this.#known += 1;
      this.#ending.set(idName(id), { id, isCommitted, number: this.#known });
    }
    const list = proposal.hasHurry ? this.#gathered : this.#unhurried;
    const until = now + TRANSACTION_LIMITS.waitMilliseconds;
    this.#entered += 1;
    list.push({ proposal, order: this.#entered, until, hasYielded: false });
    this.#bytes = bytes;
    if (this.#unhurried.length >= TRANSACTION_LIMITS.deferredMax) this.releaseDeferred();
    return true;
  }

  /** The proposal is dropped: the end of its transactions is not on its way any more. */
  drop({ ends }: Proposal): void {
    for (const { id } of ends) this.#ending.delete(idName(id));
  }

  /** Whether the end of this holder is on its way; if so it is proposed with this turn. */
  releaseEndOf({ id }: Pick<Prepared, 'id'>): boolean {
    if (!this.#ending.has(idName(id))) return false;
    this.releaseDeferred();
    return true;
  }

  releaseDeferred(): void {
    this.#gathered.push(...this.#unhurried);
    this.#unhurried = [];
  }

  /** The commands that may be proposed now, and what became of the others. */
  take({ lockTable }: Pick<Present, 'lockTable'>): Sorted {
    const gathered = this.#gathered;
    this.#gathered = [];
    this.#bytes = 0;
    const isHeld = (lockTable?.size ?? 0) + this.#reservations.size > 0;
    const sorting: Sorting = {
      lockTable,
      refused: [],
      overloaded: [],
      conflicts: [],
      isEndAwaited: false,
    };
    const passing = isHeld ? gathered.filter((one) => this.#mayPass(one, sorting)) : gathered;
    const ends = sorting.isEndAwaited ? this.#unhurried.splice(0) : [];
    return { ...sorting, passing: mergeConclusions([...passing, ...ends].map(proposalOf)) };
  }

  /** For a transaction that has failed often. Earlier commands still go first. */
  reserve(contender: Contender, keys: readonly Uint8Array[], now: number): void {
    this.#reservations.reserve(contender, keys, now);
  }

  /** The transaction no longer needs them. */
  release(contender: Pick<Contender, 'id'>, keys: readonly Uint8Array[]): void {
    this.#goOn(this.#reservations.release(contender, keys));
  }

  /** These released their locks, or all did: commands that waited for one of them are retried. */
  wake(freed: readonly Prepared[] | 'all', lockTable: LockTable | undefined): void {
    const ended = freed === 'all' ? this.#ending.values() : freed;
    for (const { id } of ended) {
      if (lockTable?.of(id) === undefined) this.#ending.delete(idName(id));
    }
    if (freed === 'all') {
      this.#gathered = [...this.#waiters.takeAll(), ...this.#gathered];
      return;
    }
    const released = freed.flatMap((one) => this.#reservations.release(one, one.keys));
    this.#goOn([...freed, ...released]);
  }

  #goOn(holders: readonly Holder[]): void {
    const woken = this.#waiters.takeOf(holders);
    if (woken.length > 0) this.#gathered = [...woken, ...this.#gathered];
  }

  /**
   * The commands whose waiting time is over; those that waited for an expired reservation go on.
   */
  takeLate(now: number): readonly Proposal[] {
    this.#goOn(this.#reservations.takeDue(now));
    return this.#waiters.takeLate(now).map(proposalOf);
  }

  /** No command of them has taken effect. */
  takeAll(): readonly Proposal[] {
    this.releaseDeferred();
    const all = [...this.#gathered, ...this.#waiters.takeAll()].map(proposalOf);
    this.#gathered = [];
    this.#ending.clear();
    this.#reservations.clear();
    this.#bytes = 0;
    return all;
  }

  #mayPass(entered: QueuedProposal, sorting: Sorting): boolean {
    const { commands, contender, isLast = false } = entered.proposal.touch();
    const mayPass =
      this.#passesReservations(entered, sorting) && this.#passesHolders(entered, sorting);
    if (mayPass && isLast && contender !== undefined) {
      this.release(
        contender,
        commands.flatMap((command) => command.map(({ key }) => key)),
      );
    }
    return mayPass;
  }

  /** A batch goes on only if no reservation blocks any of its commands. */
  #passesReservations(entered: QueuedProposal, { refused, overloaded }: Sorting): boolean {
    if (entered.hasYielded || this.#reservations.size === 0) return true;
    const { requester, touch } = entered.proposal;
    const { commands, contender } = touch();
    const obstacle = this.#reservations.inTheWayOf(commands, contender);
    if (obstacle === undefined) return true;
    const { position, reservation } = obstacle;
    if (contender !== undefined) {
      const reply: Reply = { type: 'locked', position, holder: reservation.contender };
      refused.push({ requester, reply });
      return false;
    }
    entered.hasYielded = true;
    if (!this.#waiters.add(entered, new Set([reservation]))) overloaded.push(requester);
    return false;
  }

  /**
   * A batch goes on if at least one of its commands meets no lock: the others are reported as
   * locked when the batch is applied, and the client retries them alone.
   */
  #passesHolders(entered: QueuedProposal, sorting: Sorting): boolean {
    const { lockTable, refused, overloaded, conflicts } = sorting;
    if (lockTable === undefined || lockTable.size === 0) return true;
    const { requester, touch } = entered.proposal;
    const { commands, contender } = touch();
    let first: Obstacle | undefined;
    const holders = new Set<Prepared>();
    for (const command of commands) {
      const obstacle = obstacleOf(command, { contender, lockTable });
      if (obstacle === undefined) return true;
      first ??= obstacle;
      holders.add(obstacle.holder);
    }
    if (first === undefined) return true;
    const { position, holder } = first;
    const isEnding = this.#ending.has(idName(holder.id));
    const decision = isEnding ? 'wait' : resolveConflict(contender, holder);
    if (decision === 'yield') {
      refused.push({ requester, reply: { type: 'locked', position, holder } });
      return false;
    }
    // Each holder may let one command pass, and with it the batch.
    if (!this.#waiters.add(entered, holders)) overloaded.push(requester);
    // The end of an ending holder is proposed with this turn, or is in the log.
    else if (isEnding) sorting.isEndAwaited = true;
    else conflicts.push({ holder, isPreempting: decision === 'preempt' });
    return false;
  }
}

interface Obstacle {
  readonly position: number;
  readonly holder: Prepared;
}

interface Passage {
  readonly contender: Contender | undefined;
  readonly lockTable: LockTable;
}

/** The commands of one turn while they are sorted. */
interface Sorting {
  readonly lockTable: LockTable | undefined;
  readonly refused: Sorted['refused'][number][];
  readonly overloaded: Requester[];
  readonly conflicts: LockConflict[];
  /** One of them waits for a holder whose end is here, or in the log. */
  isEndAwaited: boolean;
}

/** The first operation of a command that needs what another transaction locks. */
function obstacleOf(command: Command, { contender, lockTable }: Passage): Obstacle | undefined {
  for (const [position, operation] of command.entries()) {
    const holder = lockTable.holderFor(operation);
    if (holder === undefined) continue;
    if (contender !== undefined && isSameId(holder.id, contender.id)) continue;
    return { position, holder };
  }
  return undefined;
}

function proposalOf({ proposal }: QueuedProposal): Proposal {
  return proposal;
}
