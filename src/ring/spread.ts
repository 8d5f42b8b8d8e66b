/** How the replicas of one arc spread over the zones: distinct if there are enough, else evenly. */

import { assert } from '../base/assert.ts';
import type { Ring } from './ring.ts';

/**
 * An arc holds `least` replicas in every zone, `extras` zones hold one more, and none holds above
 * `most`. With enough zones that reads: `least` is 0, `most` is 1, and `extras` is the replicas.
 */
export interface Spread {
  /** Replicas of one arc: no more than there are nodes. */
  readonly replicas: number;
  /** For each node of the ring, the index of its zone. */
  readonly zoneOf: readonly number[];
  readonly least: readonly number[];
  readonly most: readonly number[];
  readonly extras: number;
}

export function spreadOver(ring: Ring, replicasWanted: number): Spread {
  const zones = [...new Set(ring.nodes.map(({ zone }) => zone))].sort();
  const zoneOf = ring.nodes.map(({ zone }) => zones.indexOf(zone));
  const sizes = zones.map(() => 0);
  for (const zone of zoneOf) sizes[zone] = (sizes[zone] as number) + 1;
  const replicas = Math.min(replicasWanted, ring.nodes.length);
  let level = 0;
  while (sum(cut(sizes, level)) < replicas) level++;
  const least = cut(sizes, Math.max(level - 1, 0));
  const most = cut(sizes, level);
  const extras = replicas - sum(least);
  assert(extras >= 0 && extras <= zones.length, 'the level is the lowest that is enough');
  return { replicas, zoneOf, least, most, extras };
}

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function cut(sizes: readonly number[], level: number): readonly number[] {
  return sizes.map((size) => Math.min(size, level));
}
