/** Sessions: the numbers that make a write happen once, and what is known of each shard's time. */

import { assert } from '../../base/assert.ts';
import { CLIENT_LIMITS } from '../../base/client-limits.ts';
import { NUMBER_MAX, type ShardId } from '../../base/ids.ts';
import { MACHINE_LIMITS } from '../../base/limits.ts';
import type { Contender } from '../../machine/transaction-id.ts';

/** What a request is numbered with. Kept as they are as long as a copy of it may be under way. */
export interface Numbers {
  readonly sequence: number;
  readonly shards: readonly ShardId[];
  /** In the log time of each of these shards. */
  readonly deadlines: readonly number[];
  isOpen: boolean;
}

interface Session {
  /** Requests that are open in the shard. */
  open: number;
  /** The greatest log time that was heard, and when; -1 before the first. */
  logTime: number;
  heardAt: number;
}

/**
 * One id and one pool of slots for all shards: a command keeps its number if its key comes to
 * another shard, and no two requests of one client ever have the same. How many are open in a shard
 * is bounded, not how far their numbers are apart: one that takes long holds one slot.
 */
export class Sessions {
  readonly client: Uint8Array;
  readonly #slots = new SlotPool();
  readonly #sessions = new Map<ShardId, Session>();

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

  /** Whether one more request may be open there. */
  hasRoom(shard: ShardId): boolean {
    return this.#slots.hasFree && !this.isFull(shard);
  }

  /** As many requests are open there as may be. */
  isFull(shard: ShardId): boolean {
    return this.#of(shard).open >= CLIENT_LIMITS.windowRequestsMax;
  }

  /** Log time as far as it is known. Required: `knowsTime`. */
  timeOf(shard: ShardId, now: number): number {
    return Math.floor(this.#estimate(this.#of(shard), now));
  }

  /** What a transaction is told apart by where it reserves keys; none before a time is known. */
  reserverIn(shard: ShardId, priority: Contending, now: number): Contender | undefined {
    if (priority.age === undefined && this.knowsTime(shard, now)) {
      priority.age = this.timeOf(shard, now);
    }
    const { attempts, age } = priority;
    if (age === undefined) return undefined;
    return { id: { home: 0, client: this.client, sequence: 0 }, attempts, age };
  }

  /** When the shard may stop: nobody waits any more. Required: `knowsTime`. */
  deadlineIn(shard: ShardId, { wait, now }: NumberTerms): number {
    return this.timeOf(shard, now) + Math.ceil(Math.max(0, wait));
  }

  /** One sequence, with a deadline in each shard. Required there: `knowsTime` and `hasRoom`. */
  number(shards: readonly ShardId[], terms: NumberTerms): Numbers {
    const deadlines = shards.map((shard) => this.deadlineIn(shard, terms));
    for (const shard of shards) this.#of(shard).open += 1;
    return { sequence: this.#slots.take(), shards, deadlines, isOpen: true };
  }

  /** Nothing more is asked under these numbers. Twice is once. */
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
      session = { open: 0, logTime: -1, heardAt: 0 };
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
  /** How long those who asked will wait for it, in milliseconds. */
  readonly wait: number;
  readonly now: number;
}

const SLOTS = MACHINE_LIMITS.sessionSlots;

/**
 * A slot has one open request at a time, whatever its shards, and each has a greater sequence than
 * the one before: so shards take it for the acknowledgement of all earlier ones. The slot that was
 * given back last is taken first: as many have rows as requests were ever open at once.
 */
export class SlotPool {
  readonly #free: number[] = [];
  /** By slot: the sequence of its next request. */
  readonly #next: number[] = [];

  get hasFree(): boolean {
    return this.#free.length > 0 || this.#next.length < SLOTS;
  }

  /** The sequence of a request that was not used before. Required: `hasFree`. */
  take(): number {
    assert(this.hasFree, 'a request takes a slot that is free');
    const slot = this.#free.pop() ?? this.#next.length;
    const sequence = this.#next[slot] ?? slot;
    this.#next[slot] = sequence + SLOTS;
    return sequence;
  }

  /** Nothing more is asked under this sequence. */
  give(sequence: number): void {
    const slot = sequence % SLOTS;
    assert(this.#next[slot] === sequence + SLOTS, 'what is given back is the latest of its slot');
    // A slot whose numbers are spent is not used again.
    if (sequence + SLOTS <= NUMBER_MAX) this.#free.push(slot);
  }
}
