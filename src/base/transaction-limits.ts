/** The limits of transactions, and how they stand to each other and to the others. */

import { assert } from './assert.ts';
import { CATALOG_LIMITS, STATE_LIMITS, WIRE_LIMITS } from './limits.ts';

/** Transactions over several shards. What concerns a machine is judged while applying, too. */
export const TRANSACTION_LIMITS = {
  /** Shards that one may touch. */
  partsMax: CATALOG_LIMITS.shardsMax,
  /** Parts that are prepared in a shard, and decisions that it keeps. */
  slotsMax: 16_384,
  /** What is prepared in a shard, in bytes; with that much no more is let in. */
  preparedBytesMax: 256 * 1024 * 1024,
  /** Decisions that a shard keeps when one more abort comes: it need not be kept, and is not. */
  keptForAbortMax: 1024,
  /** Failed attempts that count for the right to a key; with more it is a matter of age. */
  attemptsMax: 1024,
  /** Transactions that one entry resolves. */
  resolutionsMax: 256,
  /** Transactions in line for a key before they begin, and what all in a shard take. */
  lineMax: 1024,
  lineBytesMax: 8 * 1024 * 1024,
  /** How long one may wait there. */
  lineMilliseconds: 10_000,
  /** What has to be left of its time: its client should hear in time that nothing came of it. */
  lineReserveMilliseconds: 500,
  /** How long one that has begun keeps its keys from others. */
  lineTicks: 10,
  /** How many are looked at when a key is free, until one has hope. */
  lineLooks: 32,
  /** Transactions that a node conducts at once. */
  coordinatorsMax: 16_384,
  /** What these take, with what is asked of others on their behalf. */
  conductedBytesMax: 64 * 1024 * 1024,
  /** More than one participant takes in bytes that name it. */
  participantBytesMax: 20,
  /** How long all parts may take to become ready at least; it holds keys meanwhile. */
  prepareMilliseconds: 3000,
  /** Where steps are slow they are waited for longer, up to here. */
  patienceMillisecondsMax: 15_000,
  /** The time that a step took counts for one to two of these. */
  stepWindowTicks: 500,
  /** Between two attempts to reach a shard. */
  restMilliseconds: 60,
  /** Between two attempts at a key whose younger holder was pressed to give way. */
  preemptMilliseconds: 5,
  /** How long whoever meets a held key waits before it asks what became of the holder. */
  graceMilliseconds: 20,
  /** Holders after whom a shard asks that often; of more, it asks after each less often. */
  questionsMax: 64,
  /** How long an answer, or an entry that resolves, may take at least before a repetition. */
  resolveMilliseconds: 1000,
  /** How old, in log time, a prepared part is when its leader asks unasked. */
  orphanMilliseconds: 1000,
  /** How often leaders look for such parts, and for decisions that nobody is told of. */
  sweepMilliseconds: 500,
  /** How long an entry that nobody waits for waits for one of its shard that somebody does. */
  lingerMilliseconds: 100,
  /** How long decisions that all have heard of gather before they go. */
  clearMilliseconds: 50,
  /** How long somebody waits at a node for a key that is held, before being sent away. */
  waitMilliseconds: 2000,
  /** Waiting transactions that a node tells people of at once. */
  toldMax: 1024,
  /** Participants that it names to them, of all of these. */
  toldParticipantsMax: 65_536,
  /** Requests that wait at a shard for keys that are held. */
  waitersMax: 16_384,
  /** Keys of a shard that are reserved; what is beyond them is read without protection. */
  reservationsMax: 16_384,
  /** Failed attempts after which it is reserved against other transactions, too. */
  attemptsAlone: 16,
  /** How long a key is reserved after it was read, and without a gap, whoever reads it again. */
  reservedMilliseconds: 1000,
  reservedMillisecondsMax: 1900,
  /** Ranges that one validation may look into. */
  rangesMax: 1024,
  /** Views that are open on a node when one more range is checked: others have to look, too. */
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
  2 * TRANSACTION_LIMITS.lingerMilliseconds < TRANSACTION_LIMITS.orphanMilliseconds,
  'what lingers is not taken for an orphan',
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
  TRANSACTION_LIMITS.checkViewsMax * 2 <= STATE_LIMITS.viewsMax,
  'checks of ranges leave room for reads',
);
assert(
  TRANSACTION_LIMITS.keptForAbortMax * 2 <= TRANSACTION_LIMITS.slotsMax,
  'aborts never take the room of commits',
);
