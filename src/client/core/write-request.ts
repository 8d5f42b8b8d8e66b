/** One batch of one shard: its numbers, its retries, and what each command's reply means. */

import type { ShardId } from '../../base/ids.ts';
import { bytesMaxOfCommand, encodeBatch } from '../../machine/batch.ts';
import { decodeReply, type Reason, type Reply } from '../../machine/reply.ts';
import type { Request } from '../../wire/request.ts';
import type { Response } from '../../wire/response.ts';
import type { Call, Replied, Writing } from './call.ts';
import type { CallFailure } from './call-failure.ts';
import type { OpenCalls } from './open-calls.ts';
import type { Numbers, Sessions } from './sessions.ts';
import { isPassing, refusalOf } from './shard-refusal.ts';
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

interface WriteOptions {
  readonly shard: ShardId;
  readonly openCalls: OpenCalls;
  readonly sessions: Sessions;
  readonly trip?: Trip;
}

interface Slot {
  /** Undefined once it was told. */
  call: Writing | undefined;
  readonly command: Writing['command'];
  readonly expiresAt: number;
  /** Told while nothing was in doubt: no later copy asks for it. */
  isDropped: boolean;
}

/**
 * Its numbers are given when it is sent first, and stay what they are: all copies of a command have
 * the same sequence, position, deadline and words, so that a late copy finds itself known. A
 * command that was told while nothing was in doubt leaves its position empty in later copies.
 *
 * There is one way to other numbers: the only copy that ever left came too late for its deadline,
 * which every other one would as well.
 */
export class WriteRequest implements ShardRequest {
  readonly shard: ShardId;
  readonly trip: Trip;
  readonly level = undefined;
  readonly #openCalls: OpenCalls;
  readonly #sessions: Sessions;
  #slots: Slot[] = [];
  /** By call, once one was given up: of many that give up no one is searched for. */
  #slotOf: Map<Slot['call'], Slot> | undefined;
  #waiting = 0;
  #bytes = 0;
  #firstExpiresAt = Number.POSITIVE_INFINITY;
  #numbers: Numbers | undefined;
  /** Copies that left under these numbers. */
  #copies = 0;

  constructor(options: WriteOptions) {
    this.shard = options.shard;
    this.trip = options.trip ?? newTrip();
    this.#openCalls = options.openCalls;
    this.#sessions = options.sessions;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get timesNeeded(): readonly ShardId[] {
    return [this.shard];
  }

  get count(): number {
    return this.#slots.length;
  }

  get firstExpiresAt(): number {
    return this.#firstExpiresAt;
  }

  get isOver(): boolean {
    return this.#waiting === 0;
  }

  /** Required: not numbered yet. */
  add(call: Writing, expiresAt: number): void {
    this.#slots.push({ call, command: call.command, expiresAt, isDropped: false });
    call.request = this;
    this.#waiting += 1;
    this.#bytes += bytesMaxOfCommand(call.command);
    if (expiresAt < this.#firstExpiresAt) this.#firstExpiresAt = expiresAt;
  }

  toWire({ id, epoch, now }: Terms): Request | undefined {
    const { shard } = this;
    if (this.#numbers === undefined) {
      const isReady = this.#sessions.knowsTime(shard, now) && this.#sessions.hasRoom(shard);
      if (!isReady) return undefined;
      this.#slots = this.#slots.filter(({ call }) => call !== undefined);
      this.#slotOf = undefined;
      const wait = Math.max(...this.#slots.map(({ expiresAt }) => expiresAt)) - now;
      this.#numbers = this.#sessions.number([shard], { wait, now });
    }
    this.#copies += 1;
    const batch = encodeBatch({
      client: this.#sessions.client,
      deadline: this.#numbers.deadlines[0] as number,
      sequence: this.#numbers.sequence,
      commands: this.#slots.map(({ command, isDropped }) => (isDropped ? NO_COMMAND : command)),
    });
    return { type: 'write', id, shard, epoch, batch };
  }

  take(response: Response, now: number): Verdict {
    if (response.type !== 'written') return BROKEN;
    this.#sessions.hear(this.shard, response.time, now);
    const replies = response.replies.map(decodeReply);
    if (replies.length !== this.#slots.length) return BROKEN;
    if (!replies.every(isOfCommand)) return BROKEN;
    let refusal: Passing | undefined;
    for (const [at, reply] of replies.entries()) {
      const slot = this.#slots[at];
      if (slot === undefined || reply === undefined || slot.call === undefined) continue;
      const left = this.#settle(slot, reply);
      if (left !== undefined) refusal = left;
    }
    if (refusal === undefined) {
      this.#close();
      return OVER;
    }
    return this.#goOn(refusal);
  }

  expire(now: number, failureOf: FailureMaker): void {
    if (now < this.#firstExpiresAt) return;
    for (const slot of this.#slots) {
      if (slot.expiresAt <= now) this.#give(slot, failureOf);
    }
    this.#look();
  }

  drop(call: Call, failureOf: FailureMaker): void {
    this.#slotOf ??= new Map(this.#slots.map((slot) => [slot.call, slot]));
    const slot = this.#slotOf.get(call as Writing);
    if (slot?.call === undefined) return;
    this.#give(slot, failureOf);
    if (this.#waiting === 0) this.#close();
  }

  fail(failureOf: FailureMaker): void {
    for (const slot of this.#slots) this.#give(slot, failureOf);
    this.#look();
  }

  /** A batch that the other side finds too large is not made smaller: its commands were judged. */
  halves(): readonly ShardRequest[] {
    return [];
  }

  /** Tells what is final. Says why, if it is not. */
  #settle(slot: Slot, reply: Exclude<Reply, { type: 'committed' }>): Passing | undefined {
    if (reply.type === 'locked') {
      meet(this.trip, slot.command[reply.position]?.key);
      return 'locked';
    }
    if (reply.type !== 'refused') {
      this.#tell(slot, { type: 'replied', reply });
      return undefined;
    }
    const { reason } = reply;
    if (isPassing(reason)) return reason;
    const key = slot.command[reply.position]?.key;
    this.#tell(slot, refusalOf(reason, { attempts: this.trip.history, key }));
    return undefined;
  }

  /** What is left was refused for a reason that may pass. */
  #goOn(reason: Passing): Verdict {
    if (reason === 'deadline-too-far') this.#sessions.forgetTime(this.shard);
    if (reason === 'deadline-passed' || reason === 'deadline-too-far') {
      if (this.#copies === 1) return { type: 'anew', why: reason, request: this.#anew() };
      // An earlier copy may have been done in time, and this refusal would say nothing of it.
      const outcome = this.trip.doubts > 0 ? 'unknown' : 'notApplied';
      const message = `its deadline has passed in the time of the shard, tries: ${this.#copies}`;
      const attempts = this.trip.history;
      const failure: CallFailure = { type: 'failed', code: 'timeout', outcome, message, attempts };
      for (const slot of this.#slots) this.#tell(slot, failure);
      this.#close();
      return OVER;
    }
    const isMapOld = reason === 'wrong-epoch';
    return { type: 'again', why: reason, isMapOld, isContended: reason === 'locked' };
  }

  /** Those who still wait, under numbers to come: none of the former can take effect any more. */
  #anew(): ShardRequest {
    const request = new WriteRequest({
      shard: this.shard,
      openCalls: this.#openCalls,
      sessions: this.#sessions,
      trip: { ...this.trip, state: 'ready', doubts: 0 },
    });
    for (const slot of this.#slots) {
      if (slot.call !== undefined) request.add(slot.call, slot.expiresAt);
      slot.call = undefined;
    }
    this.#waiting = 0;
    this.#close();
    return request;
  }

  #give(slot: Slot, failureOf: FailureMaker): void {
    if (slot.call !== undefined) this.#tell(slot, failureOf(isInDoubt(this.trip)));
  }

  #tell(slot: Slot, result: Replied | CallFailure): void {
    const { call } = slot;
    if (call === undefined) return;
    this.#waiting -= 1;
    slot.call = undefined;
    slot.isDropped = !isInDoubt(this.trip);
    this.#openCalls.settle(call, result);
  }

  #look(): void {
    this.#firstExpiresAt = Number.POSITIVE_INFINITY;
    for (const { call, expiresAt } of this.#slots) {
      if (call !== undefined) this.#firstExpiresAt = Math.min(this.#firstExpiresAt, expiresAt);
    }
    if (this.#waiting === 0) this.#close();
  }

  #close(): void {
    if (this.#numbers !== undefined) this.#sessions.close(this.#numbers);
  }
}

/** In the place of one that is not asked for any more: positions stay what they are. */
const NO_COMMAND: Writing['command'] = [];

/** Why a command is asked for again. */
type Passing = Reason | 'locked';

/** What a shard may say of a command; of transactions only the whole is told. */
function isOfCommand(reply: Reply | undefined): reply is Exclude<Reply, { type: 'committed' }> {
  return reply !== undefined && reply.type !== 'committed';
}
