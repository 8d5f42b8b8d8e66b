/** A map of a cluster in which every node has a replica of every shard. */

import type { MemberId, NodeId, ShardId } from '../../../src/base/ids.ts';
import type { ClusterMap, ShardRow } from '../../../src/catalog/cluster-map.ts';
import { arcStart } from '../../../src/ring/arc.ts';

interface MapTerms {
  readonly nodes: number;
  readonly shards: number;
  readonly version: number;
}

export function urlOf(node: number): string {
  return `ws://node-${node}:7400`;
}

export function mapOf({ nodes, shards, version }: MapTerms): ClusterMap {
  const all = Array.from({ length: nodes }, (_, at) => (at + 1) as NodeId);
  return {
    version,
    clusterId: 'model',
    settings: { shards, replicas: nodes },
    nextNode: (nodes + 1) as NodeId,
    aimedAt: version,
    nodes: all.map((node) => ({
      node,
      revision: version,
      tokenDigest: new Uint8Array(32).fill(node),
      incarnation: 1,
      life: 1,
      name: `n${node}`,
      peerUrl: `ws://node-${node}:7401`,
      clientUrl: urlOf(node),
      weight: 100,
      zone: 'here',
      basis: { weight: 100, zone: 'here', isDrained: false },
      membership: 'active',
      replaces: 0 as NodeId,
    })),
    shards: Array.from({ length: shards + 1 }, (_, shard) =>
      rowOf(shard, all, { shards, version }),
    ),
  };
}

function rowOf(
  shard: number,
  nodes: readonly NodeId[],
  { shards, version }: { readonly shards: number; readonly version: number },
): ShardRow {
  return {
    shard: shard as ShardId,
    revision: version,
    epoch: 1,
    from: shard === 0 ? 0 : arcStart(shard - 1, shards),
    to: shard === 0 ? 0 : arcStart(shard, shards),
    founder: (shard * 100 + 1) as MemberId,
    isFounded: true,
    term: 1,
    goal: nodes,
    preferredNode: nodes[shard % nodes.length] as NodeId,
    members: nodes.map((node) => ({
      node,
      member: (shard * 100 + node) as MemberId,
      isWanted: true,
      isVoter: true,
    })),
  };
}
