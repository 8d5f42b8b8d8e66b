/** What the replicas here learn about a peer that hosts members of their shards. */

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

/** Quiesced shards must check whether the node is still alive. */
export function wakeSharedWith(here: Here, node: NodeId): void {
  for (const replica of sharedWith(here, node)) replica.step({ type: 'wake' });
}

/** Messages in flight to the node may be lost. */
export function loseTouchWith(here: Here, node: NodeId): void {
  for (const replica of sharedWith(here, node)) {
    const member = replica.isLeader ? here.maps.memberOn(replica.shard, node) : undefined;
    if (member !== undefined) replica.step({ type: 'unreachable', member });
  }
}

/** The link has capacity again. */
export function openLinkTo({ links, replicas }: Here, node: NodeId): void {
  for (const shard of links.takeRefused(node)) {
    const replica = replicas.get(shard);
    if (replica?.isLeader === true) replica.step({ type: 'link-open' });
  }
}

function sharedWith({ replicas, maps }: Here, node: NodeId): readonly Replica[] {
  return [...replicas.all].filter(({ shard }) => maps.memberOn(shard, node) !== undefined);
}
