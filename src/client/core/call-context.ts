/** What it takes to send errands on behalf of a call, and to tell it what came of them. */

import type { OpenCalls } from './open-calls.ts';
import type { Routing } from './routing.ts';
import type { Sessions } from './sessions.ts';
import type { ShardRequest } from './shard-request.ts';

export interface CallContext {
  readonly openCalls: OpenCalls;
  readonly sessions: Sessions;
  readonly routing: Routing;
  /** It is on its way from the end of the turn on. */
  readonly submit: (request: ShardRequest) => void;
  /** After a rest that grows with how often others were in the way. */
  readonly submitLater: (request: ShardRequest, contentions: number) => void;
}
