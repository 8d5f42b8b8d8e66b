/**
 * Reads that met a key which a transaction locks: a read never returns a value that is about to
 * change. Each read waits for one holder, the first that it met, and is retried when that holder
 * releases its locks.
 */

import { Deadlines } from '../base/deadlines.ts';
import { TRANSACTION_LIMITS } from '../base/transaction-limits.ts';
import type { Prepared } from '../machine/lock-table.ts';
import { FairQuota } from './fair-quota.ts';
import type { PendingRead } from './reads.ts';

interface BlockedRead {
  readonly read: PendingRead;
  readonly holder: Prepared;
}

export class BlockedReads {
  /** Invariant: a read is in `#deadlines` and among those of its holder, or in neither. */
  readonly #deadlines = new Deadlines<BlockedRead>();
  readonly #byHolder = new Map<Prepared, Set<BlockedRead>>();
  readonly #portions = new FairQuota({ max: TRANSACTION_LIMITS.waitersMax });

  get size(): number {
    return this.#deadlines.size;
  }

  /** Whether there is room for the read, in total and for its requester. */
  admits({ requester }: PendingRead): boolean {
    return this.#portions.admits(requester.responder.share);
  }

  /** The read is refused after `until`. */
  wait(
    read: PendingRead,
    { holder, until }: { readonly holder: Prepared; readonly until: number },
  ): void {
    const held: BlockedRead = { read, holder };
    this.#deadlines.add(held, until);
    this.#portions.add(read.requester.responder.share);
    const others = this.#byHolder.get(holder);
    if (others === undefined) this.#byHolder.set(holder, new Set([held]));
    else others.add(held);
  }

  /** The reads that waited for these holders, whose locks are released. */
  takeOf(holders: readonly Prepared[]): readonly PendingRead[] {
    const taken: PendingRead[] = [];
    for (const holder of holders) {
      const waiting = this.#byHolder.get(holder);
      if (waiting === undefined) continue;
      this.#byHolder.delete(holder);
      for (const held of waiting) {
        this.#deadlines.remove(held);
        this.#portions.remove(held.read.requester.responder.share);
        taken.push(held.read);
      }
    }
    return taken;
  }

  takeAll(): readonly PendingRead[] {
    const all = [...this.#deadlines.items()].map(({ read }) => read);
    this.#deadlines.clear();
    this.#byHolder.clear();
    this.#portions.clear();
    return all;
  }

  /** The reads whose waiting time is over. */
  takeLate(now: number): readonly PendingRead[] {
    const late = this.#deadlines.takeDue(now);
    for (const held of late) {
      this.#portions.remove(held.read.requester.responder.share);
      const others = this.#byHolder.get(held.holder);
      others?.delete(held);
      if (others?.size === 0) this.#byHolder.delete(held.holder);
    }
    return late.map(({ read }) => read);
  }
}
