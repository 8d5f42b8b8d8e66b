/** Files that only the current user can use: tokens, and private keys. */

import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { usageFailure } from './failure.ts';

const OTHERS = 0o077;
const FILE_BYTES_MAX = 1024 * 1024;

interface Description {
  /** What it contains, for messages: `the token`. */
  readonly what: string;
  /** What to do if it cannot be read. */
  readonly hint: string;
}

export function readPrivate(path: string, { what, hint }: Description): string {
  try {
    const { mode, size } = statSync(path);
    if ((mode & OTHERS) !== 0) {
      throw usageFailure(
        `other users of this machine can read or write ${what} ${path}`,
        `restrict it: chmod 600 ${path}`,
      );
    }
    if (size <= FILE_BYTES_MAX) return readFileSync(path, 'utf8');
  } catch (error) {
    if (!(error instanceof Error) || !('syscall' in error)) throw error;
    throw usageFailure(`${what} cannot be read: ${error.message}`, hint);
  }
  throw usageFailure(`${what} ${path} is larger than ${FILE_BYTES_MAX} bytes`, hint);
}

export function writePrivate(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, text, { mode: 0o600 });
  // The mode above is of a new file only.
  chmodSync(path, 0o600);
}
