/**
 * A bounded resource that requesters share: one requester may hold as much as is left for all
 * others. So there is room for one more requester however many fill their part.
 */

import type { Flow } from './fair-queue.ts';

export class FairQuota {
  readonly #max: number;
  readonly #of = new Map<Flow, number>();
  #total = 0;

  constructor({ max }: { readonly max: number }) {
    this.#max = max;
  }

  of(share: Flow | undefined): number {
    return share === undefined ? 0 : (this.#of.get(share) ?? 0);
  }

  /** A request that comes from no client has no portion: it may take all that is left. */
  admits(share: Flow | undefined, amount = 1): boolean {
    return this.of(share) + amount <= this.#max - this.#total;
  }

  add(share: Flow | undefined, amount = 1): void {
    this.#total += amount;
    if (share !== undefined) this.#of.set(share, this.of(share) + amount);
  }

  remove(share: Flow | undefined, amount = 1): void {
    this.#total -= amount;
    if (share === undefined) return;
    const left = this.of(share) - amount;
    if (left > 0) this.#of.set(share, left);
    else this.#of.delete(share);
  }

  clear(): void {
    this.#total = 0;
    this.#of.clear();
  }
}
