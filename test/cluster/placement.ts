/** Whether every shard lies where it should: all of its replicas, and none on a lost node. */

import { CATALOG_LIMITS } from '../../src/base/limits.ts';
import {
  CATALOG_SHARD,
  type ClusterMap,
  type NodeRow,
  type ShardRow,
} from '../../src/catalog/cluster-map.ts';
import type { Computer } from './computer.ts';
import { newestMap } from './survivors.ts';

/** Why not yet; derived from the rules again, without the planner's code. */
export function misplacementOf(computers: readonly Computer[]): string | undefined {
  const map = newestMap(computers);
  if (map === undefined) return 'there is no map';
  const there = computers.filter(({ isLost }) => !isLost);
  const lost = map.nodes.find(({ node }) => !there.some((one) => one.node === node));
  if (lost !== undefined) return `node ${lost.node} is gone, and still a member`;
  const absent = there.find(({ node }) => !map.nodes.some((row) => row.node === node));
  if (absent !== undefined) return `${absent.url} is not a member`;
  for (const row of map.shards) {
    const fault = faultOf(row, map) ?? leaderFaultOf(row, map, there);
    if (fault !== undefined) return `shard ${row.shard} ${fault}`;
  }
  return undefined;
}

function faultOf(row: ShardRow, { nodes, settings }: ClusterMap): string | undefined {
  const { goal, members, shard } = row;
  const active = nodes.filter(({ membership }) => membership === 'active').length;
  const able = nodes.filter(({ membership }) => membership !== 'removing').length;
  const carriers = Math.max(active, Math.min(able, settings.replicas));
  const odd = Math.min(carriers, CATALOG_LIMITS.catalogVotersMax);
  const isCatalog = shard === CATALOG_SHARD;
  const size = isCatalog ? odd - ((odd + 1) % 2) : Math.min(settings.replicas, carriers);
  if (goal.length !== size) return `shall have ${goal.length} replicas and should have ${size}`;
  const voting = members.filter(({ isVoter, isWanted }) => isVoter && isWanted);
  if (voting.length !== size) return `has ${voting.length} voters and should have ${size}`;
  if (members.length !== size) return `lists ${members.length} members and should have ${size}`;
  const drained = voting.filter(({ node }) => isDrained(nodes, node));
  const isRoom = active >= size;
  return isRoom && drained.length > 0 ? 'has a replica on a drained node' : undefined;
}

/** A drained node leads only where no other one could. */
function leaderFaultOf(
  { shard, members }: ShardRow,
  { nodes }: ClusterMap,
  computers: readonly Computer[],
): string | undefined {
  const leader = computers.find(({ core }) => core?.state.replicas.get(shard)?.isLeader);
  if (leader === undefined) return 'has no leader';
  const isOther = members.some(({ node }) => !isDrained(nodes, node));
  return isOther && isDrained(nodes, leader.node) ? 'is led by a drained node' : undefined;
}

function isDrained(nodes: readonly NodeRow[], node: number | undefined): boolean {
  return nodes.some((row) => row.node === node && row.membership !== 'active');
}
