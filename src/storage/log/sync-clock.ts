/** Measures the time that the disk takes for each batch. */

import type { LogMetrics } from './log.ts';

type SyncMetrics = Pick<
  LogMetrics,
  | 'batches'
  | 'bytesWritten'
  | 'lastSyncMilliseconds'
  | 'longestSyncMilliseconds'
  | 'totalSyncMilliseconds'
  | 'pendingMilliseconds'
>;

export class SyncClock {
  readonly #now: () => number;
  #begun: number | undefined;
  #batches = 0;
  #bytes = 0;
  #last = 0;
  #longest = 0;
  #total = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  begin(bytes: number): void {
    this.#begun = this.#now();
    this.#bytes += bytes;
  }

  end(): void {
    this.#last = this.#now() - (this.#begun ?? this.#now());
    this.#begun = undefined;
    this.#batches += 1;
    this.#total += this.#last;
    this.#longest = Math.max(this.#longest, this.#last);
  }

  metrics(): SyncMetrics {
    return {
      batches: this.#batches,
      bytesWritten: this.#bytes,
      lastSyncMilliseconds: this.#last,
      longestSyncMilliseconds: this.#longest,
      totalSyncMilliseconds: this.#total,
      pendingMilliseconds: this.#begun === undefined ? 0 : this.#now() - this.#begun,
    };
  }
}
