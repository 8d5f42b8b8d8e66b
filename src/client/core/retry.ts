/** How often and how soon it is tried again: rests that grow, and a budget for all of a client. */

import { CLIENT_LIMITS } from '../../base/client-limits.ts';
import type { Random } from '../../base/random.ts';

/** Doubles with each attempt, less a random part of up to a half: a crowd spreads out. */
export function restAfter(
  attempts: number,
  { min, max, random }: { readonly min: number; readonly max: number; readonly random: Random },
): number {
  const whole = Math.min(max, min * 2 ** Math.min(attempts, 16));
  return whole * (1 - random.fraction() / 2);
}

/**
 * Retries take from it, time and success give. Who finds nothing waits, up to its own timeout: so
 * a cluster that comes back is not met by everything that gathered meanwhile.
 */
export class RetryBudget {
  #left: number = CLIENT_LIMITS.retriesMax;
  #filledAt: number;

  constructor({ now }: { readonly now: number }) {
    this.#filledAt = now;
  }

  take(now: number): boolean {
    const seconds = Math.max(0, now - this.#filledAt) / 1000;
    this.#filledAt = Math.max(now, this.#filledAt);
    this.#give(seconds * CLIENT_LIMITS.retriesPerSecond);
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }

  succeed(): void {
    this.#give(CLIENT_LIMITS.retriesPerSuccess);
  }

  #give(retries: number): void {
    this.#left = Math.min(CLIENT_LIMITS.retriesMax, this.#left + retries);
  }
}
