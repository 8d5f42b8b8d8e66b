/**
 * The elapsed clock: how much time has passed, also while this machine was suspended.
 *
 * A monotone clock stands still in a suspended machine; the wall clock does not, but people and
 * time servers set it. So this clock follows the monotone one, and adds what the wall clock gains
 * on it. A wall clock that is set back takes nothing away. It may run ahead of real time, when the
 * wall clock is set forward: then a lease is given up early, never late.
 */

import { LEASE_KEEPING } from './limits.ts';

export class ElapsedClock {
  /** What the wall clock has gained on the monotone one, in all its steps forward. */
  #gained = 0;
  /** Wall clock minus monotone clock, as it was when a gain was last looked for. */
  #offset: number | undefined;
  /** The latest moment, of all that were told. */
  #latest = Number.NEGATIVE_INFINITY;
  /** The monotone clock, as it was told last. */
  #now = 0;

  get latest(): number {
    return this.#latest;
  }

  get now(): number {
    return this.#now;
  }

  /** Both clocks as of one moment. Gains below the step add up until they reach it. */
  observe({ now, wall }: { readonly now: number; readonly wall: number }): void {
    const offset = wall - now;
    const gain = offset - (this.#offset ?? offset);
    const isStep = Math.abs(gain) >= LEASE_KEEPING.clockStepMilliseconds;
    if (isStep) this.#gained += Math.max(0, gain);
    if (isStep || this.#offset === undefined) this.#offset = offset;
    this.pass(now);
  }

  /** The moment at which the monotone clock shows `now`, as far as the wall clock was observed. */
  at(now: number): number {
    return now + this.#gained;
  }

  /** The monotone clock shows this. */
  pass(now: number): void {
    this.#now = now;
    this.#latest = Math.max(this.#latest, this.at(now));
  }
}
