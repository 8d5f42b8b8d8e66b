/** A ticket at a lock, its row, and which tickets may own a lock together. */

import { COORDINATION_LIMITS } from '../base/coordination-limits.ts';
import { bytes, count, decode, octets, oneOf, type Schema, struct, where } from '../base/schema.ts';
import { LOCK_KINDS, type LockKind } from './command.ts';

export interface Ticket {
  /** Of the lock. */
  readonly name: Uint8Array;
  readonly lease: Uint8Array;
  readonly id: number;
  readonly kind: LockKind;
  readonly permits: number;
  /** The index of the entry that added it: an entry adds one ticket to a lock at most. */
  readonly number: number;
  /** The index of the entry in which its owners became owners; 0 while it waits. */
  readonly fence: number;
  /** Log time when it was added. */
  readonly since: number;
  readonly note: Uint8Array;
}

const TICKET: Schema<Ticket> = where(
  struct({
    name: bytes(COORDINATION_LIMITS.lockNameBytesMax),
    lease: octets(COORDINATION_LIMITS.leaseIdBytes),
    id: count({ max: COORDINATION_LIMITS.ticketIdMax }),
    kind: oneOf(LOCK_KINDS),
    permits: count({ min: 1, max: COORDINATION_LIMITS.permitsMax }),
    number: count({ min: 1 }),
    fence: count(),
    since: count(),
    note: bytes(COORDINATION_LIMITS.noteBytesMax),
  }),
  ({ name, kind, permits }) => name.length > 0 && (kind === 'semaphore' || permits === 1),
);

export const writeTicket = TICKET.write;

/** Undefined for bytes that are no ticket. The bytes in it are copies. */
export function decodeTicket(row: Uint8Array): Ticket | undefined {
  const ticket = decode(TICKET, row);
  return ticket && { ...ticket, name: ticket.name.slice(), note: ticket.note.slice() };
}

/** The use of a lock that a ticket asks for. */
type LockUse = Pick<Ticket, 'kind' | 'permits'>;

/** Whether two tickets may stand in one queue. Exclusive and shared ones do. */
export function isSameLock(one: LockUse, other: LockUse): boolean {
  const areBoth = (one.kind === 'semaphore') === (other.kind === 'semaphore');
  return areBoth && one.permits === other.permits;
}

/** Whether a ticket may own the lock beside this many owners, of which one is given. */
export function mayJoin(ticket: LockUse, owner: LockUse | undefined, owners: number): boolean {
  if (owner === undefined) return true;
  if (ticket.kind === 'semaphore') return owners < ticket.permits;
  if (ticket.kind === 'exclusive' || owner.kind === 'exclusive') return false;
  return owners < COORDINATION_LIMITS.permitsMax;
}
