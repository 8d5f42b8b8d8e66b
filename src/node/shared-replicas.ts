/** What the replicas here learn about a peer that hosts members of their shards. */

import type { NodeId } from '../base/ids.ts';
import type { Replica } from '../shard/replica.ts';
import type { NodeState } from './node-state.ts';

/** Quiesced shards must check whether the node is still alive. */
export function wakeSharedWith(here: NodeState, node: NodeId): void {
  for (const replica of sharedWith(here, node)) replica.step({ type: 'wake' });
}

/** Messages in flight to the node may be lost. */
export function loseTouchWith(here: NodeState, node: NodeId): void {
  for (const replica of sharedWith(here, node)) {
    const member = replica.isLeader ? here.maps.memberOn(replica.shard, node) : undefined;
    if (member !== undefined) replica.step({ type: 'unreachable', member });
  }
}

/** The link has capacity again. */
export function openLinkTo({ links, replicas }: NodeState, node: NodeId): void {
  for (const shard of links.takeRefused(node)) {
    const replica = replicas.get(shard);
    if (replica?.isLeader === true) replica.step({ type: 'link-open' });
  }
}

function sharedWith({ replicas, maps }: NodeState, node: NodeId): readonly Replica[] {
  return [...replicas.all].filter(({ shard }) => maps.memberOn(shard, node) !== undefined);
}
