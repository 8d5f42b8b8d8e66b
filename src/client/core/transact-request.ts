/** A command over several shards: one transaction, its numbers, its copies, and its outcome. */

import { present, unreachable } from '../../base/assert.ts';
import type { Attempt } from '../../base/errors.ts';
import type { ShardId } from '../../base/ids.ts';
import type { Reason, Reply } from '../../machine/reply.ts';
import { isLocking, type Part } from '../../machine/transaction.ts';
import { encodeTransaction } from '../../machine/transaction-codec.ts';
import { keyPosition } from '../../ring/key-position.ts';
import type { Request } from '../../wire/request.ts';
import type { Response } from '../../wire/response.ts';
import { CLIENT_LIMITS } from '../limits.ts';
import type { CommitCall, GaveWay, Priority, Replied, WriteTrace } from './call.ts';
import { type CallFailure, fencedBy, lateFailure, notApplied, refusalOf } from './call-failure.ts';
import { onlyReplyOf, settleRequest } from './query-request.ts';
import { decideRefusal } from './retry-policy.ts';
import type { Numbers, Sessions } from './sessions.ts';
import {
  type AnswerContext,
  type Listener,
  OVER,
  type RequestBody,
  type ShardRequest,
  type Terms,
  UNREADABLE,
  type Verdict,
  type Waiter,
} from './shard-request.ts';
import type { ShardSplit } from './shard-split.ts';

export type TransactListener = Listener<Replied | GaveWay>;

/** The content of a transaction; without a priority it is retried until its timeout. */
export type TransactTerms = Pick<
  CommitCall,
  'command' | 'ranges' | 'moments' | 'guards' | 'trace'
> & {
  readonly priority: Priority | undefined;
};

/** The terms of a command that depends on nothing that was read before. */
export const NOTHING_SEEN = { ranges: [], moments: new Map(), priority: undefined };

interface TransactOptions {
  readonly listener: TransactListener;
  readonly split: ShardSplit;
  readonly priority: Priority;
  /** Contention ends it at once: the caller runs the function again. */
  readonly isOnce: boolean;
  readonly trace: WriteTrace | undefined;
}

/**
 * Encoded once: all copies have the same bytes, and only the first that is decided ever is. If none
 * can take effect any more, it is renewed under other numbers, with the same age.
 */
export class TransactRequest implements RequestBody, Waiter {
  readonly kind = 'transact';
  readonly waiters = [this];
  readonly call: Waiter['call'];
  readonly expiresAt: number;
  readonly shard: ShardId;
  readonly bytes: number;
  readonly timesNeeded: readonly ShardId[];
  readonly #options: TransactOptions;
  #encoded: Uint8Array | undefined;
  #numbers: Numbers | undefined;
  #copies = 0;
  /** Failed attempts before this one, as they were encoded. */
  #attempts = 0;
  settlesAt = Number.POSITIVE_INFINITY;
  /** It took effect, and only its result is missing. */
  #isCommitted = false;
  isOver = false;

  constructor(options: TransactOptions) {
    this.#options = options;
    this.call = options.listener.call;
    this.expiresAt = options.listener.expiresAt;
    this.bytes = options.split.bytesMax;
    this.timesNeeded = options.split.portions.map(({ shard }) => shard);
    this.shard = present(this.timesNeeded[0], 'the home shard is the first, and coordinates');
  }

  encode(terms: Terms): Request | undefined {
    this.#encoded ??= this.#encodeOnce(terms);
    if (this.#encoded === undefined) return undefined;
    this.#copies += 1;
    this.#options.trace?.sent(terms.now, this.#numbers?.deadlines[0] ?? 0);
    const { shard } = this;
    const epoch = terms.epochOf(shard);
    return { type: 'transact', id: terms.id, shard, epoch, transaction: this.#encoded };
  }

  take(response: Response, context: AnswerContext): Verdict {
    const reply = onlyReplyOf(response);
    // The home shard may have told its decision already, and every later answer repeats it.
    if (this.isOver) return OVER;
    if (reply?.type === 'refused') return this.#refuse(reply, context);
    if (reply === undefined) return UNREADABLE;
    if (this.#tellDecision(reply, context.request.history)) return OVER;
    if (reply.type !== 'committed' || reply.versions.length > 0) return UNREADABLE;
    this.#isCommitted = true;
    this.fail(answerLost(context.request.history));
    return OVER;
  }

  fail(failure: CallFailure): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#options.listener.fail(this.#isCommitted ? answerLost(failure.attempts) : failure);
  }

  /** Asks the home shard for the outcome, beside the copy in flight: a decision is final. */
  settle({ request, sessions }: AnswerContext): RequestBody {
    this.settlesAt = Number.POSITIVE_INFINITY;
    const { split, priority } = this.#options;
    const numbers = present(this.#numbers, 'what is in doubt was numbered');
    const locking = split.portions.filter(({ isLocking }) => isLocking);
    const participants = locking.map(({ operations }, at) => {
      const first = present(operations.find(isLocking), 'a portion that locks has a key');
      return { position: keyPosition(first.key), deadline: numbers.deadlines[at] as number };
    });
    const home = present(participants[0], 'a transaction has a home').position;
    const id = { home, client: sessions.client, sequence: numbers.sequence };
    const contender = { id, attempts: this.#attempts, age: present(priority.age, 'it has an age') };
    const { shard, expiresAt } = this;
    const isNeedless = () => this.isOver;
    const onReply = (reply: Reply) => {
      this.#learn(reply, request);
      if (this.isOver) this.close(sessions);
    };
    return settleRequest({ shard, contender, participants, expiresAt, isNeedless, onReply });
  }

  renewed(): RequestBody {
    return new TransactRequest(this.#options);
  }

  close(sessions: Sessions): void {
    this.isOver = true;
    if (this.#numbers !== undefined) sessions.close(this.#numbers);
  }

  /** Undefined while the log time of a shard is not known, or a session has no room. */
  #encodeOnce({ now, epochOf, sessions }: Terms): Uint8Array | undefined {
    const { split, priority } = this.#options;
    const { portions } = split;
    const participants = portions.filter(({ isLocking }) => isLocking).map(({ shard }) => shard);
    const isReady =
      portions.every(({ shard }) => sessions.knowsTime(shard, now)) &&
      participants.every((shard) => sessions.hasRoom(shard));
    if (!isReady) return undefined;
    priority.age ??= sessions.timeOf(this.shard, now);
    this.#attempts = priority.attempts;
    const wait = this.expiresAt - now;
    const numbers = sessions.number(participants, { wait, now });
    this.#numbers = numbers;
    this.settlesAt = this.expiresAt - Math.min(CLIENT_LIMITS.settleMilliseconds, wait / 4);
    return encodeTransaction({
      client: sessions.client,
      sequence: numbers.sequence,
      attempts: this.#attempts,
      age: priority.age,
      parts: portions.map(({ shard, operations }): Part => {
        const numbered = numbers.deadlines[participants.indexOf(shard)];
        const deadline = numbered ?? sessions.deadlineIn(shard, { wait, now });
        return { shard, epoch: epochOf(shard), deadline, operations };
      }),
    });
  }

  /** False if the reply is not a decision on this command. */
  #tellDecision(reply: Reply, attempts: readonly Attempt[]): boolean {
    const { split } = this.#options;
    if (reply.type === 'committed') {
      const done = split.doneOf(reply.versions, reply.outputs);
      return done !== undefined && this.#tell({ type: 'replied', reply: done });
    }
    const position = reply.type === 'check-failed' ? split.placeAt(reply.position) : undefined;
    if (reply.type !== 'check-failed' || position === undefined) return false;
    const guard = split.guardAt(position);
    if (guard !== undefined) {
      this.fail(fencedBy({ ...guard, highest: reply.version }, attempts));
      return true;
    }
    return this.#tell({ type: 'replied', reply: { ...reply, position } });
  }

  #tell(reply: Replied | GaveWay): true {
    this.isOver = true;
    this.#options.listener.answer(reply);
    return true;
  }

  /** A decision is the fate of all copies. Any other reply leaves the doubt as it was. */
  #learn(reply: Reply, { history: attempts }: ShardRequest): void {
    if (this.#tellDecision(reply, attempts)) return;
    // Another copy of the transaction may still bring its result.
    if (reply.type === 'committed') this.#isCommitted = true;
    else if (reply.type === 'refused' && DECIDED.includes(reply.reason)) {
      const code = reply.reason === 'gave-way' ? 'contended' : 'timeout';
      const message = `its home shard ${this.shard} aborted it when its time was nearly over`;
      this.fail(notApplied(code, message, attempts));
    }
  }

  #refuse(reply: Extract<Reply, { type: 'refused' }>, context: AnswerContext): Verdict {
    const { reason: why } = reply;
    const { request, sessions } = context;
    const place = this.#options.split.placeAt(reply.position);
    if (DECIDED.includes(why)) {
      const position = why === 'gave-way' ? place : undefined;
      if (this.#options.isOnce && this.#tell({ type: 'gave-way', position })) return OVER;
      request.noteContention(this.#keyAt(position));
      this.#options.priority.attempts += 1;
    }
    if (why === 'deadline-too-far') {
      for (const shard of this.timesNeeded) sessions.forgetTime(shard);
    }
    const copies = this.#copies;
    const decision = decideRefusal({ kind: this.kind, why, copies, doubts: request.doubts });
    switch (decision.type) {
      case 'resend':
      case 'renew':
        return decision;
      case 'expire':
        this.fail(lateFailure(copies, request));
        return OVER;
      case 'fail':
        this.fail(refusalOf(decision.reason, this.#keyAt(place), request));
        return OVER;
      default:
        return unreachable(decision);
    }
  }

  #keyAt(place: number | undefined): Uint8Array | undefined {
    for (const { places, operations } of this.#options.split.portions) {
      const at = place === undefined ? -1 : places.indexOf(place);
      if (at >= 0) return operations[at]?.key;
    }
    return undefined;
  }
}

function answerLost(attempts: readonly Attempt[]): CallFailure {
  const message = 'it took effect, but the shard no longer remembers its result';
  return { type: 'failed', code: 'answer-lost', outcome: 'applied', message, attempts };
}

/** Reasons with which the abort of all copies is decided. */
const DECIDED: readonly Reason[] = ['aborted', 'gave-way'];
