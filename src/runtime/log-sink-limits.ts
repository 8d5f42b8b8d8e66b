/** Limits of a node's log output: bytes that wait for the reader, and repetitions of one fact. */

import { assert } from '../base/assert.ts';

const KIB = 1024;

export const LOG_SINK_LIMITS = {
  /** Lines that wait for a reader; further ones are dropped and counted. */
  bytesMax: 1024 * KIB,
  /** Bytes of one write. */
  writeBytesMax: 64 * KIB,
  /** How long a blocked reader is left alone. */
  retryMilliseconds: 200,
  /** How long an ending process waits for it. */
  endMilliseconds: 1000,
  /** Within this time each kind of fact is logged this often at most; the rest is counted. */
  spellMilliseconds: 10_000,
  alarmsPerSpell: 5,
  newsPerSpell: 20,
  /** Kinds that are counted separately. */
  kindsMax: 64,
} as const;

assert(
  LOG_SINK_LIMITS.writeBytesMax * 4 <= LOG_SINK_LIMITS.bytesMax,
  'what one write takes is a part of what may wait',
);
assert(
  LOG_SINK_LIMITS.retryMilliseconds * 4 <= LOG_SINK_LIMITS.endMilliseconds,
  'a process that ends tries more than once',
);
