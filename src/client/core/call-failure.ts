/** How a call ends that does not succeed. */

import type { Attempt, KvErrorCode, Outcome } from '../../base/errors.ts';

/** Why a call failed, and whether it took effect all the same. */
export interface CallFailure {
  readonly type: 'failed';
  readonly code: KvErrorCode;
  readonly outcome: Outcome;
  readonly message: string;
  readonly attempts: readonly Attempt[];
}
