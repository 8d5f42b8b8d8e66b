/** When each row of the map last changed, as seen by this life of the node. */

import type { ShardId } from '../base/ids.ts';
import type { ClusterMap, ShardRow } from '../catalog/cluster-map.ts';

export class RowTimes {
  readonly #seen = new Map<ShardId, { readonly revision: number; readonly since: number }>();

  look({ shards }: ClusterMap, now: number): void {
    for (const { shard, revision } of shards) {
      if (this.#seen.get(shard)?.revision !== revision) {
        this.#seen.set(shard, { revision, since: now });
      }
    }
  }

  unchangedFor({ shard, revision }: ShardRow, now: number): number {
    const seen = this.#seen.get(shard);
    return seen?.revision === revision ? now - seen.since : 0;
  }
}
