/** Groups the nodes that answered by cluster: more than one cluster is a split. Pure. */

/** A node that answered, and its cluster. */
export interface NodeSeen {
  readonly url: string;
  readonly cluster: string;
  readonly node: number;
}

export interface ClusterSeen {
  readonly cluster: string;
  /** The configuration names another one. */
  readonly isUnwanted: boolean;
  readonly nodes: readonly { readonly node: number; readonly url: string }[];
}

/** In order of appearance. The cluster that the configuration names comes first. */
export function clustersAmong(seen: readonly NodeSeen[], pinned: string): readonly ClusterSeen[] {
  const answered = seen.filter(({ cluster }) => cluster !== '');
  const found = answered.map(({ cluster }) => cluster);
  const named = pinned === '' || found.length === 0 ? [] : [pinned];
  return [...new Set([...named, ...found])].map((cluster) => ({
    cluster,
    isUnwanted: pinned !== '' && cluster !== pinned,
    nodes: distinct(answered.filter((one) => one.cluster === cluster)),
  }));
}

export function clusterText({ cluster, isUnwanted, nodes }: ClusterSeen): string {
  const who = nodes.map(({ node, url }) => `node ${node} (${url})`).join(', ');
  const text = `cluster ${cluster}: ${who || 'configured, but no queried node belongs to it'}`;
  return isUnwanted ? `${text}; it is not the configured one` : text;
}

/** A node that was queried at two addresses answers twice. */
function distinct(seen: readonly NodeSeen[]): ClusterSeen['nodes'] {
  const nodes = new Map(seen.map(({ node, url }) => [node, { node, url }]));
  return [...nodes.values()].sort((one, other) => one.node - other.node);
}
