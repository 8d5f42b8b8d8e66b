/** Limits on what clients of one node can cost each other. */

import { assert } from '../base/assert.ts';
import { REQUEST_LIMITS, WIRE_LIMITS } from '../base/limits.ts';
import { NODE_LIMITS } from '../base/node-limits.ts';
import { TRANSPORT_LIMITS } from '../base/transport-limits.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * Costs are counted in bytes, so that they are the same on every machine: a row costs its size plus
 * a fixed amount for finding it.
 */
export const FAIRNESS_LIMITS = {
  /** The cost that one turn serves: some 3 ms of a core. */
  sliceCost: 4 * MIB,
  /** The cost that one flow is granted before the next one has its turn. */
  quantumCost: 128 * KIB,
  /** A request, a key that is looked up, a row that is passed over. */
  requestCost: KIB,
  keyCost: 2 * KIB,
  rowCost: KIB,
  /** A change that a stream looks at. */
  changeCost: 256,
  /** A report on the whole node, for people. */
  reportCost: 256 * KIB,
  /** Ranges of one flow in progress, each with a view of the state. */
  rangesMax: 4,
  /** Rows of a range that are read at once. */
  sliceRows: 512,
  sliceBytes: 256 * KIB,
  /** Unsent answers of one connection: with more nothing is read from it or computed for it. */
  answerBytesMax: 4 * MIB,
  /** The same for all connections; the last quarter is for those that read their answers. */
  answersBytesMax: 128 * MIB,
  /** Undecoded frames of one connection: with more nothing is read from it. */
  queueBytesMax: MIB,
  /** The same for all connections: with more nothing is read from any that has one waiting. */
  queuesBytesMax: 64 * MIB,
  /**
   * A connection that takes none of its answers for this long is closed; if all are full, sooner.
   */
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
