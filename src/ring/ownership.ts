/** The nearest node of each position: the first step of every walk, precomputed for lookups. */

import type { NodeId } from '../base/ids.ts';
import { RING_SPAN } from './arc.ts';
import { RING_NODES_MAX, type Ring, type RingNode } from './ring.ts';

export interface Ownership {
  readonly nodes: readonly RingNode[];
  /** The last position of each stretch with one owner, ascending, and the index of that owner. */
  readonly ends: Uint32Array;
  readonly owners: Uint16Array;
  /** For each of 2^(32 - shift) equal buckets, the stretch over its first position. */
  readonly buckets: Uint32Array;
  readonly shift: number;
}

/** Agrees with `walk(ring, position)[0]` everywhere. */
export function buildOwnership(ring: Ring): Ownership {
  const sweep = new Sweep(ring.nodes);
  const points = pointsOf(ring);
  // The first lap only finds the nodes near the top of the ring from beyond its end.
  for (const lap of [RING_SPAN, 0]) {
    for (let at = points.length - 1; at >= 0; at--) {
      const position = Math.floor((points[at] as number) / RING_NODES_MAX) + lap;
      if (lap === 0) sweep.descend(position);
      sweep.meet(position, (points[at] as number) % RING_NODES_MAX);
    }
  }
  sweep.descend(-1);
  const ends = Uint32Array.from(sweep.ends.reverse());
  const owners = Uint16Array.from(sweep.owners.reverse());
  return { nodes: ring.nodes, ends, owners, ...bucketsOf(ends) };
}

/** Undefined if the ring is empty. */
export function ownerOf(ownership: Ownership, position: number): NodeId | undefined {
  const { ends, owners, nodes } = ownership;
  let at = ownership.buckets[position >>> ownership.shift] as number;
  while ((ends[at] as number) < position) at++;
  return nodes[owners[at] as number]?.node;
}

/** How many positions each node owns, in the order of `nodes`; together the whole ring. */
export function ownedPositions(ownership: Ownership): readonly number[] {
  const owned = ownership.nodes.map(() => 0);
  let start = 0;
  for (const [at, end] of ownership.ends.entries()) {
    const owner = ownership.owners[at] as number;
    owned[owner] = (owned[owner] as number) + end + 1 - start;
    start = end + 1;
  }
  return owned;
}

/** Each point as position and owner in one number, ascending; on one position the heavier first. */
function pointsOf(ring: Ring): Float64Array {
  const { nodes } = ring;
  const result = new Float64Array(ring.points.reduce((sum, points) => sum + points.length, 0));
  const ranks = [...nodes.keys()].sort(
    (a, b) => (nodes[b] as RingNode).weight - (nodes[a] as RingNode).weight || a - b,
  );
  let at = 0;
  for (const [rank, index] of ranks.entries()) {
    for (const point of ring.points[index] as Uint32Array) {
      result[at++] = point * RING_NODES_MAX + rank;
    }
  }
  result.sort();
  for (at = 0; at < result.length; at++) {
    const point = result[at] as number;
    const rank = point % RING_NODES_MAX;
    result[at] = point - rank + (ranks[rank] as number);
  }
  return result;
}

function bucketsOf(ends: Uint32Array): { readonly buckets: Uint32Array; readonly shift: number } {
  let shift = 31;
  while (shift > 8 && 2 ** (32 - shift) < 2 * ends.length) shift--;
  const buckets = new Uint32Array(2 ** (32 - shift));
  let at = 0;
  for (let bucket = 0; bucket < buckets.length; bucket++) {
    while ((ends[at] as number) < bucket * 2 ** shift) at++;
    buckets[bucket] = at;
  }
  return { buckets, shift };
}

/**
 * Goes down the ring from its end. As it does, the distance to every point met grows with the
 * inverse of the weight: straight lines, of which the lowest owns the position. A point just met
 * is at distance zero and owns its position; the lines that will be lowest further down lie on a
 * stack, the lightest and soonest on top.
 */
class Sweep {
  readonly ends: number[] = [];
  readonly owners: number[] = [];
  readonly #nodes: readonly RingNode[];
  readonly #stack: Line[] = [];
  #position = RING_SPAN - 1;

  constructor(nodes: readonly RingNode[]) {
    this.#nodes = nodes;
  }

  /** Records the owners of the positions down to, and without, this one. */
  descend(position: number): void {
    let top = this.#stack.at(-1);
    while (top !== undefined && this.#position > position) {
      if (top.until < this.#position) {
        if (this.owners.at(-1) !== top.owner) {
          this.ends.push(this.#position);
          this.owners.push(top.owner);
        }
        this.#position = Math.max(top.until, position);
      } else {
        this.#stack.pop();
        top = this.#stack.at(-1);
      }
    }
  }

  meet(position: number, owner: number): void {
    const weight = (this.#nodes[owner] as RingNode).weight;
    let until = Number.NEGATIVE_INFINITY;
    for (let top = this.#stack.at(-1); top !== undefined; top = this.#stack.at(-1)) {
      if (top.weight > weight) {
        // Exact: integers below 2^50, and a quotient that matters is below 2^33.
        const difference = position * top.weight - top.position * weight;
        until = Math.floor(difference / (top.weight - weight));
        if (top.until < until) break;
        until = Number.NEGATIVE_INFINITY;
      }
      this.#stack.pop();
    }
    this.#stack.push({ position, owner, weight, until });
  }
}

interface Line {
  readonly position: number;
  readonly owner: number;
  readonly weight: number;
  /** The highest position at which the line beneath is nearer. */
  readonly until: number;
}
