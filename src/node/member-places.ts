/** Where members were heard from: fresher than the map while they move. */

import type { MemberId, NodeId, ShardId } from '../base/ids.ts';
import { NODE_LIMITS } from '../base/node-limits.ts';

export class MemberPlaces {
  /** By shard: the id of a member is unique within its shard only. */
  readonly #places = new Map<ShardId, Map<MemberId, NodeId>>();

  /** Undefined for a member that was not heard in this life. */
  nodeOf(shard: ShardId, member: MemberId): NodeId | undefined {
    return this.#places.get(shard)?.get(member);
  }

  heard(shard: ShardId, member: MemberId, node: NodeId): void {
    const places = this.#places.get(shard);
    if (places === undefined) {
      this.#places.set(shard, new Map([[member, node]]));
      return;
    }
    // Former members accumulate; present ones are heard again soon.
    if (places.size >= NODE_LIMITS.membersMax && !places.has(member)) places.clear();
    places.set(member, node);
  }
}
