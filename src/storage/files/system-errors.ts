/** What the operating system says of a failed call. */

/** As the system spells it: EIO, ENOSPC, ENOENT. */
export function errnoOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

/** LevelDB has a text for it, and no code. */
export function isOutOfSpace(error: unknown): boolean {
  return error instanceof Error && /no space left|quota exceeded/i.test(error.message);
}
