/** Limits of one replica. */

import { assert } from '../base/assert.ts';
import { MACHINE_LIMITS } from '../base/limits.ts';
import { WATCH_LIMITS } from '../base/watch-limits.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

export const SHARD_LIMITS = {
  /** Reads that wait for a ReadIndex round, or for the machine. */
  readsMax: 16_384,
  /** Exactly known deletions: beyond this the older ones are folded. */
  removalsBytesMax: MIB,
  /** Key ranges in which older deletions are summarized. */
  stretchesMax: 2048,
  /** The changes of one entry: at least those of an entry with a value of the largest size. */
  historyEntryBytesMax: 16 * MIB + 64 * KIB,
  /** What is dropped at a time. */
  historySlabBytes: 256 * KIB,
  /** Terms that one history tells apart: before the oldest of them it knows nothing. */
  historyTermsMax: 1024,
  /** How long a shard records its changes; asked for again when half of it has passed. */
  recordMilliseconds: MACHINE_LIMITS.recordMillisecondsMax,
  /** Changes that a stream looks at in one step. */
  scanChangesMax: 1024,
  /** See `changed-ranges.ts`: a tenth of a millisecond for each turn, and 4 MiB of keys. */
  telling: { stepsMax: 128, keysMax: 1024 },
  /** How long a stream waits for entries that are not applied here yet. */
  catchUpMilliseconds: 5000,
  /** How soon a question for proof of freshness is repeated that failed. */
  proofRetryMilliseconds: 500,
  /** Barriers of a shard that wait, of all clients. */
  barriersMax: 16_384,
  /**
   * Keepalives that bring no new lease to those that gather: repeated ones, and leases that the
   * shard does not know.
   */
  keepsMax: 65_536,
  /** How long a request waits for a ticket. */
  awaitMillisecondsMax: 30_000,
  /** Changes of counted ranges that one slice of their walk waits for; then it is read again. */
  countPendingMax: 16_384,
  /** Requests for tickets that are answered in one tick because their time is over. */
  lateWaitsMax: 64,
} as const;

assert(
  SHARD_LIMITS.catchUpMilliseconds < WATCH_LIMITS.silenceMilliseconds,
  'a stream that waits in vain ends before its client gives it up',
);
assert(
  SHARD_LIMITS.proofRetryMilliseconds < WATCH_LIMITS.progressMilliseconds,
  'proof is asked for several times before streams end',
);
