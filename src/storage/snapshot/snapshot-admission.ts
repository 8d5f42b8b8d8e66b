/**
 * A bounded number of places for shards. Whoever asks while all are taken waits in line: a place
 * that is given back goes to the shard that has waited longest and still asks.
 */

import type { ShardId } from '../../base/ids.ts';

interface SnapshotAdmissionOptions {
  readonly max: number;
  /** A shard that has not asked for this long has left the line. */
  readonly requestTimeoutMilliseconds: number;
  /** A place was given back: the next in line may have it at once. */
  readonly onFree: () => void;
}

export class SnapshotAdmission {
  readonly #options: SnapshotAdmissionOptions;
  readonly #taken = new Set<ShardId>();
  /** When each that waits asked last; the one that came first stands first. */
  readonly #waiting = new Map<ShardId, number>();

  constructor(options: SnapshotAdmissionOptions) {
    this.#options = options;
  }

  /** Whether the shard has a place now. If not, asking again is what keeps it in line. */
  ask(shard: ShardId, now: number): boolean {
    if (!this.#taken.has(shard)) this.#waiting.set(shard, now);
    return this.#take(shard, now);
  }

  /** The same of a shard that asked before: undefined if it is not in line any more. */
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

  /** It needs no place, or none any more. */
  leave(shard: ShardId): void {
    const wasWaiting = this.#waiting.delete(shard);
    if (this.#taken.delete(shard) || wasWaiting) this.#options.onFree();
  }
}
