/**
 * How long the steps of transactions take at present, a prepare, a validation or a resolution from
 * the request to the answer, and which shards answer none. The value contains the delays of disks,
 * processors and links, here and in other shards, so that a coordinator gives up because an answer
 * is missing and not because it is slow.
 */

import type { ShardId } from '../base/ids.ts';
import { RecentMaximum } from '../base/recent-maximum.ts';
import { TRANSACTION_LIMITS } from '../base/transaction-limits.ts';

/** Like election timeouts: a step may wait for an earlier one, and its answer for another. */
const STEPS_PER_PATIENCE = 3;

export class StepTimes {
  readonly #recent = new RecentMaximum(TRANSACTION_LIMITS.stepWindowTicks);
  readonly #silent = new Set<ShardId>();

  /** Late answers, after the coordinator gave up, count too: they extend the next wait. */
  observe(shard: ShardId, milliseconds: number): void {
    this.#recent.observe(milliseconds);
    this.#silent.delete(shard);
  }

  /** A step was not answered. */
  miss(shard: ShardId): void {
    this.#silent.add(shard);
  }

  /** The last step in that shard was not answered: it may be without a majority for long. */
  isSilent(shard: ShardId): boolean {
    return this.#silent.has(shard);
  }

  tick(): void {
    this.#recent.tick();
  }

  /** Time limit for all participants to prepare. */
  get prepareMilliseconds(): number {
    return this.#patience(TRANSACTION_LIMITS.prepareMilliseconds);
  }

  /** Time after which a missing answer, or a missing resolving entry, is asked for again. */
  get resolveMilliseconds(): number {
    return this.#patience(TRANSACTION_LIMITS.resolveMilliseconds);
  }

  #patience(least: number): number {
    // An integer, because validations carry it on the wire.
    const wanted = Math.ceil(STEPS_PER_PATIENCE * this.#recent.value);
    return Math.min(Math.max(wanted, least), TRANSACTION_LIMITS.patienceMillisecondsMax);
  }
}
