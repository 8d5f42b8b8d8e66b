/** The bounds of what a node tells: what may wait for its reader, and how often a thing is said. */

import { assert } from './assert.ts';

const KIB = 1024;

export const LOG_SINK_LIMITS = {
  /** Lines that wait for a reader; what is beyond is dropped and counted. */
  bytesMax: 1024 * KIB,
  /** What leaves in one write. */
  writeBytesMax: 64 * KIB,
  /** How long a reader that took nothing is left alone. */
  retryMilliseconds: 200,
  /** How long a process that ends waits for it. */
  endMilliseconds: 1000,
  /** In so long, each kind of fact is told this often at most; the rest is counted. */
  spellMilliseconds: 10_000,
  alarmsPerSpell: 5,
  newsPerSpell: 20,
  /** Kinds that are counted one by one. */
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
