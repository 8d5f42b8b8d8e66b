/** How long a life of a node waits for its confirmation by others, and relations between rooms. */

import { assert } from '../base/assert.ts';
import { RAFT_LIMITS } from '../base/limits.ts';
import { NODE_LIMITS } from '../base/node-limits.ts';
import { TRANSACTION_LIMITS } from '../base/transaction-limits.ts';
import { TRANSPORT_LIMITS } from '../base/transport-limits.ts';
import { STATE_LIMITS } from '../storage/limits.ts';
import { STORED_COUNTS_MAX } from '../wire/node-message.ts';

export const LIFE_LIMITS = {
  /** From the start of a node until a peer that it has not met counts as unreachable. */
  meetMilliseconds: 1000,
  /** How long the life waits for peers that were met and have not confirmed it. */
  slowClaimMilliseconds: 5000,
  /** How long at most a node that could confirm itself asks the addresses that it was given. */
  enquiryMilliseconds: 5000,
  /** Between two rounds of asking them. */
  enquiryPauseMilliseconds: 300,
  /** A life that peers refuse for this long, because they hear another one, is a copy. */
  copyMilliseconds: 60_000,
} as const;

assert(
  LIFE_LIMITS.copyMilliseconds >= 10 * TRANSPORT_LIMITS.peerSilenceMilliseconds,
  'a line to a dead process is given up long before its successor is taken for a copy',
);
assert(
  LIFE_LIMITS.meetMilliseconds >= 4 * NODE_LIMITS.beatMilliseconds,
  'a peer that can be reached is met in time',
);
assert(
  STATE_LIMITS.exportsMax * (RAFT_LIMITS.chunkWindowBytesMax + RAFT_LIMITS.chunkBytesMax) <=
    TRANSPORT_LIMITS.bulkBytesMax,
  'the chunks that may be on their way to one peer fit its socket',
);
assert(
  TRANSACTION_LIMITS.checkViewsMax * 2 <= STATE_LIMITS.viewsMax,
  'checks of ranges leave room for reads',
);

export const AUDIT_NODE_LIMITS = {
  /** Denials and refused tokens of a second with a line each; others are counted in one line. */
  denialsPerSecond: 100,
  /** A request does not wait for its line for longer: its client has given up by then. */
  heldMillisecondsMax: 5000,
  /** Bytes of requests that wait for their lines. */
  heldBytesMax: 32 * 1024 * 1024,
  /** Messages about a stream that wait until it is opened; a client has no reason for more. */
  deferredMax: 16,
  /** When a client may ask again for what cannot be audited now. */
  auditRetryMilliseconds: 1000,
} as const;

/** Users and their limits. */
export const USER_LIMITS = {
  /** After a refused watch: others of the user may have ended. */
  watchRetryMilliseconds: 1000,
  /** Users that metrics and reports show: those with the most requests. */
  usersShownMax: 16,
} as const;

/** What is stored where users with storage limits may write. */
export const STORAGE_QUOTA_LIMITS = {
  /** One read of the walk that counts rows, and what all walks of a node read in a period. */
  sliceRowsMax: 256,
  sliceBytesMax: 128 * 1024,
  walkMilliseconds: 20,
  walkRowsMax: 512,
  walkBytesMax: 256 * 1024,
  /** Charged for a slice without rows, so that empty shards do not make one turn long. */
  sliceRowsMin: 32,
  /** How often a node tells its peers what it has counted. */
  tellMilliseconds: 1000,
  /** Counts in one message; the next message has the next ones. */
  toldCountsMax: STORED_COUNTS_MAX,
  /** A count that no node has confirmed for this long is forgotten. */
  forgetMilliseconds: 60_000,
} as const;

/** The streams of all clients of a node: their number, and the bytes of their ranges. */
export const WATCH_NODE_LIMITS = {
  streamsMax: 262_144,
  rangesBytesMax: 64 * 1024 * 1024,
} as const;
