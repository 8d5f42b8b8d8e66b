/** One batch of one shard: its numbers, its copies, and what each command's reply means. */

import type { ShardId } from '../../base/ids.ts';
import { bytesMaxOfCommand, encodeBatch } from '../../machine/batch.ts';
import type { Command } from '../../machine/command.ts';
import { decodeReply, type Reply } from '../../machine/reply.ts';
import type { Request } from '../../wire/request.ts';
import type { Response } from '../../wire/response.ts';
import type { Replied, Writing } from './call.ts';
import { type CallFailure, fencedFailure, lateFailure, refusalOf } from './call-failure.ts';
import type { OpenCalls } from './open-calls.ts';
import { decideRefusal } from './retry-policy.ts';
import type { Numbers, Sessions } from './sessions.ts';
import {
  type AnswerContext,
  OVER,
  type RequestBody,
  type Retry,
  type Terms,
  UNREADABLE,
  type Verdict,
  type Waiter,
} from './shard-request.ts';

/** The place of one command in a batch. */
class WriteSlot implements Waiter {
  readonly call: Writing;
  readonly expiresAt: number;
  readonly #openCalls: OpenCalls;
  isOver = false;
  /** It ended while nothing was in doubt: no later copy holds the command. */
  isDropped = false;

  constructor(call: Writing, expiresAt: number, openCalls: OpenCalls) {
    this.call = call;
    this.expiresAt = expiresAt;
    this.#openCalls = openCalls;
  }

  fail(failure: CallFailure): void {
    if (!this.isOver) this.tell(failure, { isDropped: failure.outcome === 'notApplied' });
  }

  tell(result: Replied | CallFailure, { isDropped }: { readonly isDropped: boolean }): void {
    this.isOver = true;
    this.isDropped = isDropped;
    this.#openCalls.settle(this.call, result);
  }
}

/**
 * Its numbers are assigned when it is sent first, and do not change: all copies of a command have
 * the same sequence, position, deadline and bytes, so that the shard recognizes a late copy. A
 * command that ends while nothing is in doubt leaves its position empty in later copies.
 *
 * It is renewed in one case: the only copy that was ever sent came too late for its deadline, and
 * so would every other one.
 */
export class WriteRequest implements RequestBody {
  readonly kind = 'write';
  readonly shard: ShardId;
  readonly timesNeeded: readonly ShardId[];
  readonly #openCalls: OpenCalls;
  waiters: WriteSlot[] = [];
  bytes = 0;
  #numbers: Numbers | undefined;
  /** Copies that were sent under these numbers. */
  #copies = 0;

  constructor(shard: ShardId, openCalls: OpenCalls) {
    this.shard = shard;
    this.timesNeeded = [shard];
    this.#openCalls = openCalls;
  }

  get count(): number {
    return this.waiters.length;
  }

  /** Required: not numbered yet. */
  add(call: Writing, expiresAt: number): void {
    this.waiters.push(new WriteSlot(call, expiresAt, this.#openCalls));
    this.bytes += bytesMaxOfCommand(call.command);
  }

  encode({ id, now, epochOf, sessions }: Terms): Request | undefined {
    const { shard } = this;
    if (this.#numbers === undefined) {
      if (!sessions.knowsTime(shard, now) || !sessions.hasRoom(shard)) return undefined;
      this.waiters = this.waiters.filter(({ isOver }) => !isOver);
      const wait = Math.max(...this.waiters.map(({ expiresAt }) => expiresAt)) - now;
      this.#numbers = sessions.number([shard], { wait, now });
    }
    this.#copies += 1;
    const deadline = this.#numbers.deadlines[0] as number;
    for (const { call, isDropped } of this.waiters) if (!isDropped) call.trace?.sent(now, deadline);
    const batch = encodeBatch({
      client: sessions.client,
      deadline,
      sequence: this.#numbers.sequence,
      commands: this.waiters.map(({ call, isDropped }) => (isDropped ? NO_COMMAND : call.command)),
    });
    return { type: 'write', id, shard, epoch: epochOf(shard), batch };
  }

  take(response: Response, context: AnswerContext): Verdict {
    if (response.type !== 'written') return UNREADABLE;
    const replies = response.replies.map(decodeReply);
    if (replies.length !== this.waiters.length || !replies.every(isOfCommand)) return UNREADABLE;
    let retry: Retry | undefined;
    for (const [at, reply] of replies.entries()) {
      const slot = this.waiters[at];
      if (slot === undefined || slot.isOver) continue;
      retry = this.#judge(slot, reply, context) ?? retry;
    }
    return retry ?? OVER;
  }

  renewed(): RequestBody {
    const body = new WriteRequest(this.shard, this.#openCalls);
    for (const { isOver, call, expiresAt } of this.waiters) if (!isOver) body.add(call, expiresAt);
    return body;
  }

  divided(): readonly RequestBody[] {
    const left = this.waiters.filter(({ isOver }) => !isOver);
    const middle = left.length >> 1;
    const parts = [left.slice(0, middle), left.slice(middle)].filter(({ length }) => length > 0);
    return parts.map((slots) => {
      const body = new WriteRequest(this.shard, this.#openCalls);
      for (const { call, expiresAt } of slots) body.add(call, expiresAt);
      return body;
    });
  }

  close(sessions: Sessions): void {
    if (this.#numbers !== undefined) sessions.close(this.#numbers);
  }

  /** Ends the command, or returns the retry if the reply is not final. */
  #judge(slot: WriteSlot, reply: CommandReply, context: AnswerContext): Retry | undefined {
    const { request, sessions } = context;
    const isDropped = !request.isInDoubt;
    if (reply.type !== 'locked' && reply.type !== 'refused') {
      const fenced = fencedFailure(reply, slot.call.command, request);
      slot.tell(fenced ?? { type: 'replied', reply }, { isDropped });
      return undefined;
    }
    const key = slot.call.command[reply.position]?.key;
    if (reply.type === 'locked') request.noteContention(key);
    const copies = this.#copies;
    const why = reply.type === 'locked' ? 'locked' : reply.reason;
    if (why === 'deadline-too-far') sessions.forgetTime(this.shard);
    const decision = decideRefusal({ kind: this.kind, why, copies, doubts: request.doubts });
    if (decision.type === 'fail') {
      slot.tell(refusalOf(decision.reason, key, request), { isDropped });
    } else if (decision.type === 'expire') {
      slot.tell(lateFailure(copies, request), { isDropped });
    } else return decision;
    return undefined;
  }
}

/** Holds a position whose command is no longer asked for. */
const NO_COMMAND: Command = [];

type CommandReply = Exclude<Reply, { type: 'committed' }>;

/** `committed` answers whole transactions only. */
function isOfCommand(reply: Reply | undefined): reply is CommandReply {
  return reply !== undefined && reply.type !== 'committed';
}
