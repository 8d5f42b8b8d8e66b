/**
 * Queries: one page of a range, whether checks hold, the outcome of a transaction. Each asks one
 * shard for one listener, and it is always safe to send it again.
 */

import { compareBytes } from '../../base/bytes.ts';
import type { ShardId } from '../../base/ids.ts';
import type { Command } from '../../machine/command.ts';
import { decodeReply, type Reply } from '../../machine/reply.ts';
import type { Participant } from '../../machine/transaction.ts';
import { encodeOperations } from '../../machine/transaction-codec.ts';
import type { Contender } from '../../machine/transaction-id.ts';
import type { ReadLevel } from '../../wire/request.ts';
import type { Response } from '../../wire/response.ts';
import type { Priority } from './call.ts';
import { refusalOf } from './call-failure.ts';
import { isWithin, type RangeAnswer, type RangeQuestion, type RangeResponse } from './range.ts';
import { decideRefusal } from './retry-policy.ts';
import {
  type Listener,
  OVER,
  type RequestBody,
  type Terms,
  UNREADABLE,
  type Verdict,
} from './shard-request.ts';

interface RangeOptions {
  readonly shard: ShardId;
  readonly level: ReadLevel;
  readonly question: RangeQuestion;
  readonly listener: Listener<RangeAnswer>;
}

/** One page of a range: for scans, counts, and to learn the log time of a shard. */
export function rangeRequest(options: RangeOptions): RequestBody {
  const { shard, level, question, listener } = options;
  const { range, isReverse, answer, rowsMax } = question;
  return {
    kind: 'range',
    shard,
    level,
    waiters: [listener],
    bytes: range.from.length + range.to.length,
    encode(terms) {
      const header = readHeader(terms, shard, level, listener.expiresAt);
      return { type: 'range', ...header, range: { ...range, isReverse, answer, rowsMax } };
    },
    take(response, { now }) {
      if (response.type !== 'range' || !isSound(response, question)) return UNREADABLE;
      return listener.answer({ ...response, clock: now - response.time });
    },
    halves() {
      const half = { ...question, rowsMax: rowsMax >> 1 };
      return half.rowsMax === 0 ? [] : [rangeRequest({ ...options, question: half })];
    },
  };
}

interface ValidateOptions {
  readonly shard: ShardId;
  readonly level: ReadLevel;
  readonly checks: Command;
  /** Gets the position of the check that does not hold; undefined if all hold. */
  readonly listener: Listener<number | undefined>;
  /** The transaction that has reserved the keys. */
  readonly reserver?: Priority | undefined;
}

/** Whether checks of one shard hold, all at one moment, while no transaction holds their keys. */
export function validateRequest(options: ValidateOptions): RequestBody {
  const { shard, level, checks, listener, reserver: priority } = options;
  const encoded = encodeOperations(checks);
  return {
    kind: 'validate',
    shard,
    level,
    waiters: [listener],
    bytes: encoded.length,
    encode(terms) {
      const header = readHeader(terms, shard, level, listener.expiresAt);
      const reserver = priority && terms.sessions.reserverIn(shard, priority, terms.now);
      const asked = { type: 'validate', ...header, owner: undefined, checks: encoded } as const;
      return reserver === undefined ? asked : { ...asked, reserver };
    },
    take(response, { request }): Verdict {
      const reply = onlyReplyOf(response);
      if (reply?.type === 'done') return listener.answer(undefined);
      if (reply?.type === 'check-failed') {
        return reply.position < checks.length ? listener.answer(reply.position) : UNREADABLE;
      }
      if (reply?.type !== 'locked' && reply?.type !== 'refused') return UNREADABLE;
      if (reply.type === 'locked') request.noteContention(checks[reply.position]?.key);
      const why = reply.type === 'locked' ? 'locked' : reply.reason;
      const { doubts } = request;
      const decision = decideRefusal({ kind: 'validate', why, copies: 1, doubts });
      if (decision.type !== 'fail') return { ...decision, type: 'resend' };
      if (!listener.isOver) listener.fail(refusalOf(decision.reason, undefined, request));
      return OVER;
    },
  };
}

interface SettleOptions {
  /** The home shard. */
  readonly shard: ShardId;
  readonly contender: Contender;
  readonly participants: readonly Participant[];
  readonly expiresAt: number;
  /** Another answer has ended the transaction meanwhile. */
  readonly isNeedless: () => boolean;
  readonly onReply: (reply: Reply) => void;
}

/** The outcome of a transaction, from its home shard, which aborts it if it is not decided. */
export function settleRequest(options: SettleOptions): RequestBody {
  const { shard, contender, participants, expiresAt, isNeedless, onReply } = options;
  let isOver = false;
  // The call waits for the request of the transaction, not for this one.
  const waiter = {
    call: undefined,
    expiresAt,
    get isOver() {
      return isOver || isNeedless();
    },
    fail() {
      isOver = true;
    },
  };
  return {
    kind: 'settle',
    shard,
    waiters: [waiter],
    bytes: participants.length * PARTICIPANT_BYTES,
    encode: ({ id }) => {
      return { type: 'settle', id, shard, contender, participants, isPreempting: true };
    },
    take(response) {
      const reply = onlyReplyOf(response);
      if (reply === undefined) return UNREADABLE;
      if (!waiter.isOver) onReply(reply);
      isOver = true;
      return OVER;
    },
  };
}

const PARTICIPANT_BYTES = 20;

/** The reply to one command; undefined if the response is something else. */
export function onlyReplyOf(response: Response): Reply | undefined {
  if (response.type !== 'written' || response.replies.length !== 1) return undefined;
  return decodeReply(response.replies[0] as Uint8Array);
}

/** The fields that all requests that read have in common. */
export function readHeader(terms: Terms, shard: ShardId, level: ReadLevel, expiresAt: number) {
  const { id, now, epochOf } = terms;
  const patienceMilliseconds = Math.max(1, Math.ceil(expiresAt - now));
  return { id, shard, epoch: epochOf(shard), level, patienceMilliseconds };
}

/** Rows of the range in its order, each once, and progress unless it is the end. */
function isSound(
  { rows, last, isEnd, count }: RangeResponse,
  { range, isReverse, answer, rowsMax }: RangeQuestion,
): boolean {
  const isCounted = answer === 'count' ? rows.length === 0 : rows.length === count;
  if (!isCounted || rows.length > rowsMax) return false;
  if (last.length === 0 ? !isEnd || rows.length > 0 : !isWithin(last, range)) return false;
  const orderOf = (one: Uint8Array, other: Uint8Array) => {
    return isReverse ? compareBytes(other, one) : compareBytes(one, other);
  };
  return rows.every(({ key }, at) => {
    const next = rows[at + 1]?.key;
    const isOrdered = next === undefined ? orderOf(key, last) <= 0 : orderOf(key, next) < 0;
    return isOrdered && isWithin(key, range);
  });
}

/**
 * Asks only for the log time of the shard, which every answer brings. The range is empty: a
 * client that may do anything at all may ask for it.
 */
export const TIME_QUESTION: RangeQuestion = {
  range: { from: new Uint8Array([0]), to: new Uint8Array([0]) },
  isReverse: false,
  answer: 'count',
  rowsMax: 1,
};
