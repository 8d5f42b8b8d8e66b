/**
 * Limits that several rooms share, with their relations. A limit of one room is in the limits file
 * of that room. Bounds protect correctness and memory; tunables may change with the machine or with
 * a measurement, within the asserted relations.
 */

import { assert } from './assert.ts';
import { NUMBER_MAX } from './ids.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * The size of an entry beside its payload, in windows, bounds and frames: at least what it takes in
 * the log and on the wire, or a window of small entries would exceed one write.
 */
export const ENTRY_OVERHEAD_BYTES = 112;
/** The same of each member in a configuration, which the log keeps twice. */
export const MEMBER_OVERHEAD_BYTES = 32;

const RAFT_BOUNDS = {
  /** Appends in flight to one follower, in messages and in bytes. */
  inflightMessagesMax: 256,
  inflightBytesMax: 8 * MIB,
  /** Entries in one append; a single larger entry travels alone. */
  appendBytesMax: 512 * KIB,
  /** Entries handed to the machine at once. */
  committedBytesMax: 4 * MIB,
  /** Uncommitted payloads of a leader; one larger payload may enter alone. */
  uncommittedBytesMax: 8 * MIB,
  /** One chunk of a snapshot, and the chunks in flight to one follower. */
  chunkBytesMax: 256 * KIB,
  chunkWindowBytesMax: MIB,
  /** Reads waiting for confirmation. */
  readsMax: 65_536,
  /** Voters, outgoing voters and learners of one shard, each. */
  membersMax: 32,
  /**
   * Lease reads assume that no follower's clock runs faster than the leader's by more than this
   * factor, for the length of one lease.
   */
  clockDriftMax: 1.25,
  /**
   * For this long after a round every follower that answered it votes for no other member, by its
   * own clock. The same constant on all nodes: no setting changes it.
   */
  leaseMilliseconds: 180,
  /** One tick in milliseconds of the leader's monotone clock: what a lease is measured in. */
  tickMilliseconds: 20,
} as const;

const RAFT_TUNABLES = {
  /** A leader sends to every follower at least this often. */
  heartbeatTicks: 2,
  /** Followers wait for a random time in [timeout, 2 timeout) before they campaign. */
  electionTicksMin: 10,
  /** The timeout grows with the delays of disks, event loops and answers, up to here. */
  electionTicksMax: 150,
  /** A delay counts for one to two of these windows. */
  delayWindowTicks: 150,
  /** An append, or a chunk of a snapshot, where the link is full; a single larger entry passes. */
  fullLinkBytesMax: 16 * KIB,
  /** Without an answer a chunk is sent again, after a wait that doubles so many times. */
  chunkRetryDoublingsMax: 4,
  /** A follower that was not heard for this long loses its place among the transfers. */
  transferPatienceTicks: 100,
  /** Entries kept behind the applied index for followers that are a little slow. */
  tailEntries: 4096,
  /** How far truncation waits for a follower that is slow but alive. */
  slowFollowerEntriesMax: 65_536,
  /**
   * What the logs of all shards of a node keep behind the state where no follower that needs it is
   * heard, for slow followers, and while a snapshot is being sent.
   */
  logTailBytesMax: 64 * MIB,
  logKeptBytesMax: 256 * MIB,
  logTransferBytesMax: 1024 * MIB,
  /** An idle shard quiesces after this long. */
  quiesceTicks: 50,
} as const;

/** Raft counts time in ticks; the node decides how long a tick is. */
export const RAFT_LIMITS = { ...RAFT_BOUNDS, ...RAFT_TUNABLES } as const;

export type RaftLimits = { readonly [name in keyof typeof RAFT_LIMITS]: number };

/** Asserted for the defaults and for whatever a test makes of them. */
export function assertRaftLimits(limits: RaftLimits): void {
  for (const value of Object.values(limits)) assert(value > 0, 'every limit is above zero');
  assert(limits.heartbeatTicks * 3 <= limits.electionTicksMin, 'three heartbeats fit a timeout');
  assert(limits.electionTicksMin <= limits.electionTicksMax, 'a timeout only grows');
  assert(limits.quiesceTicks > 2 * limits.electionTicksMin, 'silence is longer than an election');
  // A promise is counted in ticks, and the first tick may come right after it was made.
  assert(
    limits.leaseMilliseconds <= (limits.electionTicksMin - 1) * limits.tickMilliseconds,
    'a promise to a leader outlasts the lease that stands on it',
  );
  assert(limits.appendBytesMax <= limits.inflightBytesMax, 'an append fits the window');
  assert(limits.chunkBytesMax <= limits.chunkWindowBytesMax, 'a chunk fits the window');
  assert(limits.clockDriftMax > 1, 'a drift bound leaves room for drift');
  assert(
    limits.tailEntries <= limits.slowFollowerEntriesMax,
    'the tail is within the longest wait',
  );
}

assertRaftLimits(RAFT_LIMITS);

/** Limits of one frame between nodes. Both sides check. */
export const WIRE_LIMITS = {
  /** One frame: the memory that one peer can make a node use before decoding. */
  frameBytesMax: 36 * MIB,
  /** Messages in a frame; each heartbeat of a group counts. */
  messagesMax: 65_536,
  /** Entries in one append. */
  entriesMax: 64 * KIB,
  /** One entry's payload: the largest value that may be configured, and what comes with it. */
  payloadBytesMax: 17 * MIB,
  /** The first frame of a socket, whose sender is not known yet. */
  helloBytesMax: 8 * KIB,
} as const;

assert(
  WIRE_LIMITS.entriesMax * ENTRY_OVERHEAD_BYTES >= RAFT_LIMITS.appendBytesMax,
  'an append of empty payloads is within its limit of entries',
);
assert(RAFT_LIMITS.appendBytesMax * 2 <= WIRE_LIMITS.frameBytesMax, 'an append fits a frame');
assert(WIRE_LIMITS.payloadBytesMax * 2 <= WIRE_LIMITS.frameBytesMax, 'a payload fits a frame');
assert(RAFT_LIMITS.chunkBytesMax * 2 <= WIRE_LIMITS.frameBytesMax, 'a chunk fits a frame');

/** Limits of one frame between clients and nodes. Both sides check. */
export const REQUEST_LIMITS = {
  /** Requests, or responses, in one frame. */
  requestsMax: 4096,
  keyBytesMax: 4096,
  /** Keys of one read, and rows of one answer to it. */
  keysMax: 1024,
  /** Replies to the commands of one batch, or rows of a read. */
  listMax: 4096,
  /** Rows of a range in one answer, and what they may weigh. */
  rowsMax: 4096,
  rangeBytesMax: MIB,
  /** Leases or tickets of one answer. */
  coordinationRowsMax: 512,
} as const;

assert(REQUEST_LIMITS.keysMax <= REQUEST_LIMITS.listMax, 'a read of many keys can be answered');
assert(REQUEST_LIMITS.rangeBytesMax * 2 <= WIRE_LIMITS.frameBytesMax, 'a range fits a frame');

const CATALOG_BOUNDS = {
  nodesMax: 256,
  /** Nodes that have a number and have never started; further ones are refused until one has. */
  newcomersMax: 32,
  /** Data shards. */
  shardsMax: 1024,
  /** Replicas that one shard may want. */
  replicasMax: 7,
  /** Listed members of one shard: wanted ones and those being removed. */
  membersMax: 16,
  /** Voters of the catalog itself: an odd number up to here. */
  catalogVotersMax: 5,
  clusterIdBytesMax: 64,
  urlBytesMax: 512,
  zoneBytesMax: 64,
  /** A node's name; 64 characters of a configuration are 64 bytes. */
  nameBytesMax: 64,
  /** A map of the greatest size, as bytes. */
  mapBytesMax: MIB,
  /** Users, tokens and roles, which are a part of it. */
  accessBytesMax: 256 * KIB,
  /**
   * How far, in entries of the catalog, a map may be ahead of the known one on one node's word:
   * half a year of one each second. Beyond, most of the heard nodes have to report it.
   */
  mapStepMax: 2 ** 24,
  /** Moving replicas that a node reports. */
  movesToldMax: 64,
} as const;

const CATALOG_TUNABLES = {
  /** Shards that change their members at the same time. */
  movingShardsMax: 8,
  /** A move without progress for this long no longer blocks another, though it continues. */
  movePatienceMilliseconds: 60_000,
  /** Moves at the same time, including those without progress. */
  movesMax: 32,
  /** A new node gets replicas once it has been alive for this long. */
  newcomerMilliseconds: 1000,
  /** A leader stays in office for at least this long before it hands over to a preferred one. */
  handoverTicksMin: 250,
  /** The maximum, where leadership comes back each time. */
  handoverTicksMax: 32_000,
} as const;

/** Limits of the catalog. Every node and client holds all of it in memory. */
export const CATALOG_LIMITS = { ...CATALOG_BOUNDS, ...CATALOG_TUNABLES } as const;

assert(
  CATALOG_LIMITS.replicasMax * 2 <= CATALOG_LIMITS.membersMax,
  'all members of a shard can be replaced at once',
);
assert(
  CATALOG_LIMITS.membersMax <= RAFT_LIMITS.membersMax,
  'all listed members fit a configuration',
);
assert(
  CATALOG_LIMITS.catalogVotersMax % 2 === 1 &&
    CATALOG_LIMITS.catalogVotersMax <= CATALOG_LIMITS.replicasMax,
  'the catalog is a shard with an odd number of voters',
);
assert(CATALOG_LIMITS.mapBytesMax * 2 <= WIRE_LIMITS.frameBytesMax, 'a map fits a frame');
assert(
  CATALOG_LIMITS.movingShardsMax <= CATALOG_LIMITS.movesMax,
  'moves that stand still leave room for others',
);
assert(
  CATALOG_LIMITS.handoverTicksMin > 2 * RAFT_LIMITS.electionTicksMin,
  'a leader outlasts the election that made it',
);

/** Limits of a row in the state store, which a machine's rows must fit. */
export const ROW_LIMITS = {
  /** A client's key is at most 4096 bytes; a machine may add bytes of its own. */
  keyBytesMax: 8 * KIB,
  /** A client's value and the machine's fields around it. */
  valueBytesMax: 17 * MIB,
} as const;

assert(ROW_LIMITS.valueBytesMax <= WIRE_LIMITS.payloadBytesMax, 'a value came in an entry');

/**
 * Limits of a command, and of the session that a shard keeps of each client. They apply while
 * entries are applied: changing one changes what old entries mean, as does every change of a
 * format.
 */
export const MACHINE_LIMITS = {
  keyBytesMax: 4096,
  /** The largest value that a node may be configured to accept. */
  valueBytesMax: 16 * MIB,
  /** The largest value that a node accepts by default. */
  valueBytesDefault: MIB,
  commandsMax: 1024,
  /** Operations of all commands of a batch. */
  operationsMax: 60_000,
  /** How far ahead of the shard's log time a deadline may lie. */
  timeoutMillisecondsMax: 5 * 60 * 1000,
  /** Log time, and how long a value may be given to live: their sum is a count. */
  timeMax: NUMBER_MAX / 2,
  /** What one command may read. */
  resultBytesMax: 16 * KIB,
  /** Bytes of the rows that one entry may read and write, as all replicas count them. */
  workBytesMax: 48 * MIB,
  /**
   * Slots of one client: the requests that it may have open in all shards together. The slot is the
   * remainder of a sequence by it, so it is part of the format.
   */
  sessionSlots: 16_384,
  /** The remembered replies to one request. */
  slotBytesMax: 256 * KIB,
  /** A session is kept until a multiple of this, so that its row is not written for each entry. */
  sessionStepMilliseconds: 1000,
  /** Keys that one entry expires, or clients that it forgets. */
  sweepKeysMax: 1024,
  /** Rows of sessions that one entry scans in order to delete them. */
  sweepRowsMax: 1024,
  sweepBytesMax: 256 * KIB,
  /** How long one entry lets a shard record its changes at most. */
  recordMillisecondsMax: 10 * 60 * 1000,
} as const;

/** More than a machine puts around a key, or around a value. */
const MACHINE_OVERHEAD_BYTES = 64;

assert(
  MACHINE_LIMITS.keyBytesMax + MACHINE_OVERHEAD_BYTES <= ROW_LIMITS.keyBytesMax,
  'a key has room for what stands around it',
);
assert(
  MACHINE_LIMITS.valueBytesMax + MACHINE_OVERHEAD_BYTES <= ROW_LIMITS.valueBytesMax,
  'a value has room for what stands around it',
);
assert(
  MACHINE_LIMITS.keyBytesMax + MACHINE_LIMITS.valueBytesMax + 2 * MACHINE_OVERHEAD_BYTES <=
    WIRE_LIMITS.payloadBytesMax,
  'a put of the largest value fits an entry',
);
assert(MACHINE_LIMITS.valueBytesDefault <= MACHINE_LIMITS.valueBytesMax, 'the default is allowed');
assert(MACHINE_LIMITS.keyBytesMax <= REQUEST_LIMITS.keyBytesMax, 'a written value fits an answer');
assert(MACHINE_LIMITS.commandsMax <= REQUEST_LIMITS.listMax, 'a batch can be answered');
assert(MACHINE_LIMITS.commandsMax <= MACHINE_LIMITS.operationsMax, 'a command has an operation');
assert(MACHINE_LIMITS.sessionSlots <= 0x1_0000, 'the number of a slot has two bytes');
assert(
  MACHINE_LIMITS.resultBytesMax + MACHINE_LIMITS.commandsMax * MACHINE_OVERHEAD_BYTES <=
    MACHINE_LIMITS.slotBytesMax,
  'a reply is remembered, and refusals of all others',
);
assert(
  MACHINE_LIMITS.slotBytesMax + MACHINE_LIMITS.commandsMax * MACHINE_OVERHEAD_BYTES <=
    ROW_LIMITS.valueBytesMax,
  'what is remembered of a request fits a row',
);
assert(MACHINE_LIMITS.sweepBytesMax <= WIRE_LIMITS.payloadBytesMax, 'a sweep fits an entry');
assert(
  2 * (MACHINE_LIMITS.valueBytesMax + MACHINE_OVERHEAD_BYTES) <= MACHINE_LIMITS.workBytesMax &&
    2 * WIRE_LIMITS.payloadBytesMax <= MACHINE_LIMITS.workBytesMax,
  'the largest value can be read and rewritten, and all that comes in an entry',
);
assert(
  MACHINE_LIMITS.keyBytesMax + MACHINE_OVERHEAD_BYTES <= MACHINE_LIMITS.sweepBytesMax,
  'every key can be swept',
);
