/** Counting: each shard counts its part, page by page. */

import type { ShardId } from '../../base/ids.ts';
import { REQUEST_LIMITS } from '../../base/limits.ts';
import type { CountCall } from './call.ts';
import type { CallContext } from './call-context.ts';
import { type RangeResponse, rangeBehind } from './range.ts';
import { RangeRequest } from './range-request.ts';
import type { FailureMaker } from './shard-request.ts';

/** Each page is as of one moment of one shard, so the sum need not have been true at any. */
export function startCount(call: CountCall, expiresAt: number, context: CallContext): void {
  const { openCalls, sessions, submit } = context;
  const { shards } = context.routing;
  let count = 0;
  let shardsLeft = shards.length;
  let isOver = false;
  const ask = (shard: ShardId, range: CountCall['range']): void => {
    const onAnswer = (response: RangeResponse): boolean => {
      if (isOver) return true;
      count += response.count;
      if (!response.isEnd) {
        ask(shard, rangeBehind(range, { last: response.last, isReverse: false }));
        return true;
      }
      shardsLeft -= 1;
      isOver = shardsLeft === 0;
      if (isOver) openCalls.settle(call, { type: 'counted', count });
      return true;
    };
    const onFailure = (failureOf: FailureMaker): void => {
      if (!isOver) openCalls.settle(call, failureOf(false));
      isOver = true;
    };
    const { rowsMax } = REQUEST_LIMITS;
    submit(
      new RangeRequest({
        shard,
        level: call.level,
        question: { range, isReverse: false, answer: 'count', rowsMax },
        expiresAt,
        requester: { call, onAnswer, onFailure },
        sessions,
      }),
    );
  };
  for (const shard of shards) ask(shard, call.range);
}
