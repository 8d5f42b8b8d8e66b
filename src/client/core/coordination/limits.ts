/** The limits of leases and locks in one client, and their relations to other limits. */

import { assert } from '../../../base/assert.ts';
import { COORDINATION_LIMITS } from '../../../base/coordination-limits.ts';
import { RAFT_LIMITS } from '../../../base/limits.ts';
import { CLIENT_LIMITS } from '../../limits.ts';

export const LEASE_KEEPING = {
  /** A lease is kept alive each such part of its time to live. */
  keepDivisor: 4,
  /**
   * The part of its time to live for which a confirmed keep proves that no server has ended the
   * lease: its clock may run by `clockDriftMax` faster than that of this client.
   */
  provenPart: 1 / RAFT_LIMITS.clockDriftMax,
  /** How late a signal may abort: the tick that sees it comes so much later. */
  tickMilliseconds: CLIENT_LIMITS.calmTickMilliseconds,
  /** What the wall clock may gain on the monotone clock unnoticed. */
  clockStepMilliseconds: 20,
  /** A write that may not outlive its lease is given up so much earlier at most. */
  expiryStepMilliseconds: 64,
  /** Leases of one client. */
  leasesMax: 65_536,
  /** Locks under one lease that the client has drawn for them; further ones get another. */
  usersMax: 512,
  /** Such a lease is replaced after so many times to live, and its shards are left. */
  lifetimes: 4,
  /** How long a client waits for a lock at most. */
  waitMillisecondsMax: 24 * 60 * 60 * 1000,
  /** After so long the leader answers to an `await` although the ticket still waits. */
  awaitMilliseconds: 30_000,
  /** The same for a caller that wants to know its position in the queue. */
  positionMilliseconds: 5000,
  /** Between two attempts to give a ticket back, or to end a lease in a shard. */
  giveBackMilliseconds: 1000,
  /** One attempt to end a lease, or to give a ticket back: no far deadline is accepted. */
  endMillisecondsMax: 60_000,
  /** How long `close` waits for the ends of its leases, and how long while no node is connected. */
  closeMillisecondsMax: 5000,
  closeMillisecondsCutOff: 1000,
} as const;

const { leaseTtlMillisecondsMin, ticketsOfLeaseMax } = COORDINATION_LIMITS;

assert(
  LEASE_KEEPING.provenPart * LEASE_KEEPING.keepDivisor >= 2,
  'a lease outlives a keep that is lost',
);
assert(
  leaseTtlMillisecondsMin * LEASE_KEEPING.provenPart >
    10 * (LEASE_KEEPING.clockStepMilliseconds + LEASE_KEEPING.tickMilliseconds),
  'what clock and ticks do not notice is little of the shortest time to live',
);
assert(
  leaseTtlMillisecondsMin * LEASE_KEEPING.provenPart > 10 * LEASE_KEEPING.expiryStepMilliseconds,
  'a write under a lease has most of its time',
);
assert(
  LEASE_KEEPING.endMillisecondsMax <= CLIENT_LIMITS.timeoutMillisecondsMax,
  'a shard accepts the deadline of an attempt',
);
assert(LEASE_KEEPING.usersMax <= ticketsOfLeaseMax, 'a shard has room for all tickets of a lease');
