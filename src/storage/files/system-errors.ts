/** Errors of the operating system. */

/** The system's code: EIO, ENOSPC, ENOENT. */
export function errnoOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

/** LevelDB reports a full disk in a message, without a code. */
export function isOutOfSpace(error: unknown): boolean {
  return error instanceof Error && /no space left|quota exceeded/i.test(error.message);
}
