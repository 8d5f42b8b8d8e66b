/** A command over several shards: one transaction, its numbers, its retries, what comes of it. */

import { present, unreachable } from '../../base/assert.ts';
import { CLIENT_LIMITS } from '../../base/client-limits.ts';
import type { ShardId } from '../../base/ids.ts';
import { decodeReply, type Reason, type Reply } from '../../machine/reply.ts';
import { isLocking, type Part } from '../../machine/transaction.ts';
import { encodeTransaction } from '../../machine/transaction-codec.ts';
import { keyPosition } from '../../ring/key-position.ts';
import type { Request } from '../../wire/request.ts';
import type { Response } from '../../wire/response.ts';
import type { Call, GaveWay, Priority, Replied } from './call.ts';
import type { CallFailure } from './call-failure.ts';
import type { Numbers, Sessions } from './sessions.ts';
import { SettleRequest } from './settle-request.ts';
import { isPassing, type PassingReason, refusalOf } from './shard-refusal.ts';
import {
  BROKEN,
  type FailureMaker,
  isInDoubt,
  meet,
  newTrip,
  OVER,
  type ShardRequest,
  type Terms,
  type Trip,
  type Verdict,
} from './shard-request.ts';
import type { ShardSplit } from './shard-split.ts';

/** Whoever asked: told once. */
export interface TransactListener {
  readonly call: Call;
  onReply(reply: Replied | GaveWay): void;
  onFailure(failure: CallFailure): void;
}

interface TransactOptions {
  readonly requester: TransactListener;
  readonly split: ShardSplit;
  readonly priority: Priority;
  /** The asker is told of contention at once, and tries again by himself. */
  readonly isOnce: boolean;
  readonly expiresAt: number;
  readonly sessions: Sessions;
  readonly epochOf: (shard: ShardId) => number;
  readonly submit: (request: ShardRequest) => void;
  readonly trip?: Trip;
}

/**
 * Spelled once: all copies have the same bytes, and whichever is decided first is the only one that
 * ever is. What came to nothing for good is tried again under other numbers, as old as it was.
 */
export class TransactRequest implements ShardRequest {
  readonly trip: Trip;
  readonly level = undefined;
  readonly bytes: number;
  readonly #options: TransactOptions;
  #spelled: Uint8Array | undefined;
  #numbers: Numbers | undefined;
  #copies = 0;
  /** Failed attempts before this one, as it was spelled. */
  #attempts = 0;
  /** When its home shard is asked what became of it, if that is not known by then. */
  #settlesAt = Number.POSITIVE_INFINITY;
  /** It happened, and what is missing is what it has to say. */
  #isCommitted = false;
  #isOver = false;

  constructor(options: TransactOptions) {
    this.#options = options;
    this.trip = options.trip ?? newTrip();
    this.bytes = options.split.bytesMax;
    options.requester.call.request = this;
  }

  /** The home shard: whoever leads it conducts the transaction. */
  get shard(): ShardId {
    return (this.#options.split.portions[0] as { shard: ShardId }).shard;
  }

  get timesNeeded(): readonly ShardId[] {
    return this.#options.split.portions.map(({ shard }) => shard);
  }

  get firstExpiresAt(): number {
    return Math.min(this.#settlesAt, this.#options.expiresAt);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  toWire({ id, epoch, now }: Terms): Request | undefined {
    this.#spelled ??= this.#spell(now);
    if (this.#spelled === undefined) return undefined;
    this.#copies += 1;
    return { type: 'transact', id, shard: this.shard, epoch, transaction: this.#spelled };
  }

  take(response: Response, now: number): Verdict {
    if (response.type !== 'written' || response.replies.length !== 1) return BROKEN;
    // What was learned from its home shard is what every other answer says.
    if (this.#isOver) return OVER;
    this.#options.sessions.hear(this.shard, response.time, now);
    const reply = decodeReply(response.replies[0] as Uint8Array);
    switch (reply?.type) {
      case 'committed':
        return this.#succeed(reply);
      case 'check-failed': {
        const position = this.#options.split.placeAt(reply.position);
        if (position === undefined) return BROKEN;
        return this.#tell({ type: 'replied', reply: { ...reply, position } });
      }
      case 'refused':
        return this.#refuse(reply.reason, this.#options.split.placeAt(reply.position));
      default:
        return BROKEN;
    }
  }

  expire(now: number, failureOf: FailureMaker): void {
    if (now >= this.#options.expiresAt) this.fail(failureOf);
    else if (now >= this.#settlesAt && isInDoubt(this.trip)) this.#settle();
  }

  drop(_call: Call, failureOf: FailureMaker): void {
    this.fail(failureOf);
  }

  fail(failureOf: FailureMaker): void {
    if (this.#isOver) return;
    if (this.#isCommitted) this.#missAnswer();
    else this.#miss(failureOf(isInDoubt(this.trip)));
  }

  /** It happens as a whole, and was judged when it was called. */
  halves(): readonly ShardRequest[] {
    return [];
  }

  /** Undefined while a shard's time is not known, or a session has no room. */
  #spell(now: number): Uint8Array | undefined {
    const { sessions, split, expiresAt, priority, epochOf } = this.#options;
    const { portions } = split;
    const participants = portions.filter(({ isLocking }) => isLocking).map(({ shard }) => shard);
    const isReady =
      portions.every(({ shard }) => sessions.knowsTime(shard, now)) &&
      participants.every((shard) => sessions.hasRoom(shard));
    if (!isReady) return undefined;
    priority.age ??= sessions.timeOf(this.shard, now);
    this.#attempts = priority.attempts;
    const terms = { wait: expiresAt - now, now };
    const numbers = sessions.number(participants, terms);
    this.#numbers = numbers;
    const reserve = Math.min(CLIENT_LIMITS.settleMilliseconds, (expiresAt - now) / 4);
    this.#settlesAt = expiresAt - reserve;
    return encodeTransaction({
      client: sessions.client,
      sequence: numbers.sequence,
      attempts: this.#attempts,
      age: priority.age,
      parts: portions.map(({ shard, operations }): Part => {
        const numbered = numbers.deadlines[participants.indexOf(shard)];
        const deadline = numbered ?? sessions.deadlineIn(shard, terms);
        return { shard, epoch: epochOf(shard), deadline, operations };
      }),
    });
  }

  #succeed({ versions, outputs }: Extract<Reply, { type: 'committed' }>): Verdict {
    const done = this.#options.split.doneOf(versions, outputs);
    if (done !== undefined) return this.#tell({ type: 'replied', reply: done });
    if (versions.length > 0) return BROKEN;
    this.#missAnswer();
    return OVER;
  }

  #missAnswer(): void {
    const message = 'it happened, but the shard does not remember its answer any more';
    const attempts = this.trip.history;
    this.#miss({ type: 'failed', code: 'answer-lost', outcome: 'applied', message, attempts });
  }

  /** Asks its home shard what became of it, beside what is on its way: the decision is for ever. */
  #settle(): void {
    this.#settlesAt = Number.POSITIVE_INFINITY;
    const { split, sessions, priority, expiresAt, submit } = this.#options;
    const numbers = present(this.#numbers, 'what is in doubt was numbered');
    const locking = split.portions.filter(({ isLocking }) => isLocking);
    const participants = locking.map(({ operations }, at) => {
      const first = present(operations.find(isLocking), 'a portion that locks has a key');
      return { position: keyPosition(first.key), deadline: numbers.deadlines[at] as number };
    });
    const { client } = sessions;
    const home = present(participants[0], 'a transaction has a home').position;
    const id = { home, client, sequence: numbers.sequence };
    const contender = { id, attempts: this.#attempts, age: present(priority.age, 'it has an age') };
    const isNeedless = () => this.#isOver;
    const onReply = (reply: Reply) => this.#learn(reply);
    const { shard } = this;
    submit(new SettleRequest({ shard, contender, participants, expiresAt, isNeedless, onReply }));
  }

  /** A decision says what became of all copies. What is none leaves the doubt as it was. */
  #learn(reply: Reply): void {
    const { history: attempts } = this.trip;
    if (reply.type === 'committed') {
      const done = this.#options.split.doneOf(reply.versions, reply.outputs);
      if (done !== undefined) this.#tell({ type: 'replied', reply: done });
      // Another copy of the question may still bring what it has to say.
      else this.#isCommitted = true;
    } else if (reply.type === 'check-failed') {
      const position = this.#options.split.placeAt(reply.position);
      if (position !== undefined) this.#tell({ type: 'replied', reply: { ...reply, position } });
    } else if (reply.type === 'refused' && DECIDED.includes(reply.reason)) {
      const code = reply.reason === 'gave-way' ? 'contended' : 'timeout';
      const message = `its home shard ${this.shard} gave it up when its time was nearly over`;
      this.#miss({ type: 'failed', code, outcome: 'notApplied', message, attempts });
    }
  }

  #refuse(reason: Reason, place: number | undefined): Verdict {
    if (reason === 'gave-way' || reason === 'aborted') {
      return this.#giveWay(reason, reason === 'gave-way' ? place : undefined);
    }
    const attempts = this.trip.history;
    if (!isPassing(reason)) {
      this.#miss(refusalOf(reason, { attempts, key: this.#keyAt(place) }));
      return OVER;
    }
    const isMapOld = reason === 'wrong-epoch';
    if (reason === 'deadline-too-far') {
      for (const shard of this.timesNeeded) this.#options.sessions.forgetTime(shard);
    }
    if (this.#isGone(reason)) return { type: 'anew', why: reason, isMapOld, request: this.#anew() };
    if (reason === 'window-full' || reason === 'entry-full') return { type: 'again', why: reason };
    const outcome = this.trip.doubts > 0 ? 'unknown' : 'notApplied';
    const message = `its deadline has passed in the time of a shard, tries: ${this.#copies}`;
    this.#miss({ type: 'failed', code: 'timeout', outcome, message, attempts });
    return OVER;
  }

  /** Whether no copy of these bytes can take effect any more, or has. */
  #isGone(reason: PassingReason): boolean {
    switch (reason) {
      // Epochs only grow: had it been committed before, that would have been the answer.
      case 'wrong-epoch':
        return true;
      // The only one that it is; others would be refused as well, if they did not come in time.
      case 'deadline-passed':
      case 'deadline-too-far':
        return this.#copies === 1;
      // It need not have been decided, and another one might find room.
      case 'window-full':
      case 'entry-full':
        return this.trip.doubts === 0;
      default:
        return unreachable(reason);
    }
  }

  /** Decided: nothing of it happens, whatever became of other copies. */
  #giveWay(why: 'gave-way' | 'aborted', position: number | undefined): Verdict {
    if (this.#options.isOnce) return this.#tell({ type: 'gave-way', position });
    meet(this.trip, this.#keyAt(position));
    this.#options.priority.attempts += 1;
    const request = this.#anew();
    return { type: 'anew', why, isContended: true, request };
  }

  #keyAt(place: number | undefined): Uint8Array | undefined {
    for (const { places, operations } of this.#options.split.portions) {
      const at = place === undefined ? -1 : places.indexOf(place);
      if (at >= 0) return operations[at]?.key;
    }
    return undefined;
  }

  #anew(): ShardRequest {
    this.#end();
    const trip: Trip = { ...this.trip, state: 'ready', doubts: 0 };
    return new TransactRequest({ ...this.#options, trip });
  }

  #tell(reply: Replied | GaveWay): Verdict {
    this.#end();
    this.#options.requester.onReply(reply);
    return OVER;
  }

  #miss(failure: CallFailure): void {
    this.#end();
    this.#options.requester.onFailure(failure);
  }

  #end(): void {
    this.#isOver = true;
    if (this.#numbers !== undefined) this.#options.sessions.close(this.#numbers);
  }
}

/** Reasons that an abort was decided for, whatever was asked before and will be. */
const DECIDED: readonly Reason[] = ['aborted', 'gave-way'];
