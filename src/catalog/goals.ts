/** The goals: where all shards shall lie in the end, computed by the ring when the nodes change. */

import { present } from '../base/assert.ts';
import type { NodeId } from '../base/ids.ts';
import { CATALOG_LIMITS } from '../base/limits.ts';
import { place } from '../ring/placement.ts';
import { buildRing, type RingNode } from '../ring/ring.ts';
import { CATALOG_SHARD, type ClusterMap, NO_NODE, type NodeRow } from './cluster-map.ts';
import type { AimedNode, CommandOf } from './command.ts';
import { mayCarry } from './membership.ts';
import { spreadPreferred } from './preferred.ts';
import { isSameBasis } from './questions.ts';
import { reroute } from './reroute.ts';

/**
 * New goals, if the nodes differ from those that the present goals are based on; computed from the
 * present goals, so that the ring moves only what it must.
 *
 * A node counts once it has been alive for a while, and from then on, alive or not: a silent node
 * usually comes back, and its data would have to be copied twice.
 */
export function aimFor(
  map: ClusterMap,
  liveFor: ReadonlyMap<NodeId, number>,
): CommandOf<'aim'> | undefined {
  const nodes = carriersOf(map, liveFor).map(aimedNode);
  if (nodes.length === 0) return undefined;
  if (isBasis(map, nodes)) {
    const shards = reroute(map, liveFor);
    return shards && { type: 'aim', aimedAt: map.aimedAt, nodes, shards };
  }
  const catalog = catalogGoal(nodes, map.shards[CATALOG_SHARD]?.goal ?? []);
  const rows = map.shards.slice(1);
  const { arcs } = place({
    ring: buildRing(nodes),
    arcs: map.settings.shards,
    replicas: map.settings.replicas,
    previous: { nodes: basesOf(map), arcs: rows.map(({ goal }) => goal) },
  });
  const goals = arcs.map(rising);
  const preferred = spreadPreferred({
    goals: goals.map((goal) => leadersAmong(goal, nodes)),
    previous: rows.map(({ preferredNode }) => preferredNode),
    weights: new Map(nodes.map(({ node, weight }) => [node, weight])),
  });
  const shards = goals.map((goal, at) => {
    return { goal, preferredNode: present(preferred[at], 'every shard has a preferred node') };
  });
  const first = { goal: catalog, preferredNode: NO_NODE };
  return { type: 'aim', aimedAt: map.aimedAt, nodes, shards: [first, ...shards] };
}

/**
 * The nodes that the goals use: the active ones, and as many drained ones as the configured number
 * of replicas requires. Drained ones lose their leadership all the same.
 */
function carriersOf({ nodes, settings }: ClusterMap, liveFor: ReadonlyMap<NodeId, number>) {
  const ofUse = nodes.filter((row) => isOfUse(row, liveFor));
  const drained = ofUse.filter(({ membership }) => membership === 'draining');
  const missing = settings.replicas - (ofUse.length - drained.length);
  const kept = drained.slice(0, Math.max(missing, 0));
  return ofUse.filter((row) => row.membership === 'active' || kept.includes(row));
}

/** Drained nodes lead only shards that no other node holds. */
function leadersAmong(goal: readonly NodeId[], nodes: readonly AimedNode[]): readonly NodeId[] {
  const drained = new Set(nodes.filter(({ isDrained }) => isDrained).map(({ node }) => node));
  const able = goal.filter((node) => !drained.has(node));
  return able.length > 0 ? able : goal;
}

/**
 * The catalog's nodes: an odd number, spread over the zones as evenly as possible; among equals,
 * those that are not drained, then the present ones, then the eldest.
 */
function catalogGoal(nodes: readonly AimedNode[], present: readonly NodeId[]): NodeId[] {
  const most = Math.min(nodes.length, CATALOG_LIMITS.catalogVotersMax);
  const size = most % 2 === 1 ? most : most - 1;
  const chosen: AimedNode[] = [];
  const rank = ({ node, zone, isDrained }: AimedNode) => {
    const inZone = chosen.filter((other) => other.zone === zone).length;
    return inZone * 4 + (isDrained ? 2 : 0) + (present.includes(node) ? 0 : 1);
  };
  while (chosen.length < size) {
    const left = nodes.filter((node) => !chosen.includes(node));
    chosen.push(left.reduce((best, node) => (rank(node) < rank(best) ? node : best)));
  }
  return rising(chosen.map(({ node }) => node));
}

/** A node without weight holds nothing, and neither does one that is being removed. */
function isOfUse(row: NodeRow, liveFor: ReadonlyMap<NodeId, number>): boolean {
  const isKnown = row.basis !== undefined;
  const alive = liveFor.get(row.node) ?? 0;
  return mayCarry(row) && (isKnown || alive >= CATALOG_LIMITS.newcomerMilliseconds);
}

function isBasis(map: ClusterMap, nodes: readonly AimedNode[]): boolean {
  const bases = map.nodes.filter(({ basis }) => basis !== undefined);
  return (
    bases.length === nodes.length &&
    nodes.every((aimed, at) => {
      const former = bases[at];
      return former?.node === aimed.node && isSameBasis(former.basis, aimed);
    })
  );
}

function basesOf({ nodes }: ClusterMap): RingNode[] {
  return nodes.flatMap(({ node, basis }) => (basis === undefined ? [] : [{ node, ...basis }]));
}

function aimedNode({ node, weight, zone, membership }: NodeRow): AimedNode {
  return { node, weight, zone, isDrained: membership === 'draining' };
}

function rising(nodes: readonly NodeId[]): NodeId[] {
  return [...nodes].sort((one, other) => one - other);
}
