/**
 * Drives a node's core: ticks by the clock, and one end of turn for all input of an event-loop
 * turn. After a blocked loop, all arrived input is processed before the next tick.
 */

import { monotoneNow } from '../base/ambient.ts';
import type { NodeCore } from '../node/node-core.ts';
import { Ticker } from '../transport/ticker.ts';
import type { FatalGuard } from './fatal-guard.ts';

interface LoopOptions {
  readonly guard: FatalGuard;
  readonly tickMilliseconds: number;
}

export class Loop {
  readonly #guard: FatalGuard;
  readonly #ticker: Ticker;
  #core: NodeCore | undefined;
  #isPlanned = false;

  constructor({ guard, tickMilliseconds }: LoopOptions) {
    this.#guard = guard;
    this.#ticker = new Ticker({
      milliseconds: tickMilliseconds,
      onTick: () => this.#run((core) => core.tick(monotoneNow())),
    });
  }

  start(core: NodeCore): void {
    this.#core = core;
    this.#ticker.start();
    this.wake();
  }

  stop(): void {
    this.#ticker.stop();
    this.#core = undefined;
  }

  /** Reports input: a due tick waits until no more input arrives. */
  arrived(): void {
    this.#ticker.arrived();
  }

  /** Schedules the end of the turn, once for all input before it. */
  wake(): void {
    if (this.#isPlanned || this.#core === undefined) return;
    this.#isPlanned = true;
    setImmediate(() => {
      this.#isPlanned = false;
      this.#run((core) => {
        if (core.flush(monotoneNow())) this.wake();
      });
    });
  }

  #run(work: (core: NodeCore) => void): void {
    const core = this.#core;
    if (core !== undefined) this.#guard.run(() => work(core));
    if (this.#guard.isOver) this.stop();
  }
}
