/** Passwords of nodes in memory: a fast hash that takes as long as a slow one, by virtual time. */

import { PASSWORD_LIMITS } from '../access/limits.ts';
import type {
  PasswordAnswer,
  PasswordQuestion,
  Passwords,
  PasswordTerms,
} from '../access/password.ts';
import { assert } from '../base/assert.ts';
import { sha256 } from '../base/sha256.ts';
import type { MemoryTime } from './memory-end.ts';

interface ModelPasswordsOptions {
  readonly time: Pick<MemoryTime, 'after'>;
  readonly onAnswer: (answer: PasswordAnswer) => void;
}

const HASH_MILLISECONDS = 100;

export class ModelPasswords implements Passwords {
  readonly #options: ModelPasswordsOptions;
  /** The first ones are being computed. */
  #questions: PasswordQuestion[] = [];
  #isClosed = false;
  /** How many were computed. */
  computed = 0;

  constructor(options: ModelPasswordsOptions) {
    this.#options = options;
  }

  get isFull(): boolean {
    const { checksAtOnce, checksWaitingMax } = PASSWORD_LIMITS;
    return this.#questions.length >= checksAtOnce + checksWaitingMax;
  }

  ask(question: PasswordQuestion): void {
    assert(!this.isFull, 'there is room for the question');
    this.#questions.push(question);
    if (this.#questions.length <= PASSWORD_LIMITS.checksAtOnce) this.#compute(question);
  }

  close(): void {
    this.#isClosed = true;
  }

  #compute(question: PasswordQuestion): void {
    this.#options.time.after(HASH_MILLISECONDS, () => {
      if (this.#isClosed) return;
      this.computed += 1;
      this.#questions = this.#questions.filter((one) => one !== question);
      const next = this.#questions[PASSWORD_LIMITS.checksAtOnce - 1];
      if (next !== undefined) this.#compute(next);
      const verifier = modelVerifier(question.password, question);
      this.#options.onAnswer({ id: question.id, verifier });
    });
  }
}

export function modelVerifier(password: Uint8Array, { salt, cost }: PasswordTerms): Uint8Array {
  const { logN, r, p } = cost;
  return sha256(password, salt, Uint8Array.of(logN, r, p));
}
