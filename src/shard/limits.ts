/** Limits of one replica. */

const MIB = 1024 * 1024;

export const SHARD_LIMITS = {
  /** Reads that wait for a ReadIndex round, or for the machine. */
  readsMax: 16_384,
  /** Exactly known deletions: beyond this the older ones are folded. */
  removalsBytesMax: MIB,
  /** Key ranges in which older deletions are summarized. */
  stretchesMax: 2048,
} as const;
