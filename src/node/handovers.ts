/**
 * When leadership was given away here, and whether it came back: a preference that does not last is
 * followed ever more rarely. In memory of the node that observes it; a new life begins anew.
 */

import type { ShardId } from '../base/ids.ts';
import { CATALOG_LIMITS, RAFT_LIMITS } from '../base/limits.ts';

interface Handover {
  /** The leader took office, or last tried to give it away. */
  since: number;
  /** It was given away then, and is not back. */
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
    // Whoever it was given to did not keep it for as long as it was waited for before.
    const isBack = givenAt !== undefined && now - givenAt < 2 * wait;
    const waitMilliseconds = isBack ? Math.min(2 * wait, WAIT_MAX) : WAIT_MIN;
    this.#handovers.set(shard, { since: now, givenAt: undefined, waitMilliseconds });
  }

  gave(shard: ShardId, now: number): void {
    const waitMilliseconds = this.#handovers.get(shard)?.waitMilliseconds ?? WAIT_MIN;
    this.#handovers.set(shard, { since: now, givenAt: now, waitMilliseconds });
  }

  /** It was not taken: the same as if it had come back. */
  failed(shard: ShardId, now: number): void {
    if (this.#handovers.get(shard)?.givenAt !== undefined) this.tookOffice(shard, now);
  }

  /** Whether this leader has been in office for long enough to give way to a preferred one. */
  isDue(shard: ShardId, now: number): boolean {
    const handover = this.#handovers.get(shard);
    return handover !== undefined && now - handover.since >= handover.waitMilliseconds;
  }
}
