/** Replicas with entries that nobody waits for: all at once, so that they share frames. */

import { TRANSACTION_LIMITS } from '../base/transaction-limits.ts';

export class DeferredProposals<Replica> {
  #replicas = new Set<Replica>();
  #until = 0;

  add(replica: Replica, now: number): void {
    if (this.#replicas.size === 0) this.#until = now + TRANSACTION_LIMITS.lingerMilliseconds;
    this.#replicas.add(replica);
  }

  /** Once the first of them has lingered for long enough, all of them. */
  takeDue(now: number): Iterable<Replica> {
    if (now < this.#until) return [];
    const due = this.#replicas;
    this.#replicas = new Set();
    return due;
  }
}
