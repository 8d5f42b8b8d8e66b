/** Sessions: the numbers that make a write happen once, and what is known of each shard's time. */

import { assert } from '../../base/assert.ts';
import type { ShardId } from '../../base/ids.ts';
import { CLIENT_LIMITS } from '../../base/limits.ts';

/**
 * What a batch is numbered with, or a transaction in one of its shards. Kept as they are as long as
 * a copy of it may be under way.
 */
export interface Numbers {
  readonly firstSequence: number;
  count: number;
  /** In the shard's log time. */
  readonly deadline: number;
  isOpen: boolean;
}

interface Session {
  readonly shard: ShardId;
  /** In the order of their sequences, from the first open one on. */
  readonly batches: Numbers[];
  /** Commands of all of them. */
  commands: number;
  /** The greatest log time that was heard, and when; -1 before the first. */
  logTime: number;
  heardAt: number;
}

/**
 * One id and one row of sequences for all shards: a command keeps its number if its key comes to
 * another shard, and no two commands of one client ever have the same. What is acknowledged is told
 * to each shard by itself, so that one slow shard does not make the others remember.
 */
export class Sessions {
  readonly client: Uint8Array;
  readonly #sessions = new Map<ShardId, Session>();
  #nextSequence = 1;

  /** Required: 16 bytes that nobody else has drawn or will draw. */
  constructor({ client }: { readonly client: Uint8Array }) {
    this.client = client;
  }

  /** Of any answer. Log time only grows, so what is older says nothing. */
  hear(shard: ShardId, logTime: number, now: number): void {
    if (logTime === 0) return;
    const session = this.#of(shard);
    const isKnown = this.#isFresh(session, now);
    if (isKnown && logTime < this.#estimate(session, now)) return;
    session.logTime = Math.max(logTime, session.logTime);
    session.heardAt = now;
  }

  /** A clock was wrong by much: nothing is counted on until it is heard again. */
  forgetTime(shard: ShardId): void {
    this.#of(shard).logTime = -1;
  }

  /** Whether a deadline can be set. The time of a shard is asked for, never guessed. */
  knowsTime(shard: ShardId, now: number): boolean {
    return this.#isFresh(this.#of(shard), now);
  }

  /** Whether the shard still remembers all replies if that many more are given. */
  hasRoom(shard: ShardId, commands: number): boolean {
    const session = this.#of(shard);
    return session.commands === 0 || session.commands + commands <= CLIENT_LIMITS.windowCommandsMax;
  }

  /** Log time as far as it is known. Required: `knowsTime`. */
  timeOf(shard: ShardId, now: number): number {
    return Math.floor(this.#estimate(this.#of(shard), now));
  }

  /** When the shard may stop: nobody waits any more. Required: `knowsTime`. */
  deadlineIn(shard: ShardId, { wait, now }: Pick<NumberTerms, 'wait' | 'now'>): number {
    return this.timeOf(shard, now) + Math.ceil(Math.max(0, wait));
  }

  /** Required: `knowsTime` and `hasRoom`. */
  number(shard: ShardId, terms: NumberTerms): Numbers {
    const numbers = this.#open(shard, terms);
    this.#nextSequence += terms.count;
    return numbers;
  }

  /** The same sequences in several shards, each with a deadline of its own. */
  numberAll(shards: readonly ShardId[], terms: NumberTerms): readonly Numbers[] {
    const numbers = shards.map((shard) => this.#open(shard, terms));
    this.#nextSequence += terms.count;
    return numbers;
  }

  /** Below it the client has all answers, or will never ask for them again. */
  acknowledgedBelow(shard: ShardId): number {
    return this.#of(shard).batches[0]?.firstSequence ?? this.#nextSequence;
  }

  /** A batch is asked for in parts from now on, without some of its commands. */
  replace(shard: ShardId, numbers: Numbers, parts: readonly Numbers[]): void {
    const { batches } = this.#of(shard);
    const at = batches.indexOf(numbers);
    assert(at >= 0 && parts.length > 0, 'only an open batch falls into parts');
    numbers.isOpen = false;
    batches.splice(at, 1, ...parts);
    this.#count(shard);
  }

  /** Nobody waits for the batch any more. */
  close(shard: ShardId, numbers: Numbers): void {
    numbers.isOpen = false;
    const session = this.#of(shard);
    let closed = 0;
    while (session.batches[closed]?.isOpen === false) {
      session.commands -= (session.batches[closed] as Numbers).count;
      closed += 1;
    }
    if (closed > 0) session.batches.splice(0, closed);
  }

  #open(shard: ShardId, terms: NumberTerms): Numbers {
    const { count } = terms;
    const deadline = this.deadlineIn(shard, terms);
    const numbers: Numbers = { firstSequence: this.#nextSequence, count, deadline, isOpen: true };
    const session = this.#of(shard);
    session.batches.push(numbers);
    session.commands += count;
    return numbers;
  }

  #count(shard: ShardId): void {
    const session = this.#of(shard);
    session.commands = session.batches.reduce((sum, { count }) => sum + count, 0);
  }

  #isFresh({ logTime, heardAt }: Session, now: number): boolean {
    return logTime >= 0 && now - heardAt <= CLIENT_LIMITS.logTimeMilliseconds;
  }

  #estimate({ logTime, heardAt }: Session, now: number): number {
    return logTime + Math.max(0, now - heardAt);
  }

  #of(shard: ShardId): Session {
    let session = this.#sessions.get(shard);
    if (session === undefined) {
      session = { shard, batches: [], commands: 0, logTime: -1, heardAt: 0 };
      this.#sessions.set(shard, session);
    }
    return session;
  }
}

interface NumberTerms {
  readonly count: number;
  /** How long those who asked will wait for it, in milliseconds. */
  readonly wait: number;
  readonly now: number;
}
