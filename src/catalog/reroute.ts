/** Changes goals that wait for a silent node while another node waits to be emptied. */

import type { NodeId } from '../base/ids.ts';
import type { ClusterMap, NodeRow, ShardRow } from './cluster-map.ts';
import type { AimedShard } from './command.ts';
import { memberOn, wantedNodes } from './questions.ts';

/**
 * The goals of all rows with silent newcomers replaced by live nodes, in shards that wait for
 * nothing else; undefined if none can be.
 *
 * A silent node keeps the replicas that it has, because it usually comes back. But it is given none
 * that a drained, removed or replaced node still holds: that node would wait for it for ever.
 */
export function reroute(
  map: ClusterMap,
  liveFor: ReadonlyMap<NodeId, number>,
): readonly AimedShard[] | undefined {
  const rows = map.nodes.filter(({ basis }) => basis !== undefined);
  const live = rows.filter(({ node, basis }) => liveFor.has(node) && basis?.isDrained === false);
  const held = new Map(rows.map(({ node }) => [node, 0]));
  for (const node of map.shards.flatMap(({ goal }) => goal)) {
    held.set(node, (held.get(node) ?? 0) + 1);
  }
  let isChanged = false;
  const shards = map.shards.map((row): AimedShard => {
    const { preferredNode } = row;
    let goal = row.goal;
    for (const silent of awaitedInVain(row, map, liveFor)) {
      const free = live.filter(({ node }) => !goal.includes(node) && mayHold(row, node));
      const other = bestOf(free, { zones: zonesOf(goal, silent, rows), held });
      if (other === undefined) continue;
      goal = [...goal.filter((node) => node !== silent), other.node].sort((a, b) => a - b);
      held.set(other.node, (held.get(other.node) ?? 0) + 1);
      held.set(silent, (held.get(silent) ?? 1) - 1);
      isChanged = true;
    }
    const isKept = goal.includes(preferredNode) || goal === row.goal;
    const leader = goal.find((node) => liveFor.has(node)) ?? goal[0] ?? preferredNode;
    return { goal, preferredNode: isKept ? preferredNode : leader };
  });
  return isChanged ? shards : undefined;
}

/** Silent nodes of the goal without a replica yet, where a node to be emptied holds one. */
function awaitedInVain(
  row: ShardRow,
  { nodes }: ClusterMap,
  liveFor: ReadonlyMap<NodeId, number>,
): readonly NodeId[] {
  const hasBasis = (one: NodeId) => {
    return nodes.some(({ node, basis }) => node === one && basis !== undefined);
  };
  const voting = row.members.filter(({ isVoter }) => isVoter).map(({ node }) => node);
  const wanted = wantedNodes(row);
  const isEmptied = [...voting, ...wanted].some((node) => !hasBasis(node));
  if (!isEmptied) return [];
  return row.goal.filter((node) => !liveFor.has(node) && !voting.includes(node));
}

/** A former member of the shard on that node has to be removed first. */
function mayHold(row: ShardRow, node: NodeId): boolean {
  const listed = memberOn(row, node);
  return listed === undefined || listed.isWanted;
}

function zonesOf(goal: readonly NodeId[], without: NodeId, rows: readonly NodeRow[]): string[] {
  const others = goal.filter((node) => node !== without);
  return rows.filter(({ node }) => others.includes(node)).map(({ zone }) => zone);
}

/** In a zone that the shard does not use yet, and with the least load for its weight. */
function bestOf(
  free: readonly NodeRow[],
  {
    zones,
    held,
  }: { readonly zones: readonly string[]; readonly held: ReadonlyMap<NodeId, number> },
): NodeRow | undefined {
  const rank = ({ node, zone, weight }: NodeRow) => {
    const shared = zones.filter((other) => other === zone).length;
    return [shared, (held.get(node) ?? 0) / Math.max(weight, 1)] as const;
  };
  return [...free].sort((one, other) => {
    const [sharedOne, loadOne] = rank(one);
    const [sharedOther, loadOther] = rank(other);
    return sharedOne - sharedOther || loadOne - loadOther || one.node - other.node;
  })[0];
}
