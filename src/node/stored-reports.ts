/**
 * What other nodes have counted. Every replica of a shard counts it, and each count is as of an
 * entry: the newest is what counts. So neither a leader that moves nor one that is lost makes a
 * gap, and none is counted twice.
 */

import type { NodeId, ShardId } from '../base/ids.ts';
import type { StoredCount } from '../wire/node-message.ts';
import { STORAGE_QUOTA_LIMITS } from './limits.ts';

interface Report extends StoredCount {
  readonly from: NodeId;
  readonly at: number;
}

export class StoredReports {
  /** By ranges, then by shard. Bounded by the users with limits, and by the shards of the map. */
  readonly #reports = new Map<number, Map<ShardId, Report>>();

  of(id: number, shard: ShardId): StoredCount | undefined {
    return this.#reports.get(id)?.get(shard);
  }

  /** Required: the shard and the ranges are known here. */
  take(count: StoredCount, from: NodeId, now: number): void {
    const { id, shard, index } = count;
    const ofRanges = this.#reports.get(id) ?? new Map<ShardId, Report>();
    this.#reports.set(id, ofRanges);
    const known = ofRanges.get(shard);
    // A shard whose log was forced anew may be told by the same node with a lower index.
    const isNews = known === undefined || index >= known.index || from === known.from;
    if (isNews) ofRanges.set(shard, { ...count, from, at: now });
  }

  /** Forgets ranges that are not limited any more, and what no node has confirmed for long. */
  tidy(isKnown: (id: number) => boolean, now: number): void {
    const until = now - STORAGE_QUOTA_LIMITS.forgetMilliseconds;
    for (const [id, ofRanges] of this.#reports) {
      if (!isKnown(id)) this.#reports.delete(id);
      for (const [shard, { at }] of ofRanges) if (at < until) ofRanges.delete(shard);
    }
  }
}
