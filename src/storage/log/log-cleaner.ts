/**
 * Rewrites the live entries of the oldest segment, so that a slow shard pins no segment for ever.
 */

import type { ShardId } from '../../base/ids.ts';
import type { LogLimits } from '../limits.ts';
import { RUN_BYTES } from './log-batch.ts';
import type { RawEntry } from './log-reader.ts';
import { recordBytes } from './log-record.ts';
import type { LogReplica } from './log-replica.ts';

interface Place {
  readonly shard: ShardId;
  readonly index: number;
}

interface LogCleanerOptions {
  readonly limits: LogLimits;
  readonly replicas: ReadonlyMap<ShardId, LogReplica>;
  readonly read: (replica: LogReplica, index: number) => RawEntry | undefined;
  readonly write: (replica: LogReplica, index: number, raw: RawEntry) => void;
}

export class LogCleaner {
  readonly #options: LogCleanerOptions;
  /** The entries that were live in the segment when cleaning began, last first. */
  #work: Place[] = [];
  #epoch = 0;
  movedBytes = 0;

  constructor(options: LogCleanerOptions) {
    this.#options = options;
  }

  /**
   * Whether cleaning the oldest segment is worth its cost: the segments take more than a minimum,
   * and more than twice their live bytes.
   */
  isWorthwhile(state: {
    readonly chainBytes: number;
    readonly liveBytes: number;
    readonly segmentBytes: number;
  }): boolean {
    const { chainBytes, liveBytes, segmentBytes } = state;
    const few = this.#options.limits.segmentsMin * segmentBytes;
    return chainBytes > Math.max(few, 2 * liveBytes + 3 * segmentBytes);
  }

  /** Rewrites live entries up to the remaining size. Returns whether it wrote any. */
  move(epoch: number, bytesLeft: number): boolean {
    if (epoch !== this.#epoch) this.#plan(epoch);
    const { replicas, limits, read, write } = this.#options;
    let left = Math.min(bytesLeft, limits.moveBytesMax);
    let hasMoved = false;
    for (let place = this.#work.at(-1); place !== undefined; place = this.#work.at(-1)) {
      const replica = replicas.get(place.shard);
      const isLive = replica !== undefined && isIn(replica, place.index, epoch);
      if (replica !== undefined && isLive) {
        const bytes = recordBytes(replica.table.at(place.index).length) + RUN_BYTES;
        if (bytes > (hasMoved ? left : bytesLeft)) break;
        const raw = read(replica, place.index);
        // A damaged entry becomes a hole; the next checkpoint records that it existed.
        if (raw !== undefined) {
          write(replica, place.index, raw);
          this.movedBytes += bytes;
          left -= bytes;
        }
        hasMoved = true;
      }
      this.#work.pop();
    }
    return hasMoved;
  }

  #plan(epoch: number): void {
    this.#epoch = epoch;
    this.#work = [];
    for (const [shard, replica] of this.#options.replicas) {
      for (let index = replica.lastIndex; index > replica.base.index; index--) {
        if (replica.table.epochAt(index) === epoch) this.#work.push({ shard, index });
      }
    }
  }
}

function isIn({ base, lastIndex, table }: LogReplica, index: number, epoch: number): boolean {
  return index > base.index && index <= lastIndex && table.epochAt(index) === epoch;
}
