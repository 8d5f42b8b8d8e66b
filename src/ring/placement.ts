/** Places every arc. The ring proposes; an arc that is placed well stays where it is. */

import { assert, present } from '../base/assert.ts';
import { arcStart } from './arc.ts';
import { type Change, changeSince, isFree } from './change.ts';
import { Draft } from './draft.ts';
import { type Placement, type Ring, type RingNode, walk } from './ring.ts';
import { shareOf } from './share.ts';
import { type Swap, shift } from './shift.ts';
import { spreadOver } from './spread.ts';

interface PlaceOptions {
  readonly ring: Ring;
  readonly arcs: number;
  readonly replicas: number;
  /**
   * The placement to change as little as possible. Without it, the result depends on the rest
   * alone.
   */
  readonly previous?: Placement | undefined;
}

/** Known before the first replica is placed. */
interface Plan {
  /** For each arc, all nodes as its start proposes them. */
  readonly walks: readonly (readonly number[])[];
  readonly quotas: readonly number[];
  readonly capacities: readonly number[];
  readonly change: Change;
}

/**
 * Every arc gets `replicas` distinct nodes, or all nodes if there are fewer, spread over the zones
 * as `spreadOver` says; no node gets above its capacity, as `shareOf` says.
 *
 * Between two nodes that were there before, with the same weight and zone, a replica moves in one
 * case only: when otherwise some node would have to stay above its capacity.
 */
export function place({ ring, arcs, replicas, previous }: PlaceOptions): Placement {
  assert(replicas >= 1, 'an arc has a replica');
  assert(previous === undefined || previous.arcs.length === arcs, 'the arcs are the same');
  const spread = spreadOver(ring, replicas);
  const shares = shareOf(ring, arcs, spread);
  const draft = new Draft({ arcs, spread });
  const plan: Plan = {
    walks: Array.from({ length: arcs }, (_, arc) => walk(ring, arcStart(arc, arcs))),
    quotas: shares.map(({ quota }) => quota),
    capacities: shares.map(({ capacity }) => capacity),
    change: changeSince(previous, { ring, arcs }),
  };
  for (let arc = 0; arc < arcs; arc++) keep(draft, arc, plan);
  const vacancies = plan.walks.map((_, arc) => Math.max(draft.vacanciesOf(arc), 0));
  for (let arc = 0; arc < arcs; arc++) release(draft, arc, plan);
  for (let arc = 0; arc < arcs; arc++) fill(draft, arc, plan);
  for (const above of [plan.capacities, plan.quotas]) invite(draft, above, plan);
  balance(draft, vacancies, plan);
  for (let arc = 0; arc < arcs; arc++) assert(draft.isComplete(arc), 'every arc is complete');
  return {
    nodes: ring.nodes,
    arcs: plan.walks.map((walked, arc) =>
      walked
        .filter((node) => draft.holds(arc, node))
        .map((node) => (ring.nodes[node] as RingNode).node),
    ),
  };
}

/** Takes over the former placement. A node in a new zone keeps what fits with the others. */
function keep(draft: Draft, arc: number, { change }: Plan): void {
  const holders = change.before[arc] as readonly number[];
  for (const node of holders) if (!change.hasNewZone[node]) draft.put(arc, node);
  for (const node of holders) {
    if (change.hasNewZone[node] && draft.fits(arc, node)) draft.put(arc, node);
  }
}

/** Removes what the spread no longer allows: from the node furthest above its quota. */
function release(draft: Draft, arc: number, { walks, quotas }: Plan): void {
  for (let excess = draft.excessOf(arc); excess.length > 0; excess = draft.excessOf(arc)) {
    const surplus = (node: number) => (draft.loads[node] as number) - (quotas[node] as number);
    const farthestFirst = [...(walks[arc] as readonly number[])].reverse();
    const candidates = farthestFirst.filter((node) => excess.includes(node));
    draft.remove(arc, greatest(candidates, surplus));
  }
}

/** Completes an arc along its walk: with nodes below their quota, else below their capacity. */
function fill(draft: Draft, arc: number, { walks, quotas, capacities }: Plan): void {
  while (!draft.isComplete(arc)) {
    const candidates = (walks[arc] as readonly number[]).filter((node) => draft.fits(arc, node));
    const firstBelow = (limits: readonly number[]) =>
      candidates.find((node) => (draft.loads[node] as number) < (limits[node] as number));
    const chosen = firstBelow(quotas) ?? firstBelow(capacities) ?? candidates[0];
    draft.put(arc, present(chosen, 'the spread leaves a node for every replica'));
  }
}

/**
 * Each gaining node takes replicas up to its quota from nodes above the given bound: of the arcs on
 * whose walk it comes first, so that the ring's order is kept.
 */
function invite(draft: Draft, above: readonly number[], { walks, quotas, change }: Plan): void {
  const surplus = (node: number) => (draft.loads[node] as number) - (above[node] as number);
  for (const guest of quotas.keys()) {
    if (!change.isGaining[guest]) continue;
    const ranks = walks.map((walked) => walked.indexOf(guest));
    const arcs = [...ranks.keys()].sort(
      (a, b) => (ranks[a] as number) - (ranks[b] as number) || a - b,
    );
    for (const arc of arcs) {
      if ((draft.loads[guest] as number) >= (quotas[guest] as number)) break;
      const givers = draft
        .holdersOf(arc)
        .filter((node) => surplus(node) > 0 && draft.canSwap(arc, node, guest));
      if (givers.length > 0) draft.swap(arc, greatest(givers, surplus), guest);
    }
  }
}

/** To the quotas as far as nothing moves that can stay; to the capacities at any price. */
function balance(draft: Draft, vacancies: readonly number[], plan: Plan): void {
  const { quotas, capacities, change } = plan;
  const mayMove = (swap: Swap) =>
    isFree(draft, change, { ...swap, vacancies: vacancies[swap.arc] as number });
  shift(draft, { above: quotas, below: quotas, mayMove });
  shift(draft, { above: capacities, below: capacities, mayMove });
  shift(draft, { above: capacities, below: capacities, mayMove: () => true });
}

/** The first of those with the highest value. */
function greatest(nodes: readonly number[], value: (node: number) => number): number {
  return nodes.reduce(
    (best, node) => (value(node) > value(best) ? node : best),
    present(nodes[0], 'there is one to choose'),
  );
}
