/**
 * Where requests met the locks of transactions a short time ago. The commit of a transaction whose
 * keys are likely to be wanted by others is recorded at once, and not when they ask for it.
 */

import { TRANSACTION_LIMITS } from '../base/transaction-limits.ts';
import type { Participant } from '../machine/transaction.ts';

export class ContestedParts {
  /** By the position of the first key of a part; until when. In the order of these times. */
  readonly #until = new Map<number, number>();

  /** A request met a lock of the transaction with these parts. */
  add(participants: readonly Participant[], now: number): void {
    const until = now + TRANSACTION_LIMITS.contestedMilliseconds;
    for (const { position } of participants) {
      this.#until.delete(position);
      this.#until.set(position, until);
    }
    for (const [position, end] of this.#until) {
      if (end > now && this.#until.size <= TRANSACTION_LIMITS.contestedMax) break;
      this.#until.delete(position);
    }
  }

  hasOneOf(participants: readonly Participant[], now: number): boolean {
    if (this.#until.size === 0) return false;
    return participants.some(({ position }) => (this.#until.get(position) ?? 0) > now);
  }
}
