/** What those who ask a node at the same time may cost each other. */

import { assert } from './assert.ts';
import { REQUEST_LIMITS, WIRE_LIMITS } from './limits.ts';
import { NODE_LIMITS } from './node-limits.ts';
import { TRANSPORT_LIMITS } from './transport-limits.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * Costs are counted in bytes, so that they are the same on every machine: a row counts what it has,
 * and what finding it takes beside that counts as so many bytes more.
 */
export const FAIRNESS_LIMITS = {
  /** What one turn does of what was asked: some 3 ms of a core. */
  sliceCost: 4 * MIB,
  /** What one who asks gets before the next one has its turn. */
  quantumCost: 128 * KIB,
  /** A request, a key that is looked up, a row that is passed over. */
  requestCost: KIB,
  keyCost: 2 * KIB,
  rowCost: KIB,
  /** A report on the whole node, for people. */
  reportCost: 256 * KIB,
  /** Ranges of one who asks that are under way, each with a view of the state. */
  rangesMax: 4,
  /** Rows of a range that are read at once. */
  sliceRows: 512,
  sliceBytes: 256 * KIB,
  /** Answers that wait for one connection: with more nothing is read for it, nor from it. */
  answerBytesMax: 4 * MIB,
  /** The same of all connections; the last quarter is for those that read what they are sent. */
  answersBytesMax: 128 * MIB,
  /** Frames of one connection that wait to be served: with more nothing is read from it. */
  queueBytesMax: MIB,
  /** The same of all connections: with more nothing is read from any that has one waiting. */
  queuesBytesMax: 64 * MIB,
  /** A connection that takes none of its answers for so long is closed; if all are full, sooner. */
  stallMilliseconds: 15_000,
  stallMillisecondsFull: 1000,
} as const;

assert(FAIRNESS_LIMITS.quantumCost * 8 <= FAIRNESS_LIMITS.sliceCost, 'several share a turn');
assert(
  FAIRNESS_LIMITS.answerBytesMax + WIRE_LIMITS.frameBytesMax <= FAIRNESS_LIMITS.answersBytesMax / 2,
  'one connection never has all of the room for answers',
);
assert(
  FAIRNESS_LIMITS.answerBytesMax + WIRE_LIMITS.frameBytesMax <= TRANSPORT_LIMITS.clientBytesMax,
  'what the budget lets through is never cut off by the transport',
);
assert(
  FAIRNESS_LIMITS.sliceRows <= REQUEST_LIMITS.rowsMax &&
    FAIRNESS_LIMITS.sliceBytes <= REQUEST_LIMITS.rangeBytesMax,
  'a slice is a part of a page',
);
assert(
  FAIRNESS_LIMITS.stallMillisecondsFull >= NODE_LIMITS.silenceMilliseconds,
  'a moment of the network is no stall',
);
