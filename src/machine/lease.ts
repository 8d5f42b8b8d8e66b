/** A lease of a shard, its row, and the index of the keys that are attached to it. */

import { COORDINATION_LIMITS } from '../base/coordination-limits.ts';
import { bytes, count, decode, encode, list, octets, type Schema, struct } from '../base/schema.ts';
import { CLIENT_BYTES } from './batch.ts';
import type { LeaseOpening } from './command.ts';

const { leaseIdBytes, leaseTtlMillisecondsMin, leaseTtlMillisecondsMax, noteBytesMax } =
  COORDINATION_LIMITS;

/** Times are those of the lease clock of its shard. */
export interface StoredLease extends LeaseOpening {
  readonly id: Uint8Array;
  /** An entry may end it from then on. Grows only. */
  readonly expiresAt: number;
  /** The index of the entry that ended it; 0 while it is alive. */
  readonly endedAt: number;
  /** The client that opened it. */
  readonly client: Uint8Array;
}

const LEASE: Schema<StoredLease> = struct({
  id: octets(leaseIdBytes),
  ttlMilliseconds: count({ min: leaseTtlMillisecondsMin, max: leaseTtlMillisecondsMax }),
  expiresAt: count(),
  endedAt: count(),
  client: octets(CLIENT_BYTES),
  note: bytes(noteBytesMax),
});

export const writeLease = LEASE.write;

/** Undefined for bytes that are no lease. The bytes in it are copies. */
export function decodeLease(row: Uint8Array): StoredLease | undefined {
  const lease = decode(LEASE, row);
  return lease && { ...lease, note: lease.note.slice() };
}

/** The reply to an entry that keeps leases alive: those that are not. */
const LEASE_IDS = list(octets(leaseIdBytes), { max: COORDINATION_LIMITS.keptLeasesMax });

export function encodeLeaseIds(ids: readonly Uint8Array[]): Uint8Array {
  return encode(LEASE_IDS, ids);
}

export function decodeLeaseIds(reply: Uint8Array): readonly Uint8Array[] | undefined {
  return decode(LEASE_IDS, reply);
}

/**
 * The row of the index. It may be stale, because a set without a lease does not read the old row:
 * it says that a key may be attached, and the key's own row decides.
 */
export function attachmentKeyOf(lease: Uint8Array, key: Uint8Array): Uint8Array {
  const joined = new Uint8Array(leaseIdBytes + key.length);
  joined.set(lease);
  joined.set(key, leaseIdBytes);
  return joined;
}
