/** Fan-out: one call as requests to several shards, and how their answers are joined. */

import type { ShardId } from '../../base/ids.ts';
import { REQUEST_LIMITS } from '../../base/limits.ts';
import { type Call, type CountCall, isProtected, type ValidateCall } from './call.ts';
import type { CallFailure } from './call-failure.ts';
import type { OpenCalls } from './open-calls.ts';
import { rangeRequest, validateRequest } from './query-request.ts';
import { type KeyRange, type RangeAnswer, rangeBehind } from './range.ts';
import type { Routing } from './routing.ts';
import { Listener, type RequestBody } from './shard-request.ts';
import { ShardSplit } from './shard-split.ts';
import type { TransactListener, TransactTerms } from './transact-request.ts';

/** The parts of the core that make requests for a call, and end it. */
export interface CallContext {
  readonly openCalls: OpenCalls;
  readonly routing: Routing;
  /** Sends it at the end of the turn, or after a backoff for so many conflicts. */
  readonly submit: (body: RequestBody, contentions?: number) => void;
  /** Required: the command locks a key. */
  readonly transact: (terms: TransactTerms, listener: TransactListener) => void;
}

type Progress<Part> =
  | 'part-done'
  /** The other answers do not matter. */
  | 'all-done'
  | 'unreadable'
  /** The part that is still to be asked. */
  | { readonly more: Part };

interface FanOut<Part, Answer> {
  readonly parts: readonly Part[];
  /** Undefined if no call waits for it directly. */
  readonly call: Call | undefined;
  readonly expiresAt: number;
  readonly request: (part: Part, listener: Listener<Answer>) => RequestBody;
  readonly take: (part: Part, answer: Answer) => Progress<Part>;
  /** Called once, when all parts are done. */
  readonly join: () => void;
  /** Called once, with the first failure, instead of failing the call. */
  readonly fail?: (failure: CallFailure) => void;
}

/** One request for each part, until all are answered or one has failed. */
export function fanOut<Part, Answer>(
  { parts, call, expiresAt, request, take, join, fail }: FanOut<Part, Answer>,
  { openCalls, submit }: CallContext,
): void {
  let left = parts.length;
  let isOver = false;
  const onFailure = (failure: CallFailure): void => {
    if (isOver) return;
    isOver = true;
    if (fail !== undefined) fail(failure);
    else if (call !== undefined) openCalls.settle(call, failure);
  };
  const ask = (part: Part): void => {
    const onAnswer = (answer: Answer): boolean => {
      const progress = isOver ? 'part-done' : take(part, answer);
      if (progress === 'unreadable') return false;
      if (typeof progress === 'object') ask(progress.more);
      else left = progress === 'all-done' ? 0 : left - 1;
      if (left === 0 && !isOver) {
        isOver = true;
        join();
      }
      return true;
    };
    submit(request(part, new Listener({ call, expiresAt }, onAnswer, onFailure)));
  };
  if (left === 0) join();
  for (const part of parts) ask(part);
}

/**
 * Validation: everything was read before and is found unchanged after this moment, so all of it was
 * true now. A version names one value for ever, and a shard knows whether an absent key ever came.
 */
export function startValidation(call: ValidateCall, expiresAt: number, context: CallContext): void {
  const { openCalls, routing } = context;
  const { checks, ranges, moments, level, priority } = call;
  const reserver = isProtected(priority) ? priority : undefined;
  const { shardOf } = routing;
  const { portions: parts } = new ShardSplit({ command: checks, ranges, moments, shardOf });
  let failed: number | undefined;
  fanOut<(typeof parts)[number], number | undefined>(
    {
      parts,
      call,
      expiresAt,
      request: ({ shard, operations }, listener) => {
        return validateRequest({ shard, level, checks: operations, listener, reserver });
      },
      take: ({ places }, position) => {
        if (position === undefined) return 'part-done';
        failed = places[position];
        return 'all-done';
      },
      join: () => openCalls.settle(call, { type: 'validated', failed }),
    },
    context,
  );
}

/** Each page is as of one moment of one shard, so the sum need not have been true at any. */
export function startCount(call: CountCall, expiresAt: number, context: CallContext): void {
  const { openCalls, routing } = context;
  const { level } = call;
  let count = 0;
  const { rowsMax } = REQUEST_LIMITS;
  fanOut<{ readonly shard: ShardId; readonly range: KeyRange }, RangeAnswer>(
    {
      parts: routing.shardsOf(call.range).map((shard) => ({ shard, range: call.range })),
      call,
      expiresAt,
      request: ({ shard, range }, listener) => {
        const question = { range, isReverse: false, answer: 'count', rowsMax } as const;
        return rangeRequest({ shard, level, question, listener });
      },
      take: ({ shard, range }, { count: more, last, isEnd }) => {
        count += more;
        if (isEnd) return 'part-done';
        return { more: { shard, range: rangeBehind(range, { last, isReverse: false }) } };
      },
      join: () => openCalls.settle(call, { type: 'counted', count }),
    },
    context,
  );
}
