/** The limits of transactions, and how they stand to each other and to the others. */

import { assert } from './assert.ts';
import { CATALOGUE_LIMITS } from './limits.ts';

/** Transactions over several shards. What concerns a machine is judged while applying, too. */
export const TRANSACTION_LIMITS = {
  /** Shards that one may touch. */
  partsMax: CATALOGUE_LIMITS.shardsMax,
  /** Parts that are prepared in a shard, and decisions that it keeps. */
  slotsMax: 16_384,
  /** What is prepared in a shard, in bytes; with that much no more is let in. */
  preparedBytesMax: 256 * 1024 * 1024,
  /** What one entry that resolves may do, unless a single part is more. */
  resolvedBytesMax: 4 * 1024 * 1024,
  /** Decisions that a shard keeps when one more abort comes: it need not be kept, and is not. */
  keptForAbortMax: 1024,
  /** Transactions that one entry resolves. */
  resolutionsMax: 256,
  /** Transactions that a node conducts at once. */
  coordinatorsMax: 16_384,
  /** How long all parts may take to become ready; it holds keys meanwhile. */
  prepareMilliseconds: 3000,
  /** Between two attempts to reach a shard. */
  restMilliseconds: 60,
  /** Between two attempts at a key whose younger holder was pressed to give way. */
  pressMilliseconds: 5,
  /** How long whoever meets a held key waits before it asks what became of the holder. */
  graceMilliseconds: 20,
  /** How long an entry that resolves may take before it is asked for again. */
  resolveMilliseconds: 1000,
  /** How old, in log time, a prepared part is when its leader asks unasked. */
  orphanMilliseconds: 1000,
  /** How often leaders look for such parts, and for decisions that nobody is told of. */
  sweepMilliseconds: 500,
  /** How long decisions that all have heard of gather before they go. */
  clearMilliseconds: 50,
  /** How long somebody waits at a node for a key that is held, before being sent away. */
  waitMilliseconds: 2000,
  /** Waiting transactions that a node tells people of at once. */
  toldMax: 1024,
  /** Requests that wait at a shard for keys that are held. */
  waitersMax: 16_384,
} as const;

assert(TRANSACTION_LIMITS.slotsMax <= 0x1_0000, 'the number of a row has two bytes');
assert(
  TRANSACTION_LIMITS.keptForAbortMax * 2 <= TRANSACTION_LIMITS.slotsMax,
  'aborts never take the room of commits',
);
