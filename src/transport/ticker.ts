/**
 * Ticks of a process that run only after all arrived input was processed.
 *
 * After a blocked event loop, timers fire before sockets are read. A timeout that is evaluated then
 * counts the time that this process was blocked against its peers, whose messages are still in its
 * sockets. So a tick runs after a poll for input; a late tick runs after a poll without input.
 */

import { monotoneNow } from '../base/ambient.ts';

interface TickerOptions {
  readonly milliseconds: number;
  readonly onTick: () => void;
  /** As soon as a tick is due, before input is looked for: for what must not wait for that. */
  readonly onDue?: () => void;
  readonly now?: () => number;
}

/**
 * Peers may send faster than this process reads, so the number of polls is bounded. One poll reads
 * up to megabytes per socket, so these polls find all input from the blocked time.
 */
const POLLS_MAX = 4;

export class Ticker {
  readonly #options: TickerOptions;
  readonly #now: () => number;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #tickedAt = 0;
  #arrivals = 0;

  constructor(options: TickerOptions) {
    this.#options = options;
    this.#now = options.now ?? monotoneNow;
  }

  get isRunning(): boolean {
    return this.#timer !== undefined;
  }

  /** Missed ticks are not caught up: the next one follows a full interval later. */
  start(): void {
    if (this.#timer !== undefined) return;
    this.#tickedAt = this.#now();
    this.#timer = setInterval(() => this.#fall(), this.#options.milliseconds);
  }

  stop(): void {
    clearInterval(this.#timer);
    clearImmediate(this.#immediate);
    this.#timer = undefined;
    this.#immediate = undefined;
  }

  /** Call this for every input: a frame, a closed socket, a completion of the disk. */
  arrived(): void {
    this.#arrivals += 1;
  }

  #fall(): void {
    this.#options.onDue?.();
    // It may have stopped the ticks.
    if (this.#immediate !== undefined || this.#timer === undefined) return;
    const isLate = this.#now() - this.#tickedAt >= 2 * this.#options.milliseconds;
    this.#afterPoll({ isLate, pollsLeft: isLate ? POLLS_MAX : 1 });
  }

  /**
   * An immediate set in a timer or an immediate runs after the next poll for input. Another
   * immediate may block the loop before it runs: then that poll was too early.
   */
  #afterPoll({
    isLate,
    pollsLeft,
  }: {
    readonly isLate: boolean;
    readonly pollsLeft: number;
  }): void {
    const before = this.#arrivals;
    const plannedAt = this.#now();
    this.#immediate = setImmediate(() => {
      this.#immediate = undefined;
      const wasHeld = !isLate && this.#now() - plannedAt >= this.#options.milliseconds;
      if (wasHeld) return this.#afterPoll({ isLate: true, pollsLeft: POLLS_MAX });
      if (this.#arrivals !== before && pollsLeft > 1) {
        return this.#afterPoll({ isLate, pollsLeft: pollsLeft - 1 });
      }
      this.#tickedAt = this.#now();
      this.#options.onTick();
    });
  }
}
