/** The bounds and times of one node. */

import { assert } from './assert.ts';

const MIB = 1024 * 1024;

/** One node among others. */
export const NODE_LIMITS = {
  /** How often a node tells each peer that it lives, and which map it has. */
  beatMilliseconds: 100,
  /** A peer that was not heard for this long is taken for dead until it is heard again. */
  silenceMilliseconds: 600,
  /** Where its words come slowly it is waited for longer, up to here. */
  silenceMillisecondsMax: 3000,
  /** Waits for a peer's word count that came in each of the last two of these. */
  gapWindowTicks: 100,
  /** How often a node looks whether its replicas are those that the catalog wants. */
  reconcileMilliseconds: 200,
  /** How long a node waits for the catalog's reply before it asks again. */
  patienceMilliseconds: 2000,
  /** How often leaders look for what expired. */
  expiryMilliseconds: 200,
  /** How far the time of an idle log may be behind while a key waits for its time. */
  timeStampMilliseconds: 2000,
  /** How often leaders look for clients that are gone. */
  forgetMilliseconds: 30_000,
  /**
   * How often leaders compare the states of replicas that changed, and how long a report may take.
   * A comparison costs a copy of the sums, reads that the next checkpoint does not do again, and
   * two short messages a replica.
   */
  consistencyMilliseconds: 5000,
  /** Members of a shard of whom it is remembered where they were heard from. */
  membersMax: 256,
  /** Requests of one client that wait for an answer. */
  clientRequestsMax: 16_384,
  /** Requests that wait for another node's answer, and for how long. */
  forwardsMax: 16_384,
  forwardsBytesMax: 64 * MIB,
  forwardMilliseconds: 10_000,
  /** Bytes of writes that wait for a shard's log. */
  writesBytesMax: 64 * MIB,
  /** How long a node that stops waits for others to take its leadership over. */
  retireMilliseconds: 3000,
  /** How long it waits for a disk to take what is left. */
  closeMilliseconds: 5000,
  /** A node that was told to stop, and one that ended by itself, are out of the process by then. */
  stopMillisecondsMax: 25_000,
  endMillisecondsMax: 5000,
  /** A node whose end a start mends is begun anew in its process, but not sooner after the last. */
  restartMilliseconds: 60_000,
  /** How often a node that hears none of its peers asks at the addresses that it was given. */
  seekMilliseconds: 2000,
  /** How long a store that is embedded may take from its log to its first answer. */
  openMilliseconds: 60_000,
  /** How long a node that starts waits for the answer of another about its cluster. */
  probeMilliseconds: 2000,
  /** The same where the answer can only be a reason not to start. */
  glanceMilliseconds: 1500,
  /** Between two rounds of asking. */
  probePauseMilliseconds: 250,
  /** A node that waits for others says so after this time, and not more often than that. */
  waitingMilliseconds: 1000,
  waitingToldMilliseconds: 5000,
  /** How long it waits for them altogether if nothing else is said. */
  joinMillisecondsDefault: 60_000,
  /** A request that takes longer is told to whoever runs the node. */
  slowMilliseconds: 1000,
} as const;

assert(
  NODE_LIMITS.stopMillisecondsMax >
    NODE_LIMITS.retireMilliseconds + 4 * NODE_LIMITS.closeMilliseconds,
  'a node that stops in order is not cut off by its own bound',
);
assert(
  NODE_LIMITS.silenceMilliseconds >= 5 * NODE_LIMITS.beatMilliseconds,
  'silence is several words missing',
);
