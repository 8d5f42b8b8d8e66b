/**
 * The election timeout of one replica, adapted to observed delays.
 *
 * No absolute time decides about leadership: whether a time is long depends on how long a sync, a
 * turn of the event loop and an answer take. The timeout is three times the greatest recent delay,
 * within `electionTicksMin` and `electionTicksMax`. Three, because a campaign takes two writes, one
 * here and one at the voters, each of which may wait for an earlier one.
 *
 * It affects liveness only. The promise that a lease depends on is `leaseMilliseconds`: a constant
 * that neither a setting nor an observation changes.
 */

import type { RaftLimits } from '../base/limits.ts';
import { RecentMaximum } from '../base/recent-maximum.ts';

export const DELAYS_PER_TIMEOUT = 3;

export class ElectionTimeout {
  readonly #limits: RaftLimits;
  /** Of this replica's node: its disk and its event loop. */
  readonly #own: RecentMaximum;
  /** Delays of others: a leader's messages, votes, and the delay that a leader stated. */
  readonly #others: RecentMaximum;
  /**
   * On a leader: the delay that a majority of the voters stays within. A leader waits for that
   * majority only, not for slower members.
   */
  majorityDelay: number | undefined;

  constructor(limits: RaftLimits) {
    this.#limits = limits;
    this.#own = new RecentMaximum(limits.delayWindowTicks);
    this.#others = new RecentMaximum(limits.delayWindowTicks);
  }

  /** In ticks, within the bounds. A follower waits for a random time in [ticks, 2 ticks). */
  get ticks(): number {
    const own = this.majorityDelay ?? this.#own.value;
    const delay = Math.max(own, this.#others.value);
    const { electionTicksMin, electionTicksMax, tickMilliseconds } = this.#limits;
    const wanted = Math.ceil((DELAYS_PER_TIMEOUT * delay) / tickMilliseconds);
    return Math.min(Math.max(wanted, electionTicksMin), electionTicksMax);
  }

  get milliseconds(): number {
    return this.ticks * this.#limits.tickMilliseconds;
  }

  /** The greatest recent delay of this replica's own node, in whole milliseconds. */
  get ownDelay(): number {
    return Math.round(this.#own.value);
  }

  /** The same, but a single outlier does not count. */
  get ownDelaySustained(): number {
    return Math.round(this.#own.sustained);
  }

  /** The delay of others that would lead to this timeout without any delay of its own. */
  get delayCovered(): number {
    return this.milliseconds / DELAYS_PER_TIMEOUT;
  }

  /** A time drawn in [electionTicksMin, 2 electionTicksMin), scaled like the timeout. */
  stretched(drawn: number): number {
    return Math.floor((drawn * this.ticks) / this.#limits.electionTicksMin);
  }

  observeOwn(milliseconds: number): void {
    this.#own.observe(milliseconds);
  }

  observeOthers(milliseconds: number): void {
    this.#others.observe(milliseconds);
  }

  /** A leader stated how long its group has to wait. Received values are bounded. */
  observeStated(timeoutMilliseconds: number): void {
    const { electionTicksMax, tickMilliseconds } = this.#limits;
    const bounded = Math.min(timeoutMilliseconds, electionTicksMax * tickMilliseconds);
    this.#others.observe(bounded / DELAYS_PER_TIMEOUT);
  }

  /** Votes did not arrive in time: the next campaign waits twice as long for them. */
  double(): void {
    this.#others.observe(2 * this.delayCovered);
  }

  tick(): void {
    this.#own.tick();
    this.#others.tick();
  }
}
