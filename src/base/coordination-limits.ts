/** The limits of leases, locks and fences, and their relations to other limits. */

import { assert } from './assert.ts';
import { NUMBER_MAX } from './ids.ts';
import { MACHINE_LIMITS, ROW_LIMITS } from './limits.ts';
import { TRANSACTION_LIMITS } from './transaction-limits.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** They apply while entries are applied: changing one changes what old entries mean. */
export const COORDINATION_LIMITS = {
  /** An id is drawn at random by the client, so no two leases ever have the same. */
  leaseIdBytes: 16,
  leaseTtlMillisecondsMin: 1000,
  leaseTtlMillisecondsMax: HOUR,
  leaseTtlMillisecondsDefault: 15_000,
  /** How much of a gap between the stamps of two entries the lease clock counts. */
  leaseStepMillisecondsMax: 3000,
  /** Leases of a shard, ended ones with attached keys included. */
  leasesMax: 16_384,
  /** Leases, and ended ones that no operation may open again: with more of them none is opened. */
  leaseIdsMax: 65_536,
  /** For how much log time no operation opens a lease that has ended (`lease-tombstones.ts`). */
  tombstoneMilliseconds: 2 * MACHINE_LIMITS.timeoutMillisecondsMax,
  /** Leases that one entry keeps alive. */
  keptLeasesMax: 1024,
  /** Of a lease and of a ticket: text for people. */
  noteBytesMax: 256,
  lockNameBytesMax: 1024,
  /** Of a shard, of one lock, and of one lease. */
  ticketsMax: 16_384,
  ticketsOfLockMax: 4096,
  ticketsOfLeaseMax: 1024,
  ticketIdMax: 2 ** 52 - 1,
  /** Permits of a semaphore, and owners of a shared lock. */
  permitsMax: 256,
  /** Names of which a shard keeps the highest token. */
  fencesMax: 1_048_576,
  /** How long the highest token of a name is kept after the last guarded write. */
  fenceKeepMilliseconds: 7 * DAY,
  /** The time of the last guarded write is kept to this precision, to spare writes of the row. */
  fenceStepMilliseconds: HOUR,
} as const;

const LIMITS = COORDINATION_LIMITS;

assert(LIMITS.ticketIdMax <= NUMBER_MAX, 'the id of a ticket is a count');
assert(
  LIMITS.leasesMax <= TRANSACTION_LIMITS.slotsMax &&
    LIMITS.ticketsMax <= TRANSACTION_LIMITS.slotsMax,
  'the number of a row has two bytes',
);
assert(
  LIMITS.ticketsOfLockMax <= LIMITS.ticketsMax && LIMITS.ticketsOfLeaseMax <= LIMITS.ticketsMax,
  'no lock and no lease has more tickets than the shard',
);
assert(LIMITS.leasesMax < LIMITS.leaseIdsMax, 'when all leases end, others can be opened');
assert(LIMITS.permitsMax <= LIMITS.ticketsOfLockMax, 'each permit can have its owner');
assert(
  LIMITS.keptLeasesMax <= MACHINE_LIMITS.sweepKeysMax,
  'an entry that keeps leases alive is a sweep',
);
assert(LIMITS.lockNameBytesMax <= MACHINE_LIMITS.keyBytesMax, 'the name of a lock is a key');
assert(
  LIMITS.leaseIdBytes + MACHINE_LIMITS.keyBytesMax <= ROW_LIMITS.keyBytesMax,
  'an attachment has a row',
);
assert(
  LIMITS.fenceStepMilliseconds < LIMITS.fenceKeepMilliseconds,
  'a token that is in use is not forgotten',
);
