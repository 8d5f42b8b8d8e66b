/** How a call ends: once, with a result or with a failure. */

import type { Attempt, KvErrorCode, Outcome } from '../../base/errors.ts';

/** Why a call failed, and whether it took effect all the same. */
export interface Failure {
  readonly type: 'failed';
  readonly code: KvErrorCode;
  readonly outcome: Outcome;
  readonly message: string;
  readonly attempts: readonly Attempt[];
}

/** What every call has. It ends exactly once, by its timeout at the latest. */
export interface Settled<Result> {
  readonly timeoutMilliseconds: number;
  /** Called once, and never from inside `call` unless the call is refused at once. */
  readonly settle: (result: Result | Failure) => void;
}
