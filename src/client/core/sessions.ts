/** Sessions: the numbers that make a write happen once, and the log time of each shard. */

import { assert } from '../../base/assert.ts';
import { NUMBER_MAX, type ShardId } from '../../base/ids.ts';
import { MACHINE_LIMITS } from '../../base/limits.ts';
import type { Contender } from '../../machine/transaction-id.ts';
import { CLIENT_LIMITS } from '../limits.ts';

/** The numbers of a request. They stay the same as long as a copy of it may be in flight. */
export interface Numbers {
  readonly sequence: number;
  readonly shards: readonly ShardId[];
  /** In the log time of each of the shards. */
  readonly deadlines: readonly number[];
  isOpen: boolean;
}

interface Session {
  /** Open requests in the shard. */
  open: number;
  /** The greatest log time of all answers; 0 before the first. */
  toldTime: number;
  /** The greatest known log time, and when it came; -1 before the first. */
  logTime: number;
  heardAt: number;
}

/**
 * One id and one pool of slots for all shards: a command keeps its number if its key moves to
 * another shard, and no two requests of one client ever have the same. The number of open requests
 * in a shard is bounded, not the distance of their sequences: a slow one holds one slot.
 */
export class Sessions {
  readonly client: Uint8Array;
  readonly #slots = new SlotPool();
  readonly #sessions = new Map<ShardId, Session>();

  /** Required: 16 random bytes that no other client draws. */
  constructor({ client }: { readonly client: Uint8Array }) {
    this.client = client;
  }

  /** The log time of an answer. It only grows, so an older one is ignored. */
  hear(shard: ShardId, logTime: number, now: number): void {
    if (logTime === 0) return;
    const session = this.#of(shard);
    session.toldTime = Math.max(session.toldTime, logTime);
    const isKnown = this.#isFresh(session, now);
    if (isKnown && logTime < this.#estimate(session, now)) return;
    session.logTime = Math.max(logTime, session.logTime);
    session.heardAt = now;
  }

  /** The log time of the shard has reached this: an answer has told it. */
  toldTimeOf(shard: ShardId): number {
    return this.#of(shard).toldTime;
  }

  /** The estimate was far off: the next answer sets it anew. */
  forgetTime(shard: ShardId): void {
    this.#of(shard).logTime = -1;
  }

  /** Whether a deadline can be set. Log time is asked for, never guessed. */
  knowsTime(shard: ShardId, now: number): boolean {
    return this.#isFresh(this.#of(shard), now);
  }

  /** Whether one more request may be open there. */
  hasRoom(shard: ShardId): boolean {
    return this.#slots.hasFree && !this.isFull(shard);
  }

  /** The shard has as many open requests as it may have. */
  isFull(shard: ShardId): boolean {
    return this.#of(shard).open >= CLIENT_LIMITS.windowRequestsMax;
  }

  /** The estimated log time. Required: `knowsTime`. */
  timeOf(shard: ShardId, now: number): number {
    return Math.floor(this.#estimate(this.#of(shard), now));
  }

  /** The name under which a transaction reserves keys; none before a log time is known. */
  reserverIn(shard: ShardId, priority: Contending, now: number): Contender | undefined {
    if (priority.age === undefined && this.knowsTime(shard, now)) {
      priority.age = this.timeOf(shard, now);
    }
    const { attempts, age } = priority;
    if (age === undefined) return undefined;
    return { id: { home: 0, client: this.client, sequence: 0 }, attempts, age };
  }

  /** When the shard may drop the request, because no call waits. Required: `knowsTime`. */
  deadlineIn(shard: ShardId, { wait, now }: NumberTerms): number {
    return this.timeOf(shard, now) + Math.ceil(Math.max(0, wait));
  }

  /** One sequence, with a deadline in each shard. Required there: `knowsTime` and `hasRoom`. */
  number(shards: readonly ShardId[], terms: NumberTerms): Numbers {
    const deadlines = shards.map((shard) => this.deadlineIn(shard, terms));
    for (const shard of shards) this.#of(shard).open += 1;
    return { sequence: this.#slots.take(), shards, deadlines, isOpen: true };
  }

  /** No copy with these numbers is sent any more. Safe to call twice. */
  close(numbers: Numbers): void {
    if (!numbers.isOpen) return;
    numbers.isOpen = false;
    for (const shard of numbers.shards) this.#of(shard).open -= 1;
    this.#slots.give(numbers.sequence);
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
      session = { open: 0, toldTime: 0, logTime: -1, heardAt: 0 };
      this.#sessions.set(shard, session);
    }
    return session;
  }
}

/** Its age is filled in as soon as the log time of a shard is known. */
interface Contending {
  readonly attempts: number;
  age: number | undefined;
}

interface NumberTerms {
  /** How long the calls will wait for it, in milliseconds. */
  readonly wait: number;
  readonly now: number;
}

const SLOTS = MACHINE_LIMITS.sessionSlots;

/**
 * A slot has one open request at a time, whatever its shards, and each has a greater sequence than
 * the one before: so it acknowledges all earlier ones of the slot. The slot that was given back
 * last is taken first: only as many have rows as requests were ever open at once.
 */
export class SlotPool {
  readonly #free: number[] = [];
  /** The sequence of the next request, by slot. */
  readonly #next: number[] = [];

  get hasFree(): boolean {
    return this.#free.length > 0 || this.#next.length < SLOTS;
  }

  /** A sequence that was not used before. Required: `hasFree`. */
  take(): number {
    assert(this.hasFree, 'a request takes a slot that is free');
    const slot = this.#free.pop() ?? this.#next.length;
    const sequence = this.#next[slot] ?? slot;
    this.#next[slot] = sequence + SLOTS;
    return sequence;
  }

  /** No copy with this sequence is sent any more. */
  give(sequence: number): void {
    const slot = sequence % SLOTS;
    assert(this.#next[slot] === sequence + SLOTS, 'what is given back is the latest of its slot');
    // A slot whose sequences are used up is not used again.
    if (sequence + SLOTS <= NUMBER_MAX) this.#free.push(slot);
  }
}
