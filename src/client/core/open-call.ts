/** What every call has in common: how it ends, and where it waits until then. */

import type { CallFailure } from './call-failure.ts';
import type { ShardRequest } from './shard-request.ts';

/** It ends exactly once, by its timeout at the latest. */
export interface OpenCall<Result> {
  readonly timeoutMilliseconds: number;
  /** Called once, and never from inside `call` unless the call is refused at once. */
  readonly settle: (result: Result | CallFailure) => void;
  /**
   * The errand that took it last, set by errands: a call that is given up is found without a
   * search. A call that is in several errands is known to each of them until it has ended.
   */
  request?: ShardRequest;
}
