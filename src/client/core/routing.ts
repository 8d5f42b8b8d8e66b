/** Routing: the shard of a key, and the node to ask for it. */

import { present } from '../../base/assert.ts';
import type { NodeId, ShardId } from '../../base/ids.ts';
import type { ClusterMap, ShardRow } from '../../catalog/cluster-map.ts';
import { decodeMap } from '../../catalog/map-bytes.ts';
import { nodeNumbered, shardAt } from '../../catalog/questions.ts';
import { keyPosition, tagIn } from '../../ring/key-position.ts';
import { type KeyRange, keysBeginWith } from './range.ts';

/** The map and the known leaders may be old; answers of nodes correct them. */
export class Routing {
  #map: ClusterMap | undefined;
  readonly #leaders = new Map<ShardId, NodeId>();

  get map(): ClusterMap | undefined {
    return this.#map;
  }

  /** False if the bytes are not a map of this cluster. */
  take(bytes: Uint8Array): boolean {
    const map = decodeMap(bytes, this.#map);
    if (map === undefined) return false;
    this.#map = map;
    for (const [shard, leader] of this.#leaders) {
      const isMember = this.rowOf(shard)?.members.some(({ node }) => node === leader);
      if (!isMember) this.#leaders.delete(shard);
    }
    return true;
  }

  /** Required: there is a map. */
  readonly shardOf = (key: Uint8Array): ShardId => {
    return shardAt(present(this.#map, 'there is a map'), keyPosition(key)).shard;
  };

  /** Required: the shard is on the map, where it stays. */
  readonly epochOf = (shard: ShardId): number => {
    return present(this.rowOf(shard), 'a shard stays on the map').epoch;
  };

  rowOf(shard: ShardId): ShardRow | undefined {
    return this.#map?.shards[shard];
  }

  /**
   * The shards that can hold keys of a range: one, if all its keys begin with the same complete
   * tag. Required: there is a map.
   */
  shardsOf(range: KeyRange): readonly ShardId[] {
    const tag = tagIn(range.from);
    const prefix = tag && range.from.subarray(0, tag.end + 1);
    const isOne = prefix !== undefined && keysBeginWith(range, prefix);
    return isOne ? [this.shardOf(prefix)] : this.shards;
  }

  /** All shards that hold keys. */
  get shards(): readonly ShardId[] {
    return this.#map?.shards.slice(1).map(({ shard }) => shard) ?? [];
  }

  /** The leader as far as is known: the named one, else the preferred one, else any member. */
  leaderOf(shard: ShardId): NodeId | undefined {
    const row = this.rowOf(shard);
    if (row === undefined) return undefined;
    const named = this.#leaders.get(shard);
    if (named !== undefined) return named;
    const preferred = row.members.find(({ node }) => node === row.preferredNode);
    return (preferred ?? row.members[0])?.node;
  }

  /** A node has named the leader. False if the map does not list it. */
  learn(shard: ShardId, leader: NodeId): boolean {
    if (this.#map === undefined || nodeNumbered(this.#map, leader) === undefined) return false;
    this.#leaders.set(shard, leader);
    return true;
  }

  /** This node does not lead or cannot be reached: the next member may know the leader. */
  doubt(shard: ShardId, node: NodeId): void {
    if (this.leaderOf(shard) !== node) return;
    const members = this.rowOf(shard)?.members ?? [];
    const at = members.findIndex((member) => member.node === node);
    const next = members[(at + 1) % Math.max(1, members.length)];
    if (next !== undefined) this.#leaders.set(shard, next.node);
  }

  urlOf(node: NodeId): string | undefined {
    return this.#map === undefined ? undefined : nodeNumbered(this.#map, node)?.clientUrl;
  }
}
