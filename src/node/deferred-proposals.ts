/** Replicas with deferred entries: all are proposed at once, so that they share frames. */

import { TRANSACTION_LIMITS } from '../base/transaction-limits.ts';

export class DeferredProposals<Replica> {
  #replicas = new Set<Replica>();
  #until = 0;

  add(replica: Replica, now: number): void {
    if (this.#replicas.size === 0) this.#until = now + TRANSACTION_LIMITS.deferMilliseconds;
    this.#replicas.add(replica);
  }

  /** All of them, once the first has waited for long enough. */
  takeDue(now: number): Iterable<Replica> {
    if (now < this.#until) return [];
    const due = this.#replicas;
    this.#replicas = new Set();
    return due;
  }
}
