/**
 * Keys that are held in a shard, and those who met them: its leader asks the home shard what became
 * of the transaction, and resolves it here. So nobody depends on a coordinator to come back.
 */

import { TRANSACTION_LIMITS } from '../base/transaction-limits.ts';
import type { LockTable, Prepared } from '../machine/lock-table.ts';
import { isCommittedBy } from '../machine/outcome.ts';
import type { Reply } from '../machine/reply.ts';
import type { Resolution } from '../machine/transaction.ts';
import { idText } from '../machine/transaction-id.ts';

export interface LockResolverPort {
  readonly now: number;
  /** How long an answer, or an entry that resolves, may take before it is asked for again. */
  readonly resolveMilliseconds: number;
  /** What is held in the shard. */
  readonly lockTable: LockTable;
  /** Asks the home shard; undefined if nobody there could say. */
  settle(holder: Prepared, isPreempting: boolean, done: (reply: Reply | undefined) => void): void;
  /** An entry of this shard. */
  resolve(resolution: Resolution): void;
}

interface LockConflict {
  readonly holder: Prepared;
  isPreempting: boolean;
  askAt: number;
  /** It was resolved by an entry that is on its way until then: other answers say the same. */
  resolvedUntil: number;
}

export class LockResolver {
  readonly #port: LockResolverPort;
  readonly #conflicts = new Map<string, LockConflict>();

  constructor(port: LockResolverPort) {
    this.#port = port;
  }

  get size(): number {
    return this.#conflicts.size;
  }

  /**
   * Somebody waits for a key of this holder. It is mostly on its way to be resolved, so there is
   * some grace; not for whoever has more right to the key.
   */
  meet(holder: Prepared, isPreempting: boolean): void {
    const { now } = this.#port;
    const name = idText(holder.id);
    const known = this.#conflicts.get(name);
    if (known === undefined) {
      const askAt = isPreempting ? now : now + TRANSACTION_LIMITS.graceMilliseconds;
      const conflict = { holder, isPreempting, askAt, resolvedUntil: 0 };
      this.#conflicts.set(name, conflict);
      if (isPreempting) this.#ask(conflict);
    } else if (isPreempting && !known.isPreempting) {
      known.isPreempting = true;
      this.#ask(known);
    }
  }

  tick(): void {
    const { now, lockTable } = this.#port;
    for (const [name, conflict] of this.#conflicts) {
      if (lockTable.of(conflict.holder.id) !== conflict.holder) this.#conflicts.delete(name);
      else if (conflict.askAt <= now) this.#ask(conflict);
    }
  }

  #ask(conflict: LockConflict): void {
    const { holder, isPreempting } = conflict;
    // Whoever leads the home may be deaf. To ask twice does no harm.
    conflict.askAt = this.#port.now + this.#port.resolveMilliseconds;
    this.#port.settle(holder, isPreempting, (reply) => {
      const { now, lockTable } = this.#port;
      if (lockTable.of(holder.id) !== holder || now < conflict.resolvedUntil) return;
      const isCommitted = isCommittedBy(reply);
      if (isCommitted === undefined) {
        conflict.askAt = now + this.#restMilliseconds;
        return;
      }
      // Should the entry be lost, it is asked again.
      conflict.resolvedUntil = now + this.#port.resolveMilliseconds;
      conflict.askAt = conflict.resolvedUntil;
      // It is prepared here, so no refusal has to be remembered and no deadline counts.
      this.#port.resolve({ id: holder.id, isCommitted, deadline: 0 });
    });
  }

  /** While a home shard cannot say, few ask often and many do not ask for all at once. */
  get #restMilliseconds(): number {
    const { restMilliseconds, resolveMilliseconds, questionsMax } = TRANSACTION_LIMITS;
    const share = Math.max(1, this.#conflicts.size / questionsMax);
    return Math.min(restMilliseconds * share, resolveMilliseconds);
  }
}
