/**
 * Moves virtual time while something waits for it: an open call, a pause between two attempts, or a
 * test that advances the clock. Otherwise time stands still, however long the test takes.
 */

import type { VirtualTime } from './virtual-time.ts';

interface PumpOptions {
  readonly time: VirtualTime;
  /** Calls of clients that have not ended. */
  readonly openCalls: () => number;
}

/** In one turn of the event loop; less if a call ends. */
const SLICE_MILLISECONDS = 5;
/** The same while only the clock is advanced. */
const ADVANCE_MILLISECONDS = 100;
/** After the last call: what it caused reaches the replicas and those who watch. */
const SETTLE_MILLISECONDS = 20;

export class Pump {
  readonly #options: PumpOptions;
  #isRunning = false;
  #isClosed = false;
  #rests = 0;
  /** The clock is advanced at least to here. */
  #target: number;
  #busyAt: number;
  #onTarget: (() => void)[] = [];

  constructor(options: PumpOptions) {
    this.#options = options;
    this.#target = options.time.now;
    this.#busyAt = options.time.now;
  }

  /** Resolves when the clock has moved by so much. */
  advance(milliseconds: number): Promise<void> {
    this.#target = Math.max(this.#target, this.#options.time.now) + milliseconds;
    const promise = new Promise<void>((resolve) => this.#onTarget.push(resolve));
    this.wake();
    return promise;
  }

  /** A call pauses; the result ends the pause. */
  rest(): () => void {
    this.#rests += 1;
    let isOver = false;
    this.wake();
    return () => {
      if (isOver) return;
      isOver = true;
      this.#rests -= 1;
    };
  }

  /** There may be something to wait for. */
  wake(): void {
    if (this.#isRunning || this.#isClosed) return;
    this.#isRunning = true;
    this.#busyAt = this.#options.time.now;
    setImmediate(() => this.#step());
  }

  close(): void {
    this.#isClosed = true;
    for (const resolve of this.#onTarget.splice(0)) resolve();
  }

  #step(): void {
    if (this.#isClosed) return;
    const { time, openCalls } = this.#options;
    const open = openCalls();
    const isWaited = open > 0 || this.#rests > 0;
    if (isWaited) {
      const rests = this.#rests;
      const isEnded = () => openCalls() !== open || this.#rests !== rests;
      time.runUntil(time.now + SLICE_MILLISECONDS, isEnded);
      this.#busyAt = time.now;
    } else {
      const end = Math.max(this.#target, this.#busyAt + SETTLE_MILLISECONDS);
      time.runUntil(Math.min(end, time.now + ADVANCE_MILLISECONDS), () => openCalls() > 0);
    }
    if (time.now >= this.#target) for (const resolve of this.#onTarget.splice(0)) resolve();
    const isSettled = time.now >= this.#busyAt + SETTLE_MILLISECONDS && time.now >= this.#target;
    if (!isWaited && isSettled && openCalls() === 0) this.#isRunning = false;
    else setImmediate(() => this.#step());
  }
}
