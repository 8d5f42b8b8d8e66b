/**
 * How stale the state of a replica is at most, as far as it can prove.
 *
 * A follower asks its leader for the commit index; the answer covers everything that was committed
 * when the question left. Once that index is applied, the state is at least as new as the question,
 * however long question and answer took. Unsolicited messages of the leader prove nothing: they may
 * be old.
 */

import type { PendingRead } from './reads.ts';

interface Question {
  readonly id: number;
  readonly askedAt: number;
}

/** A question without an answer is repeated after this time. */
const PATIENCE_MILLISECONDS = 1000;

export class Freshness {
  #question: Question | undefined;
  /** State through `index` was current at `at`. */
  #proof = { at: Number.NEGATIVE_INFINITY, index: 0 };
  #waiting: PendingRead[] = [];

  /** Reads that wait for proof. */
  get size(): number {
    return this.#waiting.length;
  }

  /** Whether the applied state is at most this old. */
  isYoung(age: { readonly milliseconds: number; readonly now: number; readonly applied: number }) {
    const { at, index } = this.#proof;
    return age.applied >= index && age.now - at <= age.milliseconds;
  }

  /**
   * Adds a read that waits for proof. Returns the number of a question to send now, if any. The
   * number was never used before, not in a former life either: an old answer proves nothing.
   */
  wait(read: PendingRead, { now, draw }: { now: number; draw: () => number }): number | undefined {
    this.#waiting.push(read);
    if (this.#question !== undefined) return undefined;
    const id = draw();
    this.#question = { id, askedAt: now };
    return id;
  }

  /** Whether an answer belongs to the open question. */
  isOpen(id: number): boolean {
    return this.#question?.id === id;
  }

  /** The leader's answer: the waiting reads may be served once that index is applied. */
  answer(id: number, index: number): readonly PendingRead[] {
    if (this.#question?.id !== id) return [];
    this.#proof = { at: this.#question.askedAt, index };
    return this.takeWaiting();
  }

  /** The answer is overdue. */
  isOverdue(now: number): boolean {
    return this.#question !== undefined && now - this.#question.askedAt > PATIENCE_MILLISECONDS;
  }

  /** Drops the question; the caller takes over the waiting reads. */
  takeWaiting(): readonly PendingRead[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#question = undefined;
    return waiting;
  }
}
