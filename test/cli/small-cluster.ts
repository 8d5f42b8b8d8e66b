/** What a cluster of few nodes and two shards says of itself. */

import type { NodeInfo } from '../../cli/node-info.ts';
import type { MemberId, NodeId, ShardId } from '../../src/base/ids.ts';
import type { ClusterMap, Member } from '../../src/catalog/cluster-map.ts';
import { MemoryStore } from './memory-store.ts';

export const NODES = [1, 2, 3];

/** Two data shards and the catalog, on as many nodes. */
export function mapOn(nodes: readonly number[], voters: readonly number[] = nodes): ClusterMap {
  const members = nodes.map((node): Member => {
    const isVoter = voters.includes(node);
    return { node: node as NodeId, member: node as MemberId, isWanted: true, isVoter };
  });
  const row = (shard: number, from: number, to: number) => ({
    shard: shard as ShardId,
    revision: 1,
    epoch: 1,
    from,
    to,
    founder: 1 as MemberId,
    isFounded: true,
    term: 1,
    goal: nodes as NodeId[],
    preferredNode: 1 as NodeId,
    members,
  });
  return {
    version: 9,
    clusterId: 'c1',
    settings: { shards: 2, replicas: 3 },
    nextNode: (nodes.length + 1) as NodeId,
    aimedAt: 1,
    nodes: nodes.map((node) => ({
      node: node as NodeId,
      revision: 1,
      tokenDigest: new Uint8Array(32),
      incarnation: 1,
      life: 1,
      name: `n${node}`,
      peerUrl: `ws://10.0.0.${node}:7400`,
      clientUrl: `ws://10.0.0.${node}:7400`,
      weight: 1,
      zone: '',
      basis: { weight: 1, zone: '', isDrained: false },
      membership: 'active',
      replaces: 0 as NodeId,
    })),
    shards: [row(0, 0, 0), row(1, 0, 2 ** 31), row(2, 2 ** 31, 2 ** 32)],
  };
}

/** The first node leads everything. */
export function infoOf(node: number, changes: Partial<NodeInfo> = {}): NodeInfo {
  const role = node === 1 ? 'leader' : 'follower';
  const replicas = [0, 1, 2].map((shard) => {
    const place = { applied: 10, last: 10, lagEntries: 0, stopReason: '', doubt: '' };
    return { shard, role, term: 3, leaderNode: 1, isQuarantined: false, ...place };
  });
  const log = { liveBytes: 1_234_567, longestSyncMilliseconds: 2.5, damages: 0 };
  const rest = {
    watch: { streams: 0, lagEntries: 0 },
    coordination: { leases: 0, owning: 0, waiting: 0 },
    moves: [],
    isGuarded: true,
    isReadOnly: false,
    isClosing: false,
    clients: 1,
    replicas,
    log,
  };
  const sound = { unconfirmed: '', consistency: { undecided: [] } };
  return { node, cluster: 'c1', ...rest, ...sound, ...changes };
}

/** Those that are up answer, and nothing waits there. */
export function clusterWith(up: readonly number[]): MemoryStore {
  const store = new MemoryStore();
  store.clusterMap = mapOn(NODES);
  for (const node of up) {
    const url = `ws://10.0.0.${node}:7400`;
    store.infos.set(url, infoOf(node));
    store.pendings.set(url, { node, transactions: [] });
  }
  return store;
}
