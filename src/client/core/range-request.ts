/** One page of a range of one shard: for scans, for counting, and to hear a shard's log time. */

import type { ShardId } from '../../base/ids.ts';
import { compareBytes } from '../../machine/bytes.ts';
import type { ReadLevel, Request } from '../../wire/request.ts';
import type { Response } from '../../wire/response.ts';
import type { Call } from './call.ts';
import type { KeyRange, RangeQuestion, RangeResponse } from './range.ts';
import type { Sessions } from './sessions.ts';
import {
  BROKEN,
  type FailureMaker,
  newTrip,
  OVER,
  type ShardRequest,
  type Terms,
  type Trip,
  type Verdict,
} from './shard-request.ts';

/** Whoever asked: told once, of an answer or of a failure. */
export interface RangeListener {
  /** Undefined if it is only a step of something that is asked for more often. */
  readonly call: Call | undefined;
  /** False if the answer cannot be used: then it is asked again, until its time is over. */
  onAnswer(response: RangeResponse): boolean;
  onFailure(failureOf: FailureMaker): void;
}

interface RangeOptions {
  readonly shard: ShardId;
  readonly level: ReadLevel;
  readonly question: RangeQuestion;
  readonly expiresAt: number;
  readonly requester: RangeListener;
  readonly sessions: Sessions;
  readonly trip?: Trip;
}

export class RangeRequest implements ShardRequest {
  readonly trip: Trip;
  readonly #options: RangeOptions;
  #isOver = false;

  constructor(options: RangeOptions) {
    this.#options = options;
    this.trip = options.trip ?? newTrip();
    if (options.requester.call !== undefined) options.requester.call.request = this;
  }

  get shard(): ShardId {
    return this.#options.shard;
  }

  get level(): ReadLevel {
    return this.#options.level;
  }

  get timesNeeded(): readonly ShardId[] {
    return [];
  }

  get bytes(): number {
    const { from, to } = this.#options.question.range;
    return from.length + to.length;
  }

  get firstExpiresAt(): number {
    return this.#options.expiresAt;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  toWire({ id, epoch, now }: Terms): Request {
    const { shard, level, question, expiresAt } = this.#options;
    const patienceMilliseconds = Math.max(1, Math.ceil(expiresAt - now));
    const { range, isReverse, answer, rowsMax } = question;
    return {
      type: 'range',
      id,
      shard,
      epoch,
      level,
      patienceMilliseconds,
      range: { ...range, isReverse, answer, rowsMax },
    };
  }

  take(response: Response, now: number): Verdict {
    const { sessions, shard, question, requester, level } = this.#options;
    if (response.type !== 'range' || !isSound(response, question)) return BROKEN;
    if (level.type !== 'stale') sessions.hear(shard, response.time, now);
    if (this.#isOver) return OVER;
    // Until an answer is taken, the asker is owed one: what cannot be used is asked for again.
    if (!requester.onAnswer(response)) return BROKEN;
    this.#isOver = true;
    return OVER;
  }

  expire(now: number, failureOf: FailureMaker): void {
    if (now >= this.#options.expiresAt) this.fail(failureOf);
  }

  /** The call may hang on other errands as well: it is told though this one is over. */
  drop(_call: Call, failureOf: FailureMaker): void {
    this.#isOver = true;
    this.#options.requester.onFailure(() => failureOf(false));
  }

  fail(failureOf: FailureMaker): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.requester.onFailure(() => failureOf(false));
  }

  halves(): readonly ShardRequest[] {
    const { question } = this.#options;
    const rowsMax = question.rowsMax >> 1;
    if (rowsMax === 0) return [];
    const trip: Trip = { ...this.trip, state: 'ready' };
    return [new RangeRequest({ ...this.#options, question: { ...question, rowsMax }, trip })];
  }
}

/** Rows of the range in its order, each once, and something seen if there is more to see. */
function isSound(
  { rows, last, isEnd, count }: RangeResponse,
  { range, isReverse, answer, rowsMax }: RangeQuestion,
): boolean {
  if (!isEnd && last.length === 0) return false;
  if (last.length > 0 && !isWithin(last, range)) return false;
  if (answer === 'count' ? rows.length > 0 : rows.length > rowsMax || rows.length !== count) {
    return false;
  }
  let former: Uint8Array | undefined;
  for (const { key } of rows) {
    if (!isWithin(key, range)) return false;
    if (former !== undefined) {
      const order = compareBytes(former, key);
      if (isReverse ? order <= 0 : order >= 0) return false;
    }
    former = key;
  }
  if (former === undefined || last.length === 0) return former === undefined;
  const order = compareBytes(former, last);
  return isReverse ? order >= 0 : order <= 0;
}

function isWithin(key: Uint8Array, { from, to }: KeyRange): boolean {
  if (compareBytes(key, from) < 0) return false;
  return to.length === 0 || compareBytes(key, to) < 0;
}

/** Asks for nothing but the time of the shard, which every answer brings. */
export const TIME_QUESTION: RangeQuestion = {
  range: { from: new Uint8Array([0]), to: new Uint8Array([0, 0]) },
  isReverse: false,
  answer: 'count',
  rowsMax: 1,
};
