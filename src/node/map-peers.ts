/** The nodes of a map: the peers to connect to, and whether this node is one of them. */

import type { ClusterMap } from '../catalog/cluster-map.ts';
import { isRemoved } from '../catalog/membership.ts';
import type { Transport } from '../transport/transport.ts';
import type { NodeParts } from './node-parts.ts';

/** Required: called after every change of the map. A node whose row was deleted has to end. */
export function followMap(core: NodeParts, transport: Transport, map: ClusterMap): void {
  const { self, peers, standing, now } = core;
  if (isRemoved(map, self.node))
    return core.end('removed', 'the cluster map no longer lists this node');
  const others = map.nodes.filter(({ node }) => node !== self.node);
  peers.set(
    others.map(({ node }) => node),
    now,
  );
  transport.setPeers(
    others.map((row) => ({ node: row.node, url: row.peerUrl, lives: standing.livesOf(row) })),
    map.nextNode,
  );
}
