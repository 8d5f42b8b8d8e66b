/** An operating failure, as people meet it: what happened, whether it took effect, what to do. */

import { CODES, type KvErrorCode } from './error-codes.ts';

/**
 * Whether a failed call took effect. `applied`: it did. `notApplied`: it did not, and will not.
 * `unknown`: it may have taken effect, or may still do so, but at most once.
 */
export type Outcome = 'applied' | 'notApplied' | 'unknown';

/** Attempts of a failed call with one result: where they were sent, and what came back. */
export interface Attempt {
  /** The URL that was tried, as it was given to `connect`; `kv://host:port` for other nodes. */
  readonly endpoint: string;
  /** What the node answered, or why there is no answer. */
  readonly what: string;
  /** How many attempts ended so, if it was more than one. */
  readonly count?: number;
}

/** What a `KvError` is made of. */
export interface KvErrorOptions {
  /** Which failure it is. `retryable` and `hint` follow from it. */
  readonly code: KvErrorCode;
  /** Whether the call took effect. */
  readonly outcome: Outcome;
  /** What failed, on what, and why. */
  readonly message: string;
  /** The latest attempts, the last one last; equal ones are one. None by default. */
  readonly attempts?: readonly Attempt[];
  /** The error behind this one, as in any `Error`. */
  readonly cause?: unknown;
}

/** For tests of rules that hold for each code. */
export const KV_ERROR_CODES = Object.keys(CODES) as readonly KvErrorCode[];

/** The same in every realm, and in every copy of the package. */
const BRAND = Symbol.for('ringkv.KvError');

const READ_FIRST = 'it may have happened: read the keys before you ask again';

/**
 * The error of every call that fails for an operating reason. A missing key and a failed condition
 * are no errors: they are returned as `undefined` and `{ ok: false }`.
 *
 * @example
 * ```ts
 * try {
 *   await kv.set('user:7', { name: 'Ada' });
 * } catch (error) {
 *   if (!isKvError(error)) throw error;
 *   console.error(error.code, error.outcome, error.message, error.hint);
 * }
 * ```
 */
export class KvError extends Error {
  /** Always `KvError`. */
  override readonly name = 'KvError';
  /** Which failure it is: compare this, never the message. */
  readonly code: KvErrorCode;
  /** Whether the call took effect. */
  readonly outcome: Outcome;
  /**
   * The same call may succeed later, and nothing can happen twice by it: nothing was applied. False
   * where the outcome is unknown; read the keys then before you ask again. `shouldRetry` also knows
   * of calls that may safely happen twice.
   */
  readonly retryable: boolean;
  /** What to do, in a sentence for people. */
  readonly hint: string;
  /** The latest attempts, the last one last. Equal ones are one, with a `count`. */
  readonly attempts: readonly Attempt[];

  /**
   * For tests of programs that handle these errors; the library creates its own.
   *
   * @example
   * ```ts
   * const message = 'no node answered';
   * const error = new KvError({ code: 'unreachable', outcome: 'notApplied', message });
   * console.log(error.retryable); // true
   * ```
   */
  constructor({ code, outcome, message, attempts = [], cause }: KvErrorOptions) {
    super(message, cause === undefined ? undefined : { cause });
    const [isRetryable, hint] = CODES[code];
    this.code = code;
    this.outcome = outcome;
    this.retryable = isRetryable && outcome === 'notApplied';
    this.hint = outcome === 'unknown' ? READ_FIRST : hint;
    this.attempts = attempts;
  }
}

// Not a field: those are public, and printed with each error.
Object.defineProperty(KvError.prototype, BRAND, { value: true });

/**
 * Whether a value is a `KvError`: also one of another realm, as tests in Jest meet, or of another
 * copy of the package, for which `instanceof` is false.
 *
 * @example
 * ```ts
 * const failure = await kv.get('user:7').catch((error: unknown) => error);
 * if (isKvError(failure)) console.error(failure.code, failure.hint);
 * ```
 */
export function isKvError(value: unknown): value is KvError {
  return typeof value === 'object' && value !== null && Reflect.get(value, BRAND) === true;
}
