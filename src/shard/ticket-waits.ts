/**
 * Requests that wait for a ticket to own its lock, at the leader of its shard. Each looks at the
 * state first, and is parked in the same step if its ticket waits: the entry that grants the ticket
 * carries that fact, which answers the requests of this ticket and of no other.
 *
 * A grant is told from applied entries, so any leader may tell it. That a ticket is gone is told
 * only by a fact, or by a leader that has proven after the request that it leads: a deposed one may
 * not know the ticket yet.
 */

import { nameOf } from '../base/bytes.ts';
import { Deadlines } from '../base/deadlines.ts';
import type { TicketState } from '../machine/reply.ts';
import type { Grant, Tickets } from '../machine/tickets.ts';
import { SHARD_LIMITS } from './limits.ts';
import type { Requester } from './proposals.ts';

export interface TicketWait {
  readonly requester: Requester;
  /** Of the lock. */
  readonly name: Uint8Array;
  readonly ticket: number;
  /** In the node's monotone milliseconds: then it is answered though the ticket still waits. */
  readonly until: number;
}

/** The applied state. */
interface Present {
  readonly tickets: Pick<Tickets, 'stateOf'>;
  /** Log time. */
  readonly time: number;
}

export class TicketWaits {
  /** Invariant: one for each ticket at most, so there are no more of them than tickets. */
  readonly #parked = new Map<string, TicketWait>();
  /** Those whose time is not over. */
  readonly #deadlines = new Deadlines<TicketWait>();
  /** Those whose time is over, and who were not answered yet. */
  #late: TicketWait[] = [];

  get size(): number {
    return this.#parked.size;
  }

  /** Answers the request or parks it. False if the state has no such ticket. */
  take(wait: TicketWait, { tickets, time }: Present): boolean {
    const state = tickets.stateOf(wait.name, wait.ticket);
    if (state.number === 0) return false;
    if (state.fence > 0) answerTicket(wait, state, time);
    else this.#park(wait, state, time);
    return true;
  }

  /** An entry was applied, and these tickets own their locks now, or are gone. */
  told(grants: readonly Grant[], time: number): void {
    if (this.#parked.size === 0) return;
    for (const { name, ticket, fence } of grants) {
      const wait = this.#remove(placeOf(name, ticket));
      if (wait !== undefined) answerTicket(wait, { fence, position: 0 }, time);
    }
  }

  /**
   * Answers those whose time is over. Their places in the queue are counted, so only some of them
   * are answered at once.
   */
  tick(now: number, { tickets, time }: Present): void {
    if (this.#parked.size === 0) return;
    this.#late.push(...this.#deadlines.takeDue(now));
    for (const wait of this.#late.splice(0, SHARD_LIMITS.lateWaitsMax)) {
      const place = placeOf(wait.name, wait.ticket);
      // Unless it was answered meanwhile.
      if (this.#parked.get(place) !== wait) continue;
      this.#parked.delete(place);
      answerTicket(wait, tickets.stateOf(wait.name, wait.ticket), time);
    }
  }

  /** All of them, to be refused. */
  takeAll(): readonly TicketWait[] {
    const all = [...this.#parked.values()];
    this.#parked.clear();
    this.#deadlines.clear();
    this.#late = [];
    return all;
  }

  /** The request takes the place of an earlier one, which its client does not wait for any more. */
  #park(wait: TicketWait, state: TicketState, time: number): void {
    const place = placeOf(wait.name, wait.ticket);
    const earlier = this.#remove(place);
    if (earlier !== undefined) answerTicket(earlier, state, time);
    // The name of a request belongs to a whole frame.
    const own = { ...wait, name: wait.name.slice() };
    this.#parked.set(place, own);
    this.#deadlines.add(own, own.until);
  }

  #remove(place: string): TicketWait | undefined {
    const wait = this.#parked.get(place);
    if (wait === undefined) return undefined;
    this.#parked.delete(place);
    this.#deadlines.remove(wait);
    return wait;
  }
}

/** `position` 0 with `fence` 0: the ticket is gone. */
export function answerTicket(
  { requester }: Pick<TicketWait, 'requester'>,
  { fence, position }: Pick<TicketState, 'fence' | 'position'>,
  time: number,
): void {
  const { responder, id } = requester;
  responder.respond({ type: 'ticket', id, time, fence, position });
}

function placeOf(name: Uint8Array, ticket: number): string {
  return `${ticket} ${nameOf(name)}`;
}
