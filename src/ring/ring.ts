/**
 * The ring: every node stands at many points of it, and seems the nearer the heavier it is.
 *
 * Seen from a position, a node is as far away as its next point clockwise, divided by its weight.
 * With equal weights that is the classic ring of virtual nodes. With weights, each node still has
 * the same number of points, so the share of a light node is as even as that of a heavy one, and
 * the ratio of weights has no price. How two nodes compare depends on those two alone: a node that
 * comes, goes or changes its weight moves nothing between the others.
 */

import { assert } from '../base/assert.ts';
import { hash } from '../base/hash.ts';
import type { NodeId } from '../base/ids.ts';
import { RING_SPAN } from './arc.ts';

/**
 * Measured over 3 to 100 nodes: the share of the worst strays 5 % from fair. The error falls with
 * the square root of the points, and the time to build the ring grows with them.
 */
const POINTS_PER_NODE = 4096;

/** A distance (below 2^33) times a weight is an integer below 2^53: comparisons are exact. */
export const WEIGHT_MAX = 65_536;

/** The ring names its nodes by 16-bit numbers. */
export const RING_NODES_MAX = 65_536;

export interface RingNode {
  readonly node: NodeId;
  /** A whole number from 0 to WEIGHT_MAX; only ratios matter. Zero holds nothing. */
  readonly weight: number;
  /** What fails together: a rack, a building. */
  readonly zone: string;
}

export interface Ring {
  /** In the order of their numbers; nodes without weight are left out. */
  readonly nodes: readonly RingNode[];
  /** The points of each node, ascending. They depend on the number of the node alone. */
  readonly points: readonly Uint32Array[];
}

/** Which nodes hold each arc: the result of placing, and its input the next time. */
export interface Placement {
  /** The nodes it was made for, those with weight, in the order of their numbers. */
  readonly nodes: readonly RingNode[];
  /** For each arc its nodes, in the order of the walk from its start. */
  readonly arcs: readonly (readonly NodeId[])[];
}

export function isWeight(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= WEIGHT_MAX;
}

/** The same for every order of `nodes`. The points of nodes that stay are taken from `previous`. */
export function buildRing(nodes: readonly RingNode[], previous?: Ring): Ring {
  assert(nodes.length <= RING_NODES_MAX, 'the number of nodes is within its limit');
  const sorted = [...nodes].sort((a, b) => a.node - b.node);
  for (const [at, { node, weight }] of sorted.entries()) {
    assert(Number.isSafeInteger(node) && node >= 0, 'a node has a number');
    assert(node !== sorted[at + 1]?.node, 'a node is on the ring once');
    assert(isWeight(weight), 'a weight is a whole number within bounds');
  }
  const weighted = sorted.filter(({ weight }) => weight > 0);
  const known = new Map(previous?.nodes.map(({ node }, at) => [node, previous.points[at]]));
  return {
    nodes: weighted,
    points: weighted.map(({ node }) => known.get(node) ?? pointsOf(node)),
  };
}

/** Every node, nearest first, as indexes into `ring.nodes`: in this order the ring proposes. */
export function walk(ring: Ring, position: number): readonly number[] {
  const distances = ring.points.map((points) => distanceTo(points, position));
  return [...ring.nodes.keys()].sort((a, b) => {
    const weightOfA = (ring.nodes[a] as RingNode).weight;
    const weightOfB = (ring.nodes[b] as RingNode).weight;
    const nearer = (distances[a] as number) * weightOfB - (distances[b] as number) * weightOfA;
    return nearer || weightOfB - weightOfA || a - b;
  });
}

/** Clockwise, from a position to the next of the points. */
function distanceTo(points: Uint32Array, position: number): number {
  let low = 0;
  let high = points.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((points[middle] as number) < position) low = middle + 1;
    else high = middle;
  }
  const next = points[low];
  return next === undefined ? (points[0] as number) + RING_SPAN - position : next - position;
}

function pointsOf(node: NodeId): Uint32Array {
  const points = new Uint32Array(POINTS_PER_NODE);
  const name = new Uint8Array(12);
  const view = new DataView(name.buffer);
  view.setUint32(0, node % RING_SPAN, true);
  view.setUint32(4, Math.floor(node / RING_SPAN), true);
  for (let at = 0; at < POINTS_PER_NODE; at++) {
    view.setUint32(8, at, true);
    points[at] = hash(name);
  }
  return points.sort();
}
