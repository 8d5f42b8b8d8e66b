/**
 * When leadership was handed over from here, and whether it came back: a preference that does not
 * last is followed ever more rarely. In memory of the observing node; a new life starts anew.
 */

import type { ShardId } from '../base/ids.ts';
import { CATALOG_LIMITS, RAFT_LIMITS } from '../base/limits.ts';

interface Handover {
  /** The leader took office, or last tried to hand over. */
  since: number;
  /** Leadership was handed over then, and is not back. */
  givenAt: number | undefined;
  waitMilliseconds: number;
}

const { handoverTicksMin, handoverTicksMax } = CATALOG_LIMITS;
const WAIT_MIN = handoverTicksMin * RAFT_LIMITS.tickMilliseconds;
const WAIT_MAX = handoverTicksMax * RAFT_LIMITS.tickMilliseconds;

export class Handovers {
  readonly #handovers = new Map<ShardId, Handover>();

  tookOffice(shard: ShardId, now: number): void {
    const before = this.#handovers.get(shard);
    const givenAt = before?.givenAt;
    const wait = before?.waitMilliseconds ?? WAIT_MIN;
    // The new leader did not keep leadership for as long as this node had waited before.
    const isBack = givenAt !== undefined && now - givenAt < 2 * wait;
    const waitMilliseconds = isBack ? Math.min(2 * wait, WAIT_MAX) : WAIT_MIN;
    this.#handovers.set(shard, { since: now, givenAt: undefined, waitMilliseconds });
  }

  gave(shard: ShardId, now: number): void {
    const waitMilliseconds = this.#handovers.get(shard)?.waitMilliseconds ?? WAIT_MIN;
    this.#handovers.set(shard, { since: now, givenAt: now, waitMilliseconds });
  }

  /** The handover failed: treated as if leadership had come back. */
  failed(shard: ShardId, now: number): void {
    if (this.#handovers.get(shard)?.givenAt !== undefined) this.tookOffice(shard, now);
  }

  /** Whether this leader has been in office for long enough to hand over to a preferred one. */
  isDue(shard: ShardId, now: number): boolean {
    const handover = this.#handovers.get(shard);
    return handover !== undefined && now - handover.since >= handover.waitMilliseconds;
  }
}
