/** Validation: whether what was read in several shards, at several moments, was true at one. */

import { isProtected, type ValidateCall } from './call.ts';
import type { CallContext } from './call-context.ts';
import type { FailureMaker } from './shard-request.ts';
import { ShardSplit } from './shard-split.ts';
import { ValidateRequest } from './validate-request.ts';

/**
 * Everything was read before and is found unchanged after this moment: so all of it was true now.
 * A version names one value for ever, and of what is absent the shard knows whether it ever came.
 */
export function startValidation(call: ValidateCall, expiresAt: number, context: CallContext): void {
  const { openCalls, sessions, routing, submit } = context;
  const { checks, ranges, moments, level, priority } = call;
  const reserver = isProtected(priority) ? priority : undefined;
  const shardOf = (key: Uint8Array) => routing.shardOf(key);
  const { portions } = new ShardSplit({ command: checks, ranges, moments, shardOf });
  let left = portions.length;
  let isOver = left === 0;
  if (isOver) return openCalls.settle(call, { type: 'validated', failed: undefined });
  const onFailure = (failureOf: FailureMaker): void => {
    if (!isOver) openCalls.settle(call, failureOf(false));
    isOver = true;
  };
  for (const { shard, operations, places } of portions) {
    const onAnswer = (position: number | undefined): void => {
      left -= 1;
      if (isOver || (position === undefined && left > 0)) return;
      isOver = true;
      const failed = position === undefined ? undefined : places[position];
      openCalls.settle(call, { type: 'validated', failed });
    };
    const requester = { call, onAnswer, onFailure };
    const terms = { shard, level, checks: operations, expiresAt, requester, sessions, reserver };
    submit(new ValidateRequest(terms));
  }
}
