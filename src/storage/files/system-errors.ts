/** Errors of the operating system. */

import { isError } from '../../base/is-error.ts';

/** The system's code: EIO, ENOSPC, ENOENT. */
export function errnoOf(error: unknown): string {
  return isError(error) && 'code' in error ? String(error.code) : String(error);
}

/** LevelDB reports a full disk in a message, without a code. */
export function isOutOfSpace(error: unknown): boolean {
  return isError(error) && /no space left|quota exceeded/i.test(error.message);
}
