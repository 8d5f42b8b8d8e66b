/**
 * The limits of the log and of the state store. Bounds protect correctness and memory; tunables may
 * change with the machine or with a measurement, within the asserted relations.
 */

import { assert } from '../base/assert.ts';
import { MACHINE_LIMITS, RAFT_LIMITS, WIRE_LIMITS } from '../base/limits.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

const LOG_BOUNDS = {
  /** Records of one batch; what does not fit waits for the next one. One write has to fit. */
  batchBytesMax: 26 * MIB,
} as const;

const LOG_TUNABLES = {
  /** One segment: the least at first, more as more is written; a recycled one keeps its size. */
  segmentBytesMin: MIB,
  segmentBytes: 32 * MIB,
  /** Recent entries kept in memory, all shards together. */
  cacheBytesMax: 64 * MIB,
  /** Zero-filled segments in reserve; with fewer the log is read-only until space returns. */
  sparesMin: 2,
  sparesMax: 3,
  /** With more segments than this the oldest one's live entries are moved on. */
  segmentsMin: 4,
  /** Live entries moved with one batch. */
  moveBytesMax: MIB,
  /** Payloads read from the disk at once. */
  readBytesMax: 4 * MIB,
  /**
   * With less free space than `low` the node is read-only, and with less than `full` it creates no
   * files. Both grow with what is written, within these bounds.
   */
  lowBytesMin: 16 * MIB,
  lowBytesMax: 512 * MIB,
  fullBytesMin: 4 * MIB,
  fullBytesMax: 64 * MIB,
  /** Disk space kept to be released for the state store, piece by piece, as a last resort. */
  reserveBytesMax: 64 * MIB,
  reservePieceBytes: 4 * MIB,
} as const;

/** One log per node. */
export const LOG_LIMITS = { ...LOG_BOUNDS, ...LOG_TUNABLES } as const;

export type LogLimits = { readonly [name in keyof typeof LOG_LIMITS]: number };

/** Asserted for the defaults and for whatever a test makes of them. */
export function assertLogLimits(limits: LogLimits): void {
  for (const value of Object.values(limits)) assert(value > 0, 'every limit is above zero');
  assert(limits.segmentBytes % 4096 === 0, 'a segment is whole pages');
  assert(limits.segmentBytesMin % 4096 === 0, 'the smallest segment is whole pages');
  assert(limits.segmentBytesMin <= limits.segmentBytes, 'segments only grow');
  assert(limits.fullBytesMin <= limits.lowBytesMin, 'the low bound is above the full bound');
  assert(limits.fullBytesMax <= limits.lowBytesMax, 'with large segments too');
  // A larger batch, or the last one of a former life, gets its own segment.
  assert(limits.batchBytesMax <= limits.segmentBytes - 8192, 'a batch fits a segment');
  assert(limits.sparesMin >= 2 && limits.sparesMax >= limits.sparesMin, 'one spare is a reserve');
  assert(limits.segmentsMin >= 2, 'the segment in use is not cleaned');
  assert(limits.moveBytesMax <= limits.batchBytesMax, 'moved records fit a batch');
}

assertLogLimits(LOG_LIMITS);
assert(
  LOG_LIMITS.batchBytesMax >= 2 * RAFT_LIMITS.inflightBytesMax,
  'all that comes in one turn fits one batch, also when a leader follows another',
);
assert(
  LOG_LIMITS.batchBytesMax >= RAFT_LIMITS.uncommittedBytesMax + WIRE_LIMITS.payloadBytesMax,
  'all that a leader may hold uncommitted fits one batch',
);

const STATE_BOUNDS = {
  /** Sections of a machine's data, numbered from 0. */
  sections: 16,
  /** Replicas on one node. */
  shardsMax: 16_384,
  identityBytesMax: 256,
  /** Memtables of all shards, the frozen ones included; at this size applying has to wait. */
  memtableBytesMax: 64 * MIB,
  installQueueBytesMax: 2 * MIB,
  /** Open views: each keeps old rows from being dropped. */
  viewsMax: 1024,
  /** Snapshots being sent and received, over all shards; further ones wait in a queue. */
  exportsMax: 8,
  installsMax: 8,
  /** Followers that read one snapshot at places far apart; one more takes another's place. */
  exportWindowsMax: 8,
  /** Batches that are known to follow each other without a gap, looked at when a store opens. */
  batchMarks: 1024,
  /** Stores that were set aside as damaged and are kept, the newest ones. */
  damagedStoresMax: 1,
} as const;

const STATE_TUNABLES = {
  /** Each boot is a life of the sealed rows; the keys of more lives are derived again. */
  sealLivesMax: 1024,
  /** A checkpoint is due when the memtable has this much, or is this old. */
  checkpointBytes: 8 * MIB,
  checkpointRows: 32_768,
  checkpointMilliseconds: 2000,
  /** One slice of work: well below two milliseconds of filling a batch. */
  sliceRows: 256,
  sliceBytes: 256 * KIB,
  /** Replaced values read at once for the state hash: a millisecond of asking and of taking in. */
  settleKeys: 1024,
  /**
   * Jobs between two checkpoints, while there are any: a batch of a snapshot coming in, a piece of
   * an old generation. With checkpoints of 8 MiB they get a third of what is written.
   */
  jobsBetweenCheckpoints: 4,
  /** Rows of a snapshot that are written at once; bytes of all that wait to become rows. */
  installBatchBytes: MIB,
  /** Rows of an old generation that are deleted at once. */
  clearRows: 1024,
  /** A shard that does not ask again within this time loses its place in the queue. */
  exportQueueMilliseconds: 2000,
  installQueueMilliseconds: 10_000,
  /** Rows of a snapshot that are read at once: to check and to spell them takes a millisecond. */
  exportReadRows: 512,
  /** A snapshot without a read or a chunk for this long is given up. */
  exportIdleMilliseconds: 10_000,
  installIdleMilliseconds: 10_000,
  /** What the scrub reads in a second, and how often it asks LevelDB for new tables. */
  scrubBytesPerSecond: 16 * MIB,
  scrubLookMilliseconds: 1000,
  /** A table, and a shard, that was found sound is looked at again after this. */
  scrubMilliseconds: 6 * 60 * 60 * 1000,
  /** Between two slices of a shard whose rows are added up: 4 MiB a second at most. */
  scrubSliceMilliseconds: 60,
} as const;

/** The state of all shards of a node, in memory and per step. */
export const STATE_LIMITS = { ...STATE_BOUNDS, ...STATE_TUNABLES } as const;

assert(
  STATE_LIMITS.checkpointBytes * 2 + WIRE_LIMITS.payloadBytesMax <= STATE_LIMITS.memtableBytesMax,
  'a memtable can grow while another is written',
);
assert(STATE_LIMITS.sections < 0xff, 'a section and the end of a snapshot have one byte');
assert(
  RAFT_LIMITS.chunkWindowBytesMax <= STATE_LIMITS.installQueueBytesMax,
  'all that is on its way of one snapshot can wait for the disk',
);
assert(
  (RAFT_LIMITS.electionTicksMin << RAFT_LIMITS.chunkRetryDoublingsMax) *
    RAFT_LIMITS.tickMilliseconds *
    2 <
    Math.min(STATE_LIMITS.exportIdleMilliseconds, STATE_LIMITS.installQueueMilliseconds),
  'what is sent again after the longest wait is not given up before',
);
assert(
  STATE_LIMITS.checkpointBytes * 2 + MACHINE_LIMITS.workBytesMax <= STATE_LIMITS.memtableBytesMax,
  'a memtable that is due for a checkpoint has room for all that an entry may write',
);
