/** Computes scrypt on a thread of the process's pool: the loop that serves requests is not held. */

import { scrypt } from 'node:crypto';
import { PASSWORD_LIMITS } from '../access/limits.ts';
import {
  PASSWORD_COST,
  type PasswordRow,
  type PasswordTerms,
  passwordBytes,
} from '../access/password.ts';
import { secureBytes } from '../base/ambient.ts';

/** Calls back in a later turn; without a result where memory is missing. */
export function derive(
  password: Uint8Array,
  { salt, cost: { logN, r, p } }: PasswordTerms,
  done: (verifier: Uint8Array | undefined) => void,
): void {
  const N = 2 ** logN;
  // What RFC 7914 needs, and room for its working blocks.
  const maxmem = 128 * r * (N + p + 8);
  const options = { N, r, p, maxmem };
  scrypt(password, salt, PASSWORD_LIMITS.verifierBytes, options, (error, key) => {
    done(error === null ? new Uint8Array(key) : undefined);
  });
}

/** What the cluster keeps of a new password: computed where it was typed, so it does not leave. */
export function newPassword(user: string, text: string): Promise<PasswordRow> {
  const terms = { salt: secureBytes(PASSWORD_LIMITS.saltBytes), cost: PASSWORD_COST };
  return new Promise((resolve, reject) => {
    derive(passwordBytes(text), terms, (verifier) => {
      if (verifier !== undefined) resolve({ user, ...terms, verifier });
      else reject(new Error('scrypt failed: this process lacks 32 MiB of memory'));
    });
  });
}
