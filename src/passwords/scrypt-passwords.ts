/** The port of a node to scrypt: few at a time, the others in a bounded queue. */

import { PASSWORD_LIMITS } from '../access/limits.ts';
import type { PasswordAnswer, PasswordQuestion, Passwords } from '../access/password.ts';
import { assert } from '../base/assert.ts';
import { derive } from './scrypt.ts';

interface ScryptPasswordsOptions {
  readonly onAnswer: (answer: PasswordAnswer) => void;
}

export class ScryptPasswords implements Passwords {
  readonly #options: ScryptPasswordsOptions;
  #waiting: PasswordQuestion[] = [];
  #running = 0;
  #isClosed = false;

  constructor(options: ScryptPasswordsOptions) {
    this.#options = options;
  }

  get isFull(): boolean {
    return this.#waiting.length >= PASSWORD_LIMITS.checksWaitingMax;
  }

  ask(question: PasswordQuestion): void {
    assert(!this.isFull, 'there is room for the question');
    this.#waiting.push(question);
    this.#proceed();
  }

  close(): void {
    this.#isClosed = true;
    this.#waiting = [];
  }

  #proceed(): void {
    if (this.#isClosed || this.#running >= PASSWORD_LIMITS.checksAtOnce) return;
    const question = this.#waiting.shift();
    if (question === undefined) return;
    this.#running += 1;
    derive(question.password, question, (verifier = NO_MATCH) => {
      this.#running -= 1;
      if (this.#isClosed) return;
      this.#proceed();
      this.#options.onAnswer({ id: question.id, verifier });
    });
  }
}

/** Of another length than any verifier, so equal to none. */
const NO_MATCH = new Uint8Array(0);
