/**
 * The capacity of the links to other nodes, as replicas see it: the shards of a node share them.
 */

import type { MemberId, NodeId, ShardId } from '../base/ids.ts';
import type { Links, LinkUse } from '../raft/ready.ts';
import type { LaneRoom, PeerAddress } from '../transport/transport.ts';

interface LinkCapacityOptions {
  readonly roomTo: (to: PeerAddress) => LaneRoom;
  readonly nodeOf: (shard: ShardId, member: MemberId) => NodeId | undefined;
}

const LANE = { append: 'main', chunk: 'bulk' } as const;

export class LinkCapacity {
  readonly #options: LinkCapacityOptions;
  /** Bytes taken in this turn, by node: the transport gets them at the end of the turn. */
  readonly #taken = { append: new Map<NodeId, number>(), chunk: new Map<NodeId, number>() };
  /** Shards that found a link full. */
  readonly #refused = new Map<NodeId, Set<ShardId>>();

  constructor(options: LinkCapacityOptions) {
    this.#options = options;
  }

  of(shard: ShardId): Links {
    return {
      room: (member, use) => {
        const node = this.#options.nodeOf(shard, member);
        return node === undefined ? Number.POSITIVE_INFINITY : this.#room(shard, node, use);
      },
      taken: (member, use, bytes) => {
        const node = this.#options.nodeOf(shard, member);
        if (node === undefined) return;
        const taken = this.#taken[use];
        taken.set(node, (taken.get(node) ?? 0) + bytes);
      },
    };
  }

  /** Everything taken is with the transport. */
  endTurn(): void {
    this.#taken.append.clear();
    this.#taken.chunk.clear();
  }

  /** The shards that found the link to this node full, once. */
  takeRefused(node: NodeId): readonly ShardId[] {
    const shards = [...(this.#refused.get(node) ?? [])];
    this.#refused.delete(node);
    return shards;
  }

  #room(shard: ShardId, node: NodeId, use: LinkUse): number {
    const { soon } = this.#options.roomTo({ node, lane: LANE[use] });
    const room = Math.max(soon - (this.#taken[use].get(node) ?? 0), 0);
    if (room === 0) {
      const refused = this.#refused.get(node) ?? new Set();
      this.#refused.set(node, refused.add(shard));
    }
    return room;
  }
}
