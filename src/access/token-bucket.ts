/**
 * A rate, kept by a bucket of tokens. It is full after one second of rest, which bounds bursts. The
 * cost of a request may be known only afterwards, so the bucket may fall into debt, and admits
 * nothing more until that is paid. So the rate holds in the long run, whatever a request costs.
 */

import { ACCESS_LIMITS } from './limits.ts';

const { burstMilliseconds, debtMillisecondsMax } = ACCESS_LIMITS;

export class TokenBucket {
  /** 0: everything is admitted. */
  #perSecond = 0;
  /** Negative for a debt. */
  #level = 0;
  #filledAt: number;

  /** `now` is a monotone clock in milliseconds: by a wall clock that is set, rates would change. */
  constructor(now: number) {
    this.#filledAt = now;
  }

  /** A bucket that had no rate begins full; another one keeps its debt. */
  setRate(perSecond: number, now: number): void {
    if (perSecond === this.#perSecond) return;
    this.#fill(now);
    const isNew = this.#perSecond === 0;
    this.#perSecond = perSecond;
    this.#level = isNew ? this.#levelMax : Math.min(this.#level, this.#levelMax);
  }

  get perSecond(): number {
    return this.#perSecond;
  }

  /** Milliseconds until it admits a request, of whatever cost; 0: it does now. */
  waitAt(now: number): number {
    if (this.#perSecond === 0) return 0;
    this.#fill(now);
    return this.#level > 0 ? 0 : Math.floor((-this.#level * 1000) / this.#perSecond) + 1;
  }

  /** Also without having been asked: a debt is bounded. */
  take(cost: number): void {
    if (this.#perSecond === 0) return;
    const debtMax = (this.#perSecond * debtMillisecondsMax) / 1000;
    this.#level = Math.max(this.#level - cost, -debtMax);
  }

  get #levelMax(): number {
    return (this.#perSecond * burstMilliseconds) / 1000;
  }

  #fill(now: number): void {
    const passed = now - this.#filledAt;
    if (passed <= 0) return;
    this.#filledAt = now;
    this.#level = Math.min(this.#level + (passed * this.#perSecond) / 1000, this.#levelMax);
  }
}
