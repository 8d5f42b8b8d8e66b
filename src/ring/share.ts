/** How many replicas each node should hold, and how many it may hold at most. */

import { assert } from '../base/assert.ts';
import type { Ring } from './ring.ts';
import { type Spread, sum } from './spread.ts';

/** Bounded load: no node holds more than this many times its fair share, rounded up. */
const LOAD_FACTOR = 1.2;

export interface FairShare {
  /** By weight, as far as distinct nodes and the spread over zones allow it. A fraction. */
  readonly fair: number;
  /** The fair share in whole replicas, rounded so that all quotas together are all replicas. */
  readonly quota: number;
  /** LOAD_FACTOR times the fair share, rounded up. */
  readonly capacity: number;
}

/** In the order of `ring.nodes`. */
export function shareOf(ring: Ring, arcs: number, spread: Spread): readonly FairShare[] {
  const weights = ring.nodes.map(({ weight }) => weight);
  const zones = spread.least.map((least, zone) => {
    const members = [...weights.keys()].filter((node) => spread.zoneOf[node] === zone);
    return { members, low: arcs * least, high: arcs * (spread.most[zone] as number) };
  });
  /** What a zone takes at a level: each node its weight times the level, but no arc twice. */
  const takenBy = (members: readonly number[], level: number) =>
    sum(members.map((node) => Math.min(arcs, (weights[node] as number) * level)));
  const total = arcs * spread.replicas;
  const shared = levelOf(total, arcs, (level) =>
    sum(zones.map(({ members, low, high }) => clamp(takenBy(members, level), low, high))),
  );
  const zoneFair = zones.map(({ members, low, high }) =>
    clamp(takenBy(members, shared), low, high),
  );
  const zoneQuotas = apportion(zoneFair, total);
  const shares: FairShare[] = [];
  for (const [zone, { members }] of zones.entries()) {
    const level = levelOf(zoneFair[zone] as number, arcs, (level) => takenBy(members, level));
    const fair = members.map((node) => Math.min(arcs, (weights[node] as number) * level));
    const quotas = apportion(fair, zoneQuotas[zone] as number);
    for (const [at, node] of members.entries()) {
      shares[node] = shareFrom(fair[at] as number, quotas[at] as number);
    }
  }
  return shares;
}

function shareFrom(fair: number, quota: number): FairShare {
  const capacity = Math.max(Math.ceil(LOAD_FACTOR * fair - ROUNDING), quota);
  return { fair, quota, capacity };
}

/** Fair shares are found by halving, to far better than this: one so near a whole number is it. */
const ROUNDING = 1e-6;

/** Where a rising function reaches `wanted`. At a level of `highest` every node is full. */
function levelOf(wanted: number, highest: number, taken: (level: number) => number): number {
  let low = 0;
  let high = highest;
  for (let halvings = 0; halvings < 80; halvings++) {
    const middle = (low + high) / 2;
    if (taken(middle) < wanted) low = middle;
    else high = middle;
  }
  return high;
}

/** Whole numbers that add up to `total`: the largest fractions are rounded up (Hamilton). */
function apportion(fair: readonly number[], total: number): readonly number[] {
  const quotas = fair.map((share) => Math.floor(share + ROUNDING));
  const fraction = (at: number) => (fair[at] as number) - (quotas[at] as number);
  const order = [...fair.keys()].sort((a, b) => fraction(b) - fraction(a) || a - b);
  const missing = total - sum(quotas);
  assert(missing >= 0 && missing <= fair.length, 'the shares add up to the total');
  for (const at of order.slice(0, missing)) quotas[at] = (quotas[at] as number) + 1;
  return quotas;
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
