/** What a leader knows about one follower, and the few transitions of that knowledge. */

import { assert } from '../base/assert.ts';
import type { MemberId } from '../base/ids.ts';
import type { RaftLimits } from '../base/limits.ts';
import type { ElectionTimeout } from './election-timeout.ts';
import type { SnapshotDescription } from './message.ts';

/**
 * - `probe`: the point of agreement is unknown; one append at a time finds it.
 * - `replicate`: the logs agree through `match`; appends stream, `next` runs ahead.
 * - `snapshot`: the log no longer has what the follower needs; chunks are sent instead.
 */
type ProgressState = 'probe' | 'replicate' | 'snapshot';

interface Flight {
  readonly lastIndex: number;
  readonly bytes: number;
}

export interface Transfer {
  readonly snapshot: SnapshotDescription;
  /** The follower has everything before this byte. */
  offset: number;
  /** Everything before this byte was sent. */
  sent: number;
  isAllSent: boolean;
  /** The window of unanswered bytes: one chunk more with each answer, one chunk after a timeout. */
  windowBytes: number;
  /** Ticks until unanswered chunks are sent again; zero if there are none. */
  waitTicks: number;
  /** Repetitions so far: each doubles the wait, because the link may be slow. */
  attempts: number;
  /** The leader's tick at which the unanswered chunks were first sent. */
  askedAt: number;
  /** The recent round trip, in ticks. */
  answerTicks: number;
}

/** Invariant: 0 <= match < next; in `replicate` everything through `next - 1` has been sent. */
export class Progress {
  readonly member: MemberId;
  readonly #limits: RaftLimits;
  state: ProgressState = 'probe';
  match = 0;
  next: number;
  /**
   * In `probe`: one append is in flight, and no other is sent before an answer or the next
   * heartbeat.
   */
  isProbing = false;
  /** In `probe`: one append carried entries already, so a repetition carries none. */
  hasProbed = false;
  transfer: Transfer | undefined;
  /** What the follower was told to commit, at the latest. */
  toldCommit = 0;
  /** The highest round of heartbeats that this follower answered: reads and leases depend on it. */
  answeredRound = 0;
  /** The leader's tick at which the follower was last heard. */
  heardAt: number;
  /** The greatest recent delay that the follower stated; until then the usual one. */
  delay: number;
  readonly #timeout: ElectionTimeout;
  /** Catching up in rounds (thesis §4.2.1): the log's end when this round began, and when. */
  #catchUp: { readonly target: number; readonly startedAt: number };
  #lastRoundTicks = Number.POSITIVE_INFINITY;
  #flights: Flight[] = [];
  #flightBytes = 0;
  /** The leader's tick at which the oldest append in flight, or a later probe, left. */
  #askedAt = 0;

  constructor(options: {
    readonly member: MemberId;
    readonly limits: RaftLimits;
    readonly timeout: ElectionTimeout;
    readonly lastIndex: number;
    readonly now: number;
  }) {
    this.member = options.member;
    this.#limits = options.limits;
    this.#timeout = options.timeout;
    this.delay = options.timeout.delayCovered;
    this.next = options.lastIndex + 1;
    this.heardAt = options.now;
    this.#catchUp = { target: options.lastIndex, startedAt: options.now };
  }

  /** Whether another append may be sent. */
  get isOpen(): boolean {
    if (this.state === 'probe') return !this.isProbing;
    return this.state === 'replicate' && !this.isWindowFull;
  }

  get isWindowFull(): boolean {
    return (
      this.#flights.length >= this.#limits.inflightMessagesMax ||
      this.#flightBytes >= this.#limits.inflightBytesMax
    );
  }

  /** An append in flight was not answered. */
  get hasFlights(): boolean {
    return this.state === 'probe' ? this.isProbing : this.#flights.length > 0;
  }

  /**
   * An answer is overdue: after two heartbeat intervals, or where the link is full, after the
   * longest timeout. An answer to a heartbeat says nothing of an append that left with it and may
   * wait for a disk or for the link.
   */
  isOverdue(now: number, { isLinkFull }: { readonly isLinkFull: boolean }): boolean {
    const { heartbeatTicks, electionTicksMax } = this.#limits;
    return (
      this.hasFlights && now - this.#askedAt >= (isLinkFull ? electionTicksMax : heartbeatTicks)
    );
  }

  /** The follower is probed again. */
  asked(now: number): void {
    this.#askedAt = now;
    this.isProbing = false;
  }

  /** An append with these entries left. */
  sent(flight: {
    readonly lastIndex: number;
    readonly bytes: number;
    readonly count: number;
    readonly now: number;
  }): void {
    if (this.state === 'probe') {
      this.isProbing = true;
      this.hasProbed = true;
      this.#askedAt = flight.now;
      return;
    }
    if (flight.count === 0) return;
    if (this.#flights.length === 0) this.#askedAt = flight.now;
    assert(flight.lastIndex >= this.next, 'a replicating leader sends each entry once');
    this.next = flight.lastIndex + 1;
    const { lastIndex, bytes } = flight;
    this.#flights.push({ lastIndex, bytes });
    this.#flightBytes += flight.bytes;
  }

  /** The follower has everything through `index`. Returns whether that is news. */
  has(index: number): boolean {
    this.#landed(index);
    if (index <= this.match) {
      // An answer to a probe counts even if it says nothing new.
      if (this.state === 'probe' && index === this.match) this.#replicate();
      return false;
    }
    this.match = index;
    if (this.next <= index) this.next = index + 1;
    if (this.state === 'probe') this.#replicate();
    if (this.state === 'snapshot' && index >= (this.transfer?.snapshot.index ?? index)) {
      this.#replicate();
    }
    return true;
  }

  /** The follower's log has no entry at `index`, the position before what was sent. */
  misses(rejected: { readonly index: number; readonly couldMatch: number }): boolean {
    if (this.state === 'snapshot') return false;
    if (this.state === 'replicate') {
      if (rejected.index <= this.match) return false;
      this.probe();
      return true;
    }
    if (rejected.index !== this.next - 1) return false;
    this.next = Math.max(Math.min(rejected.index, rejected.couldMatch + 1), this.match + 1);
    this.isProbing = false;
    this.hasProbed = false;
    return true;
  }

  /** The follower's entry at `index` cannot be read: it has less than it acknowledged. */
  lost(index: number): void {
    this.match = Math.min(this.match, index - 1);
    if (this.state !== 'snapshot') this.probe();
  }

  /**
   * Its machine has no state: a snapshot of `index` or later is needed, though the log is there.
   * Entries that it acknowledged stay committed; it counts again from the snapshot on.
   */
  lostState(index: number): void {
    this.match = Math.min(this.match, Math.max(index - 1, 0));
    this.wantSnapshot();
  }

  /** Nothing is known to be in flight any more; restart where the logs last agreed. */
  probe(): void {
    this.state = 'probe';
    this.next = this.match + 1;
    this.isProbing = false;
    this.hasProbed = false;
    this.transfer = undefined;
    this.#flights = [];
    this.#flightBytes = 0;
  }

  /** The log no longer has the next entry: a snapshot is needed. */
  wantSnapshot(): void {
    this.probe();
    this.state = 'snapshot';
  }

  /** The follower was silent for so long that its place among the transfers is freed. */
  endTransferIfSilent(now: number): void {
    if (this.transfer === undefined) return;
    if (now - this.heardAt >= this.#limits.transferPatienceTicks) this.transfer = undefined;
  }

  beginTransfer(snapshot: SnapshotDescription): void {
    assert(this.state === 'snapshot', 'only a follower that needs a snapshot has a transfer');
    const windowBytes = this.#limits.chunkBytesMax;
    const sent = { offset: 0, sent: 0, isAllSent: false };
    this.transfer = {
      snapshot,
      ...sent,
      windowBytes,
      waitTicks: 0,
      attempts: 0,
      askedAt: 0,
      answerTicks: 0,
    };
  }

  heard(now: number): void {
    this.heardAt = now;
  }

  /** The shard was quiesced, and the knowledge of this follower is as old as that. */
  woken(now: number): void {
    this.heardAt = now;
    this.delay = this.#timeout.delayCovered;
  }

  isActive(now: number): boolean {
    return now - this.heardAt < this.#timeout.ticks;
  }

  /** Called when the follower was heard. Returns whether it just came close to the leader's log. */
  catchUp(leader: { readonly lastIndex: number; readonly now: number }): boolean {
    if (this.match < this.#catchUp.target) return false;
    const limit = this.#timeout.ticks;
    const wasFar = this.#lastRoundTicks > limit;
    this.#lastRoundTicks = leader.now - this.#catchUp.startedAt;
    this.#catchUp = { target: leader.lastIndex, startedAt: leader.now };
    return wasFar && this.#lastRoundTicks <= limit;
  }

  /**
   * It has everything, or its last round took less than an election timeout and so does this one.
   */
  isCaughtUp(leader: { readonly lastIndex: number; readonly now: number }): boolean {
    if (this.match === 0 || !this.isActive(leader.now)) return false;
    const limit = this.#timeout.ticks;
    const isFast = this.#lastRoundTicks <= limit && leader.now - this.#catchUp.startedAt <= limit;
    return isFast || this.match >= leader.lastIndex;
  }

  #replicate(): void {
    this.state = 'replicate';
    this.next = this.match + 1;
    this.isProbing = false;
    this.hasProbed = false;
    this.transfer = undefined;
    this.#flights = [];
    this.#flightBytes = 0;
  }

  #landed(index: number): void {
    let count = 0;
    for (const flight of this.#flights) {
      if (flight.lastIndex > index) break;
      this.#flightBytes -= flight.bytes;
      count += 1;
    }
    if (count > 0) this.#flights.splice(0, count);
  }
}
