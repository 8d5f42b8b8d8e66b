/** Where all shards shall lie in the end: asked of the ring when the nodes changed. */

import { present } from '../base/assert.ts';
import type { NodeId } from '../base/ids.ts';
import { CATALOGUE_LIMITS } from '../base/limits.ts';
import { place } from '../ring/planner.ts';
import { buildRing, type RingNode } from '../ring/ring.ts';
import { CATALOGUE_SHARD, type ClusterMap, NO_NODE, type NodeRow } from './cluster-map.ts';
import type { Aim, AimedNode } from './command.ts';
import { spreadPreferred } from './preferred.ts';

/**
 * New goals, if the nodes are not those that the present ones were made for; made from the present
 * goals, so that the ring moves what it must and no more.
 *
 * A node counts once it has been alive for a while, and from then on, alive or not: a node that
 * falls silent comes back more often than not, and its data would have to be copied twice.
 */
export function aimFor(map: ClusterMap, liveFor: ReadonlyMap<NodeId, number>): Aim | undefined {
  const nodes = map.nodes.filter((row) => isOfUse(row, liveFor)).map(aimedNode);
  if (nodes.length === 0 || isBasis(map, nodes)) return undefined;
  const catalogue = catalogueGoal(nodes, map.shards[CATALOGUE_SHARD]?.goal ?? []);
  const rows = map.shards.slice(1);
  const { arcs } = place({
    ring: buildRing(nodes),
    arcs: map.settings.shards,
    replicas: map.settings.replicas,
    previous: { nodes: basisOf(map), arcs: rows.map(({ goal }) => goal) },
  });
  const goals = arcs.map(rising);
  const preferred = spreadPreferred({
    goals,
    previous: rows.map(({ preferredNode }) => preferredNode),
    weights: new Map(nodes.map(({ node, weight }) => [node, weight])),
  });
  const shards = goals.map((goal, at) => {
    return { goal, preferredNode: present(preferred[at], 'every shard has a preferred node') };
  });
  const first = { goal: catalogue, preferredNode: NO_NODE };
  return { type: 'aim', aimedAt: map.aimedAt, nodes, shards: [first, ...shards] };
}

/**
 * The catalogue's nodes: an odd number, spread over the zones as evenly as they allow; of those
 * that would do equally well the ones that have it already, then the eldest.
 */
function catalogueGoal(nodes: readonly AimedNode[], present: readonly NodeId[]): NodeId[] {
  const most = Math.min(nodes.length, CATALOGUE_LIMITS.catalogueVotersMax);
  const size = most % 2 === 1 ? most : most - 1;
  const chosen: AimedNode[] = [];
  const rank = ({ node, zone }: AimedNode) => {
    const inZone = chosen.filter((other) => other.zone === zone).length;
    return inZone * 2 + (present.includes(node) ? 0 : 1);
  };
  while (chosen.length < size) {
    const left = nodes.filter((node) => !chosen.includes(node));
    chosen.push(left.reduce((best, node) => (rank(node) < rank(best) ? node : best)));
  }
  return rising(chosen.map(({ node }) => node));
}

/** A node without weight holds nothing. */
function isOfUse({ node, weight, basis }: NodeRow, liveFor: ReadonlyMap<NodeId, number>): boolean {
  const isKnown = basis !== undefined;
  const alive = liveFor.get(node) ?? 0;
  return weight > 0 && (isKnown || alive >= CATALOGUE_LIMITS.newcomerMilliseconds);
}

function isBasis(map: ClusterMap, nodes: readonly AimedNode[]): boolean {
  const basis = basisOf(map);
  return (
    basis.length === nodes.length &&
    nodes.every(({ node, weight, zone }, at) => {
      const former = basis[at];
      return former?.node === node && former.weight === weight && former.zone === zone;
    })
  );
}

function basisOf({ nodes }: ClusterMap): RingNode[] {
  return nodes.flatMap(({ node, basis }) => (basis === undefined ? [] : [{ node, ...basis }]));
}

function aimedNode({ node, weight, zone }: NodeRow): AimedNode {
  return { node, weight, zone };
}

function rising(nodes: readonly NodeId[]): NodeId[] {
  return [...nodes].sort((one, other) => one - other);
}
