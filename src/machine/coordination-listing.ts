/** Leases and tickets as people are told of them, page by page. */

import { compareBytes } from '../base/bytes.ts';
import { COORDINATION_LIMITS } from '../base/coordination-limits.ts';
import {
  bytes,
  count,
  decode,
  encode,
  type Of,
  octets,
  oneOf,
  type Schema,
  struct,
  truth,
} from '../base/schema.ts';
import { CLIENT_BYTES } from './batch.ts';
import { LOCK_KINDS } from './command.ts';
import type { Coordination } from './coordination.ts';
import type { Ticket } from './ticket.ts';

const { leaseIdBytes, lockNameBytesMax, noteBytesMax } = COORDINATION_LIMITS;

const LEASE_LISTING = struct({
  id: octets(leaseIdBytes),
  ttlMilliseconds: count(),
  /** Until it may be ended, if no request keeps it alive and the shard is served. */
  leftMilliseconds: count(),
  /** It is over, and keys that are attached to it are still there. */
  isEnded: truth,
  /** In this shard. */
  tickets: count(),
  client: octets(CLIENT_BYTES),
  note: bytes(noteBytesMax),
});

const TICKET_LISTING = struct({
  name: bytes(lockNameBytesMax),
  lease: octets(leaseIdBytes),
  id: count(),
  kind: oneOf(LOCK_KINDS),
  permits: count(),
  /** Orders the queue. */
  number: count(),
  /** The token of an owner; 0 while it waits. */
  fence: count(),
  /** Log time when it was added. */
  since: count(),
  /** Of its lease. */
  client: octets(CLIENT_BYTES),
  note: bytes(noteBytesMax),
});

/** A place in the order of tickets. A page that begins behind number 0 has all of a name. */
const TICKET_PLACE = struct({ name: bytes(lockNameBytesMax), number: count() });

export type LeaseListing = Of<typeof LEASE_LISTING>;
export type TicketListing = Of<typeof TICKET_LISTING>;
type TicketPlace = Of<typeof TICKET_PLACE>;

export function decodeLeaseListing(row: Uint8Array): LeaseListing | undefined {
  return decode(LEASE_LISTING, row);
}

export function decodeTicketListing(row: Uint8Array): TicketListing | undefined {
  return decode(TICKET_LISTING, row);
}

/** What a page of tickets begins behind. */
export function encodeTicketPlace(place: TicketPlace): Uint8Array {
  return encode(TICKET_PLACE, place);
}

interface Asked {
  /** What the page before ended with; no bytes to begin. */
  readonly after: Uint8Array;
  /** At least 1. */
  readonly rowsMax: number;
}

interface Page {
  readonly rows: readonly Uint8Array[];
  /** What the next page begins behind. */
  readonly last: Uint8Array;
  readonly isEnd: boolean;
}

type Listed = Pick<Coordination, 'leases' | 'tickets'>;

/** Leases in the order of their ids. Undefined for a place that is none. */
export function pageOfLeases(
  { leases, tickets }: Listed,
  leaseTime: number,
  { after, rowsMax }: Asked,
): Page | undefined {
  if (after.length > 0 && after.length !== leaseIdBytes) return undefined;
  const behind = [...leases.all()].filter(({ id }) => compareBytes(id, after) > 0);
  behind.sort((one, other) => compareBytes(one.id, other.id));
  const listings = behind.slice(0, rowsMax).map((lease): LeaseListing => {
    const { id, ttlMilliseconds, expiresAt, endedAt, client, note } = lease;
    const isEnded = endedAt > 0;
    const leftMilliseconds = isEnded ? 0 : Math.max(0, expiresAt - leaseTime);
    const about = { id, ttlMilliseconds, leftMilliseconds, isEnded, client, note };
    return { ...about, tickets: tickets.countOf(id) };
  });
  return pageOf(listings, {
    schema: LEASE_LISTING,
    last: listings.at(-1)?.id ?? after,
    isEnd: behind.length <= rowsMax,
  });
}

/** Tickets by the names of their locks, in the order of each queue. */
export function pageOfTickets(
  { leases, tickets }: Listed,
  { after, rowsMax }: Asked,
): Page | undefined {
  const place = after.length === 0 ? FIRST_PLACE : decode(TICKET_PLACE, after);
  if (place === undefined) return undefined;
  const behind = [...tickets.all()].filter((ticket) => comparePlaces(ticket, place) > 0);
  behind.sort(comparePlaces);
  const shown = behind.slice(0, rowsMax);
  const listings = shown.map((ticket: Ticket): TicketListing => {
    const { name, lease, id, kind, permits, number, fence, since, note } = ticket;
    const client = leases.of(lease)?.client ?? NO_CLIENT;
    return { name, lease, id, kind, permits, number, fence, since, client, note };
  });
  const last = shown.at(-1);
  return pageOf(listings, {
    schema: TICKET_LISTING,
    last: last === undefined ? after : encodeTicketPlace(last),
    isEnd: behind.length <= rowsMax,
  });
}

function pageOf<T>(
  listings: readonly T[],
  { schema, last, isEnd }: { readonly schema: Schema<T> } & Omit<Page, 'rows'>,
): Page {
  return { rows: listings.map((listing) => encode(schema, listing)), last, isEnd };
}

const FIRST_PLACE: TicketPlace = { name: new Uint8Array(), number: 0 };
/** A ticket without a lease exists within an entry only. */
const NO_CLIENT = new Uint8Array(CLIENT_BYTES);

function comparePlaces(one: TicketPlace, other: TicketPlace): number {
  return compareBytes(one.name, other.name) || one.number - other.number;
}
