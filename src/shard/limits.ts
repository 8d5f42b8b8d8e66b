/** Limits of one replica. */

const KIB = 1024;
const MIB = 1024 * KIB;

export const SHARD_LIMITS = {
  /** Reads that wait for a ReadIndex round, or for the machine. */
  readsMax: 16_384,
  /** Exactly known deletions: beyond this the older ones are folded. */
  removalsBytesMax: MIB,
  /** Key ranges in which older deletions are summarized. */
  stretchesMax: 2048,
  /** The histories of all shards of a node: what a node keeps unless it is configured. */
  historyBytesDefault: 64 * MIB,
  /** The changes of one entry: at least those of an entry with a value of the largest size. */
  historyEntryBytesMax: 16 * MIB + 64 * KIB,
  /** What is dropped at a time. */
  historySlabBytes: 256 * KIB,
  /** Terms that one history tells apart: before the oldest of them it knows nothing. */
  historyTermsMax: 1024,
} as const;
