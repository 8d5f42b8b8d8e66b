/**
 * Passwords: what is kept of one, and the port that computes it. A password can be guessed, so the
 * function is slow and takes much memory (scrypt, RFC 7914), and a node computes it elsewhere.
 */

import { PASSWORD_LIMITS } from './limits.ts';

/** Parameters of scrypt, kept with each result: later passwords may have greater ones. */
export interface PasswordCost {
  /** N, the memory and time, is two to the power of it. */
  readonly logN: number;
  /** The size of a block. */
  readonly r: number;
  /** How often the whole is done. */
  readonly p: number;
}

/** How a password is hashed. */
export interface PasswordTerms {
  /** Random, and new with each change: so it names one password of the user. */
  readonly salt: Uint8Array;
  /** The parameters of scrypt. */
  readonly cost: PasswordCost;
}

/** The password of a user, as the cluster keeps it. */
export interface PasswordRow extends PasswordTerms {
  /** The name of the user. */
  readonly user: string;
  /** The result of scrypt, of `PASSWORD_LIMITS.verifierBytes`. */
  readonly verifier: Uint8Array;
}

/** What is computed for a login. */
export interface PasswordQuestion extends PasswordTerms {
  /** Names the question; the answer has it too. */
  readonly id: number;
  /** The port neither changes nor keeps it. */
  readonly password: Uint8Array;
}

export interface PasswordAnswer {
  readonly id: number;
  readonly verifier: Uint8Array;
}

/**
 * The port to a slow hash.
 *
 * - The answer comes to the listener that the port was made with, once for each question, and never
 *   from inside a call.
 * - The same password, salt and cost have the same answer, at any time and on any node.
 * - At most `PASSWORD_LIMITS.checksAtOnce` are computed at a time, in the order of the questions;
 *   at most `checksWaitingMax` others wait.
 */
export interface Passwords {
  /** As many wait as may. */
  readonly isFull: boolean;
  /** Required: it is not full. */
  ask(question: PasswordQuestion): void;
  /** No answer follows. Safe to call twice. */
  close(): void;
}

/** What a new password gets. The least that OWASP recommends for 32 MiB. */
export const PASSWORD_COST: PasswordCost = { logN: 15, r: 8, p: 3 };

/**
 * For a user that has none: the same work is done, and its result is of no use, so the time of an
 * answer does not tell who has a password.
 */
export const NO_PASSWORD: PasswordTerms = {
  salt: new Uint8Array(PASSWORD_LIMITS.saltBytes),
  cost: PASSWORD_COST,
};

/** Keyboards differ in how they compose a letter; a password does not (RFC 8265). */
export function passwordBytes(text: string): Uint8Array {
  return new TextEncoder().encode(text.normalize('NFC'));
}
