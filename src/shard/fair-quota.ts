/**
 * A bounded resource that users share, or clients without a user: one user may hold as much as is
 * left for all others. So there is room for one more user however many fill their part.
 */

import type { Flow, FlowGroup } from './fair-queue.ts';

export class FairQuota {
  readonly #max: number;
  /** A flow keeps its group as long as it holds something. */
  readonly #of = new Map<FlowGroup, number>();
  #total = 0;

  constructor({ max }: { readonly max: number }) {
    this.#max = max;
  }

  of(share: Flow | undefined): number {
    return share === undefined ? 0 : (this.#of.get(share.group) ?? 0);
  }

  /** A request that comes from no client has no portion: it may take all that is left. */
  admits(share: Flow | undefined, amount = 1): boolean {
    return this.of(share) + amount <= this.#max - this.#total;
  }

  add(share: Flow | undefined, amount = 1): void {
    this.#total += amount;
    if (share !== undefined) this.#of.set(share.group, this.of(share) + amount);
  }

  remove(share: Flow | undefined, amount = 1): void {
    this.#total -= amount;
    if (share === undefined) return;
    const left = this.of(share) - amount;
    if (left > 0) this.#of.set(share.group, left);
    else this.#of.delete(share.group);
  }

  clear(): void {
    this.#total = 0;
    this.#of.clear();
  }
}
