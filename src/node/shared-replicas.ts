/** What the replicas here hear of a peer that has members of their shards. */

import type { NodeId } from '../base/ids.ts';
import type { Replica } from '../shard/replica.ts';
import type { LinkCapacity } from './link-capacity.ts';
import type { MapCache } from './map-cache.ts';
import type { Replicas } from './replicas.ts';

interface Here {
  readonly replicas: Replicas;
  readonly maps: MapCache;
  readonly links: LinkCapacity;
}

/** Shards that sleep must look whether the node is still there. */
export function wakeSharedWith(here: Here, node: NodeId): void {
  for (const replica of sharedWith(here, node)) replica.step({ type: 'wake' });
}

/** What was on its way to the node may be lost. */
export function loseTouchWith(here: Here, node: NodeId): void {
  for (const replica of sharedWith(here, node)) {
    const member = replica.isLeader ? here.maps.memberOn(replica.shard, node) : undefined;
    if (member !== undefined) replica.step({ type: 'unreachable', member });
  }
}

/** What waited for the link has left. */
export function openLinkTo({ links, replicas }: Here, node: NodeId): void {
  for (const shard of links.takeRefused(node)) {
    const replica = replicas.get(shard);
    if (replica?.isLeader === true) replica.step({ type: 'link-open' });
  }
}

function sharedWith({ replicas, maps }: Here, node: NodeId): readonly Replica[] {
  return [...replicas.all].filter(({ shard }) => maps.memberOn(shard, node) !== undefined);
}
