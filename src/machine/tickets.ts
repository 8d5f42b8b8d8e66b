/**
 * The locks of a shard: a lock is the set of its tickets, in the order of their numbers, and
 * nothing else. Those at the head own it, the others wait.
 *
 * A ticket owns the lock at once if no ticket waits and it may join the owners. Otherwise it is
 * granted by the entry that makes room for it: `grant` runs once for each lock that lost a ticket,
 * at the end of the entry. So no ticket owns a lock within an entry only, and the index of an entry
 * names one set of owners: that index is their fencing token.
 */

import { assert, present } from '../base/assert.ts';
import { nameOf } from '../base/bytes.ts';
import { COORDINATION_LIMITS } from '../base/coordination-limits.ts';
import type { Acquire } from './command.ts';
import type { Reason, TicketState } from './reply.ts';
import { SECTION, type StateSource } from './section.ts';
import { Slots, type WriteBuffer } from './slots.ts';
import { decodeTicket, isSameLock, mayJoin, type Ticket, writeTicket } from './ticket.ts';

/** A ticket that waited, and owns its lock now, or is gone: then the fence is 0. */
export interface Grant {
  readonly name: Uint8Array;
  readonly ticket: number;
  readonly fence: number;
}

export const NO_GRANTS: readonly Grant[] = [];

interface Placed extends Ticket {
  readonly slot: number;
}

interface Queue {
  /** By id, in the order of their numbers: owners stand before waiting tickets. */
  readonly tickets: Map<number, Placed>;
  owners: number;
}

/** The entry that adds a ticket. */
interface Moment {
  readonly index: number;
  readonly logTime: number;
}

const NO_TICKET: TicketState = { type: 'ticket', fence: 0, number: 0, position: 0 };

export class Tickets {
  readonly #slots: Slots;
  readonly #queues = new Map<string, Queue>();
  /** By the id of the lease, then by slot. */
  readonly #byLease = new Map<string, Map<number, Placed>>();
  /** Locks that lost a ticket in the present entry. */
  readonly #touched = new Set<string>();
  /** Waiting tickets that the present entry removed. */
  #gone: Grant[] = [];
  #size = 0;

  constructor(source: StateSource) {
    const found: Placed[] = [];
    const onRow = (slot: number, row: Uint8Array) => {
      found.push({ ...present(decodeTicket(row), 'a ticket is one'), slot });
    };
    this.#slots = new Slots({ source, section: SECTION.tickets, onRow });
    for (const ticket of found.sort((one, other) => one.number - other.number)) this.#enter(ticket);
  }

  get size(): number {
    return this.#size;
  }

  *all(): IterableIterator<Ticket> {
    for (const { tickets } of this.#queues.values()) yield* tickets.values();
  }

  /** Tickets that wait for their locks. */
  get waiting(): number {
    let waiting = 0;
    for (const { tickets, owners } of this.#queues.values()) waiting += tickets.size - owners;
    return waiting;
  }

  /** Tickets of a lease. */
  countOf(lease: Uint8Array): number {
    return this.#byLease.get(nameOf(lease))?.size ?? 0;
  }

  /** The state of a ticket, as a reply says it. */
  stateOf(name: Uint8Array, id: number): TicketState {
    const queue = this.#queues.get(nameOf(name));
    const ticket = queue?.tickets.get(id);
    if (queue === undefined || ticket === undefined) return NO_TICKET;
    const { fence, number } = ticket;
    if (fence > 0) return { type: 'ticket', fence, number, position: 0 };
    let before = 0;
    for (const one of queue.tickets.values()) if (one.number < number) before += 1;
    return { type: 'ticket', fence, number, position: before - queue.owners + 1 };
  }

  /** What the operation gets in this entry. Changes nothing. */
  answerTo(acquire: Acquire, index: number): Reason | TicketState {
    const queue = this.#queues.get(nameOf(acquire.key));
    if (queue?.tickets.has(acquire.ticket)) return this.stateOf(acquire.key, acquire.ticket);
    const first = queue === undefined ? undefined : firstOf(queue);
    if (first !== undefined && !isSameLock(acquire, first)) return 'lock-kind';
    const owners = queue?.owners ?? 0;
    const waiting = (queue?.tickets.size ?? 0) - owners;
    const owner = owners > 0 ? first : undefined;
    const isGranted = waiting === 0 && mayJoin(acquire, owner, owners);
    if (!isGranted && !acquire.isWaiting) return NO_TICKET;
    if (this.#isFullFor(acquire, queue)) return 'tickets-full';
    const fence = isGranted ? fenceOf(acquire, owner, index) : 0;
    return { type: 'ticket', fence, number: index, position: isGranted ? 0 : waiting + 1 };
  }

  /** Required: `answerTo` said so in this entry. */
  add(acquire: Acquire, { fence, number }: TicketState, { logTime }: Moment, into: WriteBuffer) {
    const { key, ticket: id, kind, permits } = acquire;
    const [name, lease, note] = [key.slice(), acquire.lease.id.slice(), acquire.note.slice()];
    const ticket: Ticket = { name, lease, id, kind, permits, number, fence, since: logTime, note };
    const slot = this.#slots.take(into, (writer) => writeTicket(writer, ticket));
    this.#enter({ ...ticket, slot });
  }

  /** Has no effect if there is no such ticket. */
  release(name: Uint8Array, id: number, into: WriteBuffer): void {
    const ticket = this.#queues.get(nameOf(name))?.tickets.get(id);
    if (ticket !== undefined) this.#remove(ticket, into);
  }

  /** The tickets of a lease that has ended. */
  releaseAll(lease: Uint8Array, into: WriteBuffer): void {
    const tickets = this.#byLease.get(nameOf(lease));
    if (tickets === undefined) return;
    for (const ticket of [...tickets.values()]) this.#remove(ticket, into);
  }

  /** No ticket has left in the present entry. */
  get isSettled(): boolean {
    return this.#touched.size === 0;
  }

  /** The grant rule, at the end of an entry. Returns what became of tickets that waited. */
  grant(index: number, into: WriteBuffer): readonly Grant[] {
    if (this.isSettled) return NO_GRANTS;
    const grants = this.#gone;
    this.#gone = [];
    for (const name of this.#touched) {
      const queue = this.#queues.get(name);
      if (queue !== undefined) this.#grantIn(queue, { index, into, grants });
    }
    this.#touched.clear();
    return grants;
  }

  /** In the order of the queue, up to the first that has to go on waiting: it is not overtaken. */
  #grantIn(queue: Queue, { index, into, grants }: Granting): void {
    for (const ticket of queue.tickets.values()) {
      if (ticket.fence > 0) continue;
      const owner = queue.owners > 0 ? firstOf(queue) : undefined;
      if (!mayJoin(ticket, owner, queue.owners)) return;
      const granted = { ...ticket, fence: fenceOf(ticket, owner, index) };
      this.#replace(queue, granted, into);
      queue.owners += 1;
      grants.push({ name: granted.name, ticket: granted.id, fence: granted.fence });
    }
  }

  #isFullFor({ lease }: Acquire, queue: Queue | undefined): boolean {
    const { ticketsMax, ticketsOfLockMax, ticketsOfLeaseMax } = COORDINATION_LIMITS;
    if (this.#size >= ticketsMax || (queue?.tickets.size ?? 0) >= ticketsOfLockMax) return true;
    return this.countOf(lease.id) >= ticketsOfLeaseMax;
  }

  #enter(ticket: Placed): void {
    const name = nameOf(ticket.name);
    const queue = this.#queues.get(name) ?? { tickets: new Map(), owners: 0 };
    this.#queues.set(name, queue);
    const isOwner = ticket.fence > 0;
    assert(!isOwner || queue.owners === queue.tickets.size, 'owners stand before waiting tickets');
    queue.tickets.set(ticket.id, ticket);
    if (isOwner) queue.owners += 1;
    const lease = nameOf(ticket.lease);
    const ofLease = this.#byLease.get(lease) ?? new Map<number, Placed>();
    this.#byLease.set(lease, ofLease.set(ticket.slot, ticket));
    this.#size += 1;
  }

  #replace(queue: Queue, ticket: Placed, into: WriteBuffer): void {
    this.#slots.rewrite(ticket.slot, into, (writer) => writeTicket(writer, ticket));
    queue.tickets.set(ticket.id, ticket);
    this.#byLease.get(nameOf(ticket.lease))?.set(ticket.slot, ticket);
  }

  #remove(ticket: Placed, into: WriteBuffer): void {
    const name = nameOf(ticket.name);
    const queue = present(this.#queues.get(name), 'a ticket stands in a queue');
    queue.tickets.delete(ticket.id);
    if (ticket.fence > 0) queue.owners -= 1;
    else this.#gone.push({ name: ticket.name, ticket: ticket.id, fence: 0 });
    if (queue.tickets.size === 0) this.#queues.delete(name);
    const ofLease = present(this.#byLease.get(nameOf(ticket.lease)), 'a ticket has a lease');
    ofLease.delete(ticket.slot);
    if (ofLease.size === 0) this.#byLease.delete(nameOf(ticket.lease));
    this.#slots.free(ticket.slot, into);
    this.#size -= 1;
    this.#touched.add(name);
  }
}

interface Granting {
  readonly index: number;
  readonly into: WriteBuffer;
  readonly grants: Grant[];
}

/** An owner, if there is one. */
function firstOf({ tickets }: Queue): Placed | undefined {
  for (const ticket of tickets.values()) return ticket;
  return undefined;
}

/** A shared ticket that joins shared owners takes their token: they must not fence each other. */
function fenceOf({ kind }: Pick<Ticket, 'kind'>, owner: Ticket | undefined, index: number): number {
  return kind === 'shared' && owner !== undefined ? owner.fence : index;
}
