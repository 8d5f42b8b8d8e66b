/** Validation: whether what was read in several shards, at several moments, was true at one. */

import { isProtected, type ValidateCall } from './call.ts';
import { Division } from './division.ts';
import type { FailureMaker } from './errand.ts';
import type { Means } from './means.ts';
import { ValidateErrand } from './validate-errand.ts';

/**
 * Everything was read before and is found unchanged after this moment: so all of it was true now.
 * A version names one value for ever, and of what is absent the shard knows whether it ever came.
 */
export function startValidation(call: ValidateCall, expiresAt: number, means: Means): void {
  const { ledger, sessions, routing, submit } = means;
  const { checks, ranges, moments, level, contest } = call;
  const reserver = isProtected(contest) ? contest : undefined;
  const shardOf = (key: Uint8Array) => routing.shardOf(key);
  const { portions } = new Division({ command: checks, ranges, moments, shardOf });
  let left = portions.length;
  let isOver = left === 0;
  if (isOver) return ledger.settle(call, { type: 'validated', failed: undefined });
  const onFailure = (failureOf: FailureMaker): void => {
    if (!isOver) ledger.settle(call, failureOf(false));
    isOver = true;
  };
  for (const { shard, operations, places } of portions) {
    const onAnswer = (position: number | undefined): void => {
      left -= 1;
      if (isOver || (position === undefined && left > 0)) return;
      isOver = true;
      const failed = position === undefined ? undefined : places[position];
      ledger.settle(call, { type: 'validated', failed });
    };
    const requester = { call, onAnswer, onFailure };
    const terms = { shard, level, checks: operations, expiresAt, requester, sessions, reserver };
    submit(new ValidateErrand(terms));
  }
}
