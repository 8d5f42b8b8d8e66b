/** The differences from the former placement, and which replicas may move because of them. */

import type { Draft } from './draft.ts';
import type { Placement, Ring } from './ring.ts';
import type { Swap } from './shift.ts';

/** Nodes are indexes into `ring.nodes` here. */
export interface Change {
  /** For each arc, those of its holders that are still on the ring. */
  readonly before: readonly (readonly number[])[];
  readonly hasNewZone: readonly boolean[];
  /**
   * New nodes, those in a new zone and those that became heavier: they may receive from any node.
   */
  readonly isGaining: readonly boolean[];
  /** Those that only became lighter: they may give to any node. */
  readonly isLosing: readonly boolean[];
}

/** Without a placement before, every node is new. */
export function changeSince(
  previous: Placement | undefined,
  { ring, arcs }: { readonly ring: Ring; readonly arcs: number },
): Change {
  const indexes = new Map(ring.nodes.map(({ node }, at) => [node, at]));
  const formers = new Map(previous?.nodes.map((node) => [node.node, node]));
  const compared = ring.nodes.map(({ node, weight, zone }) => {
    const former = formers.get(node);
    const hasNewZone = former !== undefined && former.zone !== zone;
    const isGaining = former === undefined || hasNewZone || former.weight < weight;
    const isLosing = former !== undefined && !isGaining && former.weight > weight;
    return { hasNewZone, isGaining, isLosing };
  });
  return {
    before: Array.from({ length: arcs }, (_, arc) =>
      (previous?.arcs[arc] ?? []).flatMap((node) => indexes.get(node) ?? []),
    ),
    hasNewZone: compared.map(({ hasNewZone }) => hasNewZone),
    isGaining: compared.map(({ isGaining }) => isGaining),
    isLosing: compared.map(({ isLosing }) => isLosing),
  };
}

/**
 * Whether everything that can stay lies where it lay after a swap: an arc gains no more nodes from
 * among the old ones than it had vacancies from departures, or lost from losing nodes. Coming back
 * is not a gain.
 */
export function isFree(
  draft: Draft,
  { before, isGaining, isLosing }: Change,
  { arc, from, to, vacancies }: Swap & { readonly vacancies: number },
): boolean {
  const holdersBefore = before[arc] as readonly number[];
  const isGained = (node: number) => !holdersBefore.includes(node) && isGaining[node] !== true;
  const isLost = (node: number) =>
    isLosing[node] === true && node !== to && (node === from || !draft.holds(arc, node));
  const gained = count(draft.holdersOf(arc), (node) => node !== from && isGained(node));
  return gained + (isGained(to) ? 1 : 0) <= vacancies + count(holdersBefore, isLost);
}

function count(nodes: readonly number[], isCounted: (node: number) => boolean): number {
  let counted = 0;
  for (const node of nodes) if (isCounted(node)) counted++;
  return counted;
}
