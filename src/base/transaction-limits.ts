/** The limits of transactions, and their relations to each other and to other limits. */

import { assert } from './assert.ts';
import { CATALOG_LIMITS, WIRE_LIMITS } from './limits.ts';

/** Transactions over several shards. Limits of the machine apply while entries are applied, too. */
export const TRANSACTION_LIMITS = {
  /** Shards that one may touch. */
  partsMax: CATALOG_LIMITS.shardsMax,
  /** Prepared parts of a shard, and decisions that it keeps. */
  slotsMax: 16_384,
  /** Bytes of prepared parts in a shard; with more, further prepares are refused. */
  preparedBytesMax: 256 * 1024 * 1024,
  /** With more kept decisions a further abort is not kept: an abort need not be. */
  keptForAbortMax: 1024,
  /** Failed attempts that count for priority; with more, age decides. */
  attemptsMax: 1024,
  /** Participants of a transaction that is staged, and outputs of a few bytes that it may have. */
  stagedParticipantsMax: 64,
  stagedOutputsMax: 512,
  /** By how much the deadlines of its participants differ at most. */
  stagedSpreadMilliseconds: 60_000,
  /** Questions about a transaction that wait for its end; the oldest is asked again later. */
  settlingMax: 16,
  /** How long a part counts as contested after a request met its locks; parts of a shard. */
  contestedMilliseconds: 1000,
  contestedMax: 1024,
  /** Transactions that one entry resolves, as many that it commits, and that it clears. */
  resolutionsMax: 256,
  /** Bytes of deferred proposals that share an entry. */
  concludedBytesMax: 256 * 1024,
  /** The commit of a transaction with more bytes is recorded at once: it waits in memory. */
  deferredBytesMax: 16 * 1024,
  /** Transactions that queue for a key before they begin, and their size in a shard. */
  queueLengthMax: 1024,
  queueBytesMax: 8 * 1024 * 1024,
  /** How long a transaction may queue. */
  queueMilliseconds: 10_000,
  /** The time that has to be left: the client should still get the answer in time. */
  queueReserveMilliseconds: 500,
  /** How long a running transaction keeps its keys from queued ones. */
  queueTicks: 10,
  /** How many queued transactions are examined when a key is free, until one may commit. */
  queueLooks: 32,
  /** Transactions that a node coordinates at once. */
  coordinatorsMax: 16_384,
  /** Their size, with their requests to participants. */
  conductedBytesMax: 64 * 1024 * 1024,
  /** At least the encoded size of one participant. */
  participantBytesMax: 20,
  /** The minimal time limit for all participants to prepare; keys are locked meanwhile. */
  prepareMilliseconds: 3000,
  /** The maximal one, where steps are slow. */
  patienceMillisecondsMax: 15_000,
  /** The duration of a step counts for one to two of these. */
  stepWindowTicks: 500,
  /** Between two attempts to reach a shard. */
  restMilliseconds: 60,
  /** Between two attempts to lock a key whose younger holder was told to abort. */
  preemptMilliseconds: 5,
  /** Holders for which a shard asks that often; with more, each is asked for less often. */
  questionsMax: 64,
  /** The minimal time before a missing answer, or a missing resolving entry, is asked for again. */
  resolveMilliseconds: 1000,
  /**
   * The age, in log time, at which the leader asks for the outcome of a prepared part by itself.
   */
  orphanMilliseconds: 1000,
  /** How often leaders look for such parts, and for decisions that are not being sent. */
  sweepMilliseconds: 500,
  /** How long an entry that no request waits for is deferred, so that it can be shared. */
  deferMilliseconds: 100,
  /** Deferred proposals of a shard; with more, all of them are proposed at once. */
  deferredMax: 256,
  /** How long acknowledged decisions gather before they are deleted. */
  clearMilliseconds: 200,
  /** How long a request waits at a node for a locked key before it is refused. */
  waitMilliseconds: 2000,
  /** Waiting transactions that a node reports at once. */
  toldMax: 1024,
  /** Participants that it lists, for all of these together. */
  toldParticipantsMax: 65_536,
  /** Requests of a shard that wait for locked keys. */
  waitersMax: 16_384,
  /** Reserved keys of a shard; further ones are read without protection. */
  reservationsMax: 16_384,
  /** Failed attempts after which keys are reserved against other transactions, too. */
  attemptsAlone: 16,
  /** How long a key is reserved after a read, and at most without a gap, by repeated reads. */
  reservedMilliseconds: 1000,
  reservedMillisecondsMax: 1900,
  /** Ranges that one validation may read. */
  rangesMax: 1024,
  /**
   * Open views of a node above which a range check is refused, because other requests need views,
   * too.
   */
  checkViewsMax: 256,
} as const;

assert(
  TRANSACTION_LIMITS.prepareMilliseconds <= TRANSACTION_LIMITS.patienceMillisecondsMax &&
    TRANSACTION_LIMITS.resolveMilliseconds <= TRANSACTION_LIMITS.patienceMillisecondsMax,
  'what is waited for only grows',
);
assert(
  TRANSACTION_LIMITS.restMilliseconds < TRANSACTION_LIMITS.resolveMilliseconds,
  'the more holders, the rarer the questions',
);
assert(
  2 * TRANSACTION_LIMITS.deferMilliseconds < TRANSACTION_LIMITS.orphanMilliseconds,
  'a deferred entry does not count as an orphan',
);
assert(
  TRANSACTION_LIMITS.concludedBytesMax < WIRE_LIMITS.payloadBytesMax,
  'what shares an entry fits in one',
);
assert(
  TRANSACTION_LIMITS.reservedMillisecondsMax < TRANSACTION_LIMITS.waitMilliseconds,
  'a command that waits for a reservation goes on before its time is over',
);
assert(TRANSACTION_LIMITS.slotsMax <= 0x1_0000, 'the number of a row has two bytes');
assert(
  TRANSACTION_LIMITS.partsMax <= TRANSACTION_LIMITS.toldParticipantsMax,
  'of every transaction people can be told',
);
assert(
  WIRE_LIMITS.payloadBytesMax +
    TRANSACTION_LIMITS.partsMax ** 2 * TRANSACTION_LIMITS.participantBytesMax <=
    TRANSACTION_LIMITS.conductedBytesMax,
  'the largest transaction can be conducted',
);
assert(
  TRANSACTION_LIMITS.keptForAbortMax * 2 <= TRANSACTION_LIMITS.slotsMax,
  'aborts never take the room of commits',
);
