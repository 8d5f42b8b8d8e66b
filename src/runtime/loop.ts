/**
 * Drives a node's core: ticks by the clock, and the end of a turn once for all that came in it. A
 * loop that was held takes in everything that has arrived before it ticks.
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

  /** Something came from outside: a tick that is due waits until nothing more does. */
  arrived(): void {
    this.#ticker.arrived();
  }

  /** A turn ends soon: once, for everything that comes before. */
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
