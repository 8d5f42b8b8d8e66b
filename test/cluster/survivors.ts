/** Which nodes may be lost without the loss of a shard's majority. */

import type { MemberId } from '../../src/base/ids.ts';
import type { ClusterMap, Member } from '../../src/catalog/cluster-map.ts';
import type { Configuration } from '../../src/raft/configuration.ts';
import type { Computer } from './computer.ts';

/**
 * Whether every shard keeps a majority on the others: in each configuration that any replica knows
 * or may soon agree to. Checked while all nodes are up, so that no replica is overlooked.
 */
export function canSpare(computers: readonly Computer[], spared: ReadonlySet<Computer>): boolean {
  const map = newestMap(computers);
  if (map === undefined) return false;
  for (const { shard, members, goal } of map.shards) {
    // A corrupted copy may be useless once a request reads the row.
    const stays = (computer: Computer | undefined) =>
      computer !== undefined &&
      !computer.isLost &&
      !spared.has(computer) &&
      !computer.rotten.has(shard) &&
      computer.core?.state.replicas.get(shard)?.status().mayVote !== false;
    const onNode = (node: number) => stays(computers.find((one) => one.node === node));
    const home = new Map(members.map(({ member, node }) => [member, node]));
    for (const { core, node } of computers) {
      const replica = core?.state.replicas.get(shard);
      if (replica !== undefined && node !== undefined) home.set(replica.member, node);
    }
    const isOn = (member: MemberId) => onNode(home.get(member) ?? 0);
    const sets: boolean[][] = [goal.map(onNode)];
    sets.push(members.filter(({ isWanted }) => isWanted).map(({ node }) => onNode(node)));
    for (const configuration of configurationsOf(computers, shard)) {
      sets.push(configuration.voters.map(isOn), configuration.outgoing.map(isOn));
      // A leader that has not detected the loss yet may make it a voter: one of two, perhaps.
      const isNew = ({ member, isWanted }: Member) =>
        isWanted && !isOn(member) && !configuration.voters.includes(member);
      const lost = members.filter(isNew).map(() => false);
      sets.push([...configuration.voters.map(isOn), ...lost]);
    }
    for (const set of sets) {
      if (set.length > 0 && set.filter(Boolean).length * 2 <= set.length) return false;
    }
    // A shard that was never founded has one member that can found it.
    if (!members.some(({ member }) => isOn(member))) return false;
  }
  return true;
}

function configurationsOf(computers: readonly Computer[], shard: number): Configuration[] {
  const found: Configuration[] = [];
  for (const { core } of computers) {
    for (const replica of core?.state.replicas.all ?? []) {
      if (replica.shard === shard) found.push(replica.status().configuration.configuration);
    }
  }
  return found;
}

export function newestMap(computers: readonly Computer[]): ClusterMap | undefined {
  let newest: ClusterMap | undefined;
  for (const { core } of computers) {
    const map = core?.state.map;
    if (map !== undefined && map.version > (newest?.version ?? 0)) newest = map;
  }
  return newest;
}
