/** The limits of watches that nodes and clients share, and their relations to other limits. */

import { assert } from './assert.ts';
import { RAFT_LIMITS, REQUEST_LIMITS, WIRE_LIMITS } from './limits.ts';

const MIB = 1024 * 1024;

export const WATCH_LIMITS = {
  /** What one stream may send before its client grants more, at most. */
  creditBytesMax: 64 * MIB,
  /** The changes of one message, unless a single change is larger. */
  changesBytesMax: 256 * 1024,
  /** Open streams of one connection, counted apart from its other requests. */
  streamsOfConnectionMax: 16_384,
  /** How often a stream without changes tells its client how far it has come. */
  progressMilliseconds: 2000,
  /** A stream that tells nothing for this long is stale, and its client asks another replica. */
  silenceMilliseconds: 6000,
  /** Memory for what a node remembers of changes: by default, in an embedded store, at most. */
  historyBytesDefault: 64 * MIB,
  historyBytesEmbedded: 16 * MIB,
  historyBytesMax: 1024 * 1024 * MIB,
} as const;

const LIMITS = WATCH_LIMITS;

assert(
  WIRE_LIMITS.payloadBytesMax + LIMITS.changesBytesMax <= WIRE_LIMITS.frameBytesMax,
  'the largest change fits a frame',
);
assert(LIMITS.changesBytesMax <= LIMITS.creditBytesMax, 'credit is worth several messages');
assert(
  3 * LIMITS.progressMilliseconds <= LIMITS.silenceMilliseconds,
  'a stream is stale after three marks of progress have failed to come',
);
assert(
  RAFT_LIMITS.electionTicksMax * RAFT_LIMITS.tickMilliseconds < LIMITS.silenceMilliseconds,
  'an election ends no stream',
);
assert(REQUEST_LIMITS.keyBytesMax < LIMITS.changesBytesMax, 'a message holds several keys');
