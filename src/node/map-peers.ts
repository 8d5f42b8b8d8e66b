/** The nodes of a map: the peers to connect to, and whether this node is one of them. */

import type { ClusterMap } from '../catalog/cluster-map.ts';
import { isRemoved } from '../catalog/membership.ts';
import type { NodeState } from './node-state.ts';
import type { OwnLife } from './own-life.ts';

/** Required: called after every change of the map. A node whose row was deleted has to end. */
export function followMap(node: NodeState, ownLife: OwnLife, map: ClusterMap): void {
  const { self, peers, transport, now } = node;
  if (isRemoved(map, self.node))
    return node.end('removed', 'the cluster map no longer lists this node');
  const others = map.nodes.filter((row) => row.node !== self.node);
  peers.set(
    others.map((row) => row.node),
    now,
  );
  transport.setPeers(
    others.map((row) => {
      const { node: number, peerUrl: url, name } = row;
      return { node: number, url, name, lives: ownLife.livesOf(row) };
    }),
    map.nextNode,
  );
}
