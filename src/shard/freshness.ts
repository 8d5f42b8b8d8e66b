/**
 * How young the state of a replica is, as far as it can prove.
 *
 * A follower asks its leader how far the shard is; all that was committed when the question left is
 * in the answer. So once that much is applied, the state is as young as the question, however long
 * the two were on their way. What the leader says unasked proves nothing: it may be old.
 */

import type { PendingRead } from './reads.ts';

interface Question {
  readonly id: number;
  readonly askedAt: number;
}

/** A question that is not answered in this time is asked again. */
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

  /** Whether what was applied is at most so old. */
  isYoung(age: { readonly milliseconds: number; readonly now: number; readonly applied: number }) {
    const { at, index } = this.#proof;
    return age.applied >= index && age.now - at <= age.milliseconds;
  }

  /**
   * A read waits for proof. The number of a question that should leave now, if one should. Nobody
   * has asked under it before, not in a former life either: an old answer proves nothing.
   */
  wait(read: PendingRead, { now, draw }: { now: number; draw: () => number }): number | undefined {
    this.#waiting.push(read);
    if (this.#question !== undefined) return undefined;
    const id = draw();
    this.#question = { id, askedAt: now };
    return id;
  }

  /** Whether an answer is to the question that is open. */
  isOpen(id: number): boolean {
    return this.#question?.id === id;
  }

  /** The leader's answer: who waited may be served once that index is applied. */
  answer(id: number, index: number): readonly PendingRead[] {
    if (this.#question?.id !== id) return [];
    this.#proof = { at: this.#question.askedAt, index };
    return this.takeWaiting();
  }

  /** There will be no answer. */
  isOverdue(now: number): boolean {
    return this.#question !== undefined && now - this.#question.askedAt > PATIENCE_MILLISECONDS;
  }

  /** The question is dropped, and those who waited for its answer are the caller's. */
  takeWaiting(): readonly PendingRead[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#question = undefined;
    return waiting;
  }
}
