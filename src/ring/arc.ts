/** Arcs: a fresh cluster cuts the ring into equal arcs, one per shard. */

import { assert } from '../base/assert.ts';

/** Positions are integers in [0, RING_SPAN). */
export const RING_SPAN = 2 ** 32;

/** A position times the number of arcs stays below 2^53, so `arcOf` is exact. */
const ARCS_MAX = 2 ** 20;

/** Of `arcs` equal arcs, the one over this position. The inverse of `arcStart`, exactly. */
export function arcOf(position: number, arcs: number): number {
  return Math.floor((position * arcs) / RING_SPAN);
}

/** Arc i covers [arcStart(i), arcStart(i + 1)). */
export function arcStart(arc: number, arcs: number): number {
  assert(arcs >= 1 && arcs <= ARCS_MAX, 'the number of arcs is within its limits');
  assert(arc >= 0 && arc <= arcs, 'the arc is below the number of arcs, or its end');
  return Math.ceil((arc * RING_SPAN) / arcs);
}
