/**
 * Ticks of a process that judge time only after everything that has arrived was taken in.
 *
 * When an event loop was held, its timers are due before its sockets are read. A timeout that is
 * judged then blames others for the time that this process slept: their words wait in its sockets.
 * So a tick runs behind a poll for input; one that is late, behind a poll that brought nothing.
 */

import { monotoneNow } from '../base/ambient.ts';

interface TickerOptions {
  readonly milliseconds: number;
  readonly onTick: () => void;
  readonly now?: () => number;
}

/**
 * Others may send faster than this process reads: time goes on all the same. One poll reads up to
 * megabytes of each socket, so these find all that came while the loop was held.
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

  /** Late ticks are not made up for: the next one comes a whole interval after the last. */
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

  /** To be called for everything that comes from outside: a frame, an end, a report of the disk. */
  arrived(): void {
    this.#arrivals += 1;
  }

  #fall(): void {
    if (this.#immediate !== undefined) return;
    const isLate = this.#now() - this.#tickedAt >= 2 * this.#options.milliseconds;
    this.#afterPoll({ isLate, pollsLeft: isLate ? POLLS_MAX : 1 });
  }

  /**
   * An immediate that is set in a timer or an immediate runs behind the next poll for input. The
   * loop may be held by another immediate before it runs: then that poll was too early.
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
