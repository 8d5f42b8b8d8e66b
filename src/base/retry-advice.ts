/** Whether a call that failed is worth another try. */

import { CODES } from './error-codes.ts';
import { isKvError } from './errors.ts';

/** Options of `shouldRetry`. */
export interface RetryAdvice {
  /** The call has the same effect if it happens twice: a `set` of a value that is not computed. */
  readonly idempotent: boolean;
}

/**
 * Whether the same call is worth another try. Never for a call that took effect, nor for one whose
 * outcome is unknown unless it is `idempotent`: so a write cannot happen twice by this advice. The
 * library has retried already until the `timeout`, so pause before each try, and bound their
 * number.
 *
 * @example
 * ```ts
 * for (let tries = 1; ; tries++) {
 *   try {
 *     await kv.set('user:7', { name: 'Ada' });
 *     break;
 *   } catch (error) {
 *     if (tries === 5 || !shouldRetry(error, { idempotent: true })) throw error;
 *     await new Promise((resume) => setTimeout(resume, tries * 1000));
 *   }
 * }
 * ```
 */
export function shouldRetry(error: unknown, { idempotent }: RetryAdvice): boolean {
  if (!isKvError(error)) return false;
  if (error.retryable) return true;
  const isPassing = CODES[error.code]?.[0] === true || error.code === 'answer-lost';
  return idempotent === true && error.outcome === 'unknown' && isPassing;
}
