/**
 * Admits a bounded number of shards at a time. Further shards wait in a queue: a free place goes to
 * the shard that has waited longest and still asks.
 */

import type { ShardId } from '../../base/ids.ts';

interface SnapshotAdmissionOptions {
  readonly max: number;
  /** A shard that has not asked for this long loses its place in the queue. */
  readonly requestTimeoutMilliseconds: number;
  /** A place was freed: the next shard in the queue may ask immediately. */
  readonly onFree: () => void;
}

export class SnapshotAdmission {
  readonly #options: SnapshotAdmissionOptions;
  readonly #taken = new Set<ShardId>();
  /** When each waiting shard last asked, in the order of arrival. */
  readonly #waiting = new Map<ShardId, number>();

  constructor(options: SnapshotAdmissionOptions) {
    this.#options = options;
  }

  /** Whether the shard is admitted now. If not, asking again keeps its place in the queue. */
  ask(shard: ShardId, now: number): boolean {
    if (!this.#taken.has(shard)) this.#waiting.set(shard, now);
    return this.#take(shard, now);
  }

  /** The same for a shard that asked before: undefined if it is not in the queue any more. */
  askAgain(shard: ShardId, now: number): boolean | undefined {
    if (this.#take(shard, now)) return true;
    return this.#waiting.has(shard) ? false : undefined;
  }

  #take(shard: ShardId, now: number): boolean {
    if (this.#taken.has(shard)) return true;
    let free = this.#options.max - this.#taken.size;
    for (const [other, askedAt] of this.#waiting) {
      if (now - askedAt > this.#options.requestTimeoutMilliseconds) {
        this.#waiting.delete(other);
        continue;
      }
      if (free <= 0) return false;
      free -= 1;
      if (other !== shard) continue;
      this.#waiting.delete(shard);
      this.#taken.add(shard);
      return true;
    }
    return false;
  }

  /** The shard does not need its place any more, or does not wait for one. */
  leave(shard: ShardId): void {
    const wasWaiting = this.#waiting.delete(shard);
    if (this.#taken.delete(shard) || wasWaiting) this.#options.onFree();
  }
}
