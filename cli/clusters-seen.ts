/** The clusters that answer at the addresses that were asked: more than one is a split. Pure. */

/** A node that answered, and whose it is. */
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

/** In the order in which they were met. One that the configuration names counts as met. */
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
  const text = `cluster ${cluster}: ${who || 'no node that was asked, though it is configured'}`;
  return isUnwanted ? `${text}; it is not the configured one` : text;
}

/** Asked at two addresses, a node answers twice. */
function distinct(seen: readonly NodeSeen[]): ClusterSeen['nodes'] {
  const nodes = new Map(seen.map(({ node, url }) => [node, { node, url }]));
  return [...nodes.values()].sort((one, other) => one.node - other.node);
}
