/** The limits and times of one node. */

import { assert } from './assert.ts';

const MIB = 1024 * 1024;

/** One node. */
export const NODE_LIMITS = {
  /** How often a node sends each peer a heartbeat with its map version. */
  beatMilliseconds: 100,
  /** A peer that was not heard for this long counts as dead until it is heard again. */
  silenceMilliseconds: 600,
  /** A peer with slow messages is waited for longer, up to here. */
  silenceMillisecondsMax: 3000,
  /** Gaps between a peer's messages count if they occur in each of the last two of these. */
  gapWindowTicks: 100,
  /** How often a node compares its replicas with those that the catalog wants. */
  reconcileMilliseconds: 200,
  /** How long a node waits for the catalog's reply before it asks again. */
  patienceMilliseconds: 2000,
  /** How often leaders look for expired keys. */
  expiryMilliseconds: 200,
  /** How often leaders look for leases whose time is over. */
  leaseSweepMilliseconds: 200,
  /** How long it waits for requests that have arrived and are not decoded yet. */
  leaseSweepDelayMilliseconds: 1000,
  /** How long tombstones of leases may be kept for nothing: they are forgotten many at once. */
  tombstoneDelayMilliseconds: 60_000,
  /** Ended leases whose keys are looked for at once. */
  detachedLeasesMax: 128,
  /** Of these, how many are read at once. */
  detachedAtOnceMax: 16,
  /** How often leaders look for fencing tokens that need not be kept any more. */
  fenceSweepMilliseconds: 3_600_000,
  /** How far the log time of an idle shard may be behind while keys or leases wait to expire. */
  timeStampMilliseconds: 2000,
  /** How often leaders look for sessions of vanished clients. */
  forgetMilliseconds: 30_000,
  /**
   * How often leaders compare the states of changed replicas, and how long a report may take. A
   * comparison costs a copy of the sums, reads that the next checkpoint does not repeat, and two
   * short messages per replica.
   */
  consistencyMilliseconds: 5000,
  /** Members of a shard whose last known node is remembered. */
  membersMax: 256,
  /** Unanswered requests of one client. */
  clientRequestsMax: 16_384,
  /** Requests that wait for another node's answer, and for how long. */
  forwardsMax: 16_384,
  forwardsBytesMax: 64 * MIB,
  forwardMilliseconds: 10_000,
  /** Bytes of writes that wait for a shard's log. */
  writesBytesMax: 64 * MIB,
  /** How long a stopping node waits for others to take over its leaderships. */
  retireMilliseconds: 3000,
  /** How long a node that stops writes its state, so that its next start applies little. */
  saveMilliseconds: 1500,
  /** How long it waits for the disk to take the last writes. */
  closeMilliseconds: 5000,
  /** The time after which the process of a stopped or ended node exits at the latest. */
  stopMillisecondsMax: 25_000,
  endMillisecondsMax: 5000,
  /** The minimal time between two automatic restarts of a node within its process. */
  restartMilliseconds: 60_000,
  /** How often a node that hears none of its peers asks the addresses that it was given. */
  seekMilliseconds: 2000,
  /** How long an embedded store may take from its log to its first answer. */
  openMilliseconds: 60_000,
  /** How long a starting node waits for another node's answer about its cluster. */
  probeMilliseconds: 2000,
  /** The same where the answer can only be a reason not to start. */
  glanceMilliseconds: 1500,
  /** Between two rounds of asking. */
  probePauseMilliseconds: 250,
  /** A node that waits for others reports it after this time, and not more often. */
  waitingMilliseconds: 1000,
  waitingToldMilliseconds: 5000,
  /** How long it waits for them in total by default. */
  joinMillisecondsDefault: 60_000,
  /** The times over which the processor time of a node is measured. */
  loadWindowMilliseconds: 5000,
  /** A node that uses less of a core has time to spare, one that uses more has none. */
  idleShareMax: 0.4,
  busyShareMin: 0.75,
  /** A request that takes longer is logged. */
  slowMilliseconds: 1000,
} as const;

assert(
  NODE_LIMITS.stopMillisecondsMax >
    NODE_LIMITS.retireMilliseconds +
      NODE_LIMITS.saveMilliseconds +
      4 * NODE_LIMITS.closeMilliseconds,
  'a node that stops in order is not cut off by its own bound',
);
assert(
  NODE_LIMITS.silenceMilliseconds >= 5 * NODE_LIMITS.beatMilliseconds,
  'silence is several words missing',
);
