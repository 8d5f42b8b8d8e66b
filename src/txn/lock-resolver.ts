/**
 * Resolves locks whose transaction has an unknown outcome: the leader of the shard asks the home
 * shard for the decision and applies it. So no lock depends on its coordinator coming back.
 */

import { TRANSACTION_LIMITS } from '../base/transaction-limits.ts';
import type { LockTable, Prepared } from '../machine/lock-table.ts';
import { isCommittedBy } from '../machine/outcome.ts';
import type { Reply } from '../machine/reply.ts';
import type { Resolution } from '../machine/transaction.ts';
import { idName } from '../machine/transaction-id.ts';

export interface LockResolverPort {
  readonly now: number;
  /** Time after which a missing answer, or a missing resolving entry, is asked for again. */
  readonly resolveMilliseconds: number;
  /** The locks of the shard. */
  readonly lockTable: LockTable;
  /** Asks the home shard; `done` gets undefined if no replica of it could answer. */
  settle(holder: Prepared, isPreempting: boolean, done: (reply: Reply | undefined) => void): void;
  /** Proposes an entry of this shard. */
  resolve(resolution: Resolution): void;
}

interface LockConflict {
  readonly holder: Prepared;
  isPreempting: boolean;
  askAt: number;
  /** Until then a resolving entry is on its way: further answers say the same. */
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
   * A request waits for a key of this holder. The home shard answers as soon as there is a
   * decision, so the request waits for that event, and not for a resolution, which may be deferred.
   */
  meet(holder: Prepared, isPreempting: boolean): void {
    const name = idName(holder.id);
    const known = this.#conflicts.get(name);
    if (known === undefined) {
      const conflict = { holder, isPreempting, askAt: 0, resolvedUntil: 0 };
      this.#conflicts.set(name, conflict);
      this.#ask(conflict);
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
    // The leader of the home shard may be unreachable. Asking twice does no harm.
    conflict.askAt = this.#port.now + this.#port.resolveMilliseconds;
    this.#port.settle(holder, isPreempting, (reply) => {
      const { now, lockTable } = this.#port;
      if (lockTable.of(holder.id) !== holder || now < conflict.resolvedUntil) return;
      const isCommitted = isCommittedBy(reply);
      if (isCommitted === undefined) {
        conflict.askAt = now + this.#restMilliseconds;
        return;
      }
      // If the entry is lost, the home shard is asked again.
      conflict.resolvedUntil = now + this.#port.resolveMilliseconds;
      conflict.askAt = conflict.resolvedUntil;
      // The part is prepared here, so no refusal has to be remembered and no deadline counts.
      this.#port.resolve({ id: holder.id, isCommitted, deadline: 0 });
    });
  }

  /** While home shards do not answer, a few locks are asked for often, and many locks in turns. */
  get #restMilliseconds(): number {
    const { restMilliseconds, resolveMilliseconds, questionsMax } = TRANSACTION_LIMITS;
    const share = Math.max(1, this.#conflicts.size / questionsMax);
    return Math.min(restMilliseconds * share, resolveMilliseconds);
  }
}
