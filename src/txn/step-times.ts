/**
 * How long steps of transactions take at present: a prepare, a validation or a resolution, from the
 * question to the answer. It holds what disks, processors and links add, here and in other shards,
 * so that a coordinator gives up for want of an answer and never for a slow one.
 */

import { RecentMaximum } from '../base/recent-maximum.ts';
import { TRANSACTION_LIMITS } from '../base/transaction-limits.ts';

/** As of election timeouts: a step may wait for one before it, and its answer for another. */
const STEPS_PER_PATIENCE = 3;

export class StepTimes {
  readonly #recent = new RecentMaximum(TRANSACTION_LIMITS.stepWindowTicks);

  /** An answer that came after the coordinator gave up counts too: the next wait is longer. */
  observe(milliseconds: number): void {
    this.#recent.observe(milliseconds);
  }

  tick(): void {
    this.#recent.tick();
  }

  /** How long all parts may take to become ready. */
  get prepareMilliseconds(): number {
    return this.#patience(TRANSACTION_LIMITS.prepareMilliseconds);
  }

  /** How long an answer, or an entry that resolves, may take before it is asked for again. */
  get resolveMilliseconds(): number {
    return this.#patience(TRANSACTION_LIMITS.resolveMilliseconds);
  }

  #patience(least: number): number {
    // Whole, as it travels with validations.
    const wanted = Math.ceil(STEPS_PER_PATIENCE * this.#recent.value);
    return Math.min(Math.max(wanted, least), TRANSACTION_LIMITS.patienceMillisecondsMax);
  }
}
