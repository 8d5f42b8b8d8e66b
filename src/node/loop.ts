/** Drives a node's core: ticks by the clock, and the end of a turn once for all that came in it. */

import { monotoneNow } from '../base/ambient.ts';
import { RAFT_LIMITS } from '../base/limits.ts';
import type { NodeCore } from '../core/node-core.ts';
import type { Ending } from './ending.ts';

export class Loop {
  readonly #ending: Ending;
  #core: NodeCore | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isPlanned = false;

  constructor(ending: Ending) {
    this.#ending = ending;
  }

  start(core: NodeCore): void {
    this.#core = core;
    // An interval that is late is not made up for, which is what ticks need.
    this.#timer = setInterval(() => {
      this.#run(() => core.tick(monotoneNow()));
    }, RAFT_LIMITS.tickMilliseconds);
    this.wake();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#core = undefined;
  }

  /** A turn ends soon: once, for everything that comes before. */
  wake(): void {
    if (this.#isPlanned || this.#core === undefined) return;
    this.#isPlanned = true;
    setImmediate(() => {
      this.#isPlanned = false;
      this.#run(() => {
        if (this.#core?.flush(monotoneNow())) this.wake();
      });
    });
  }

  #run(work: () => void): void {
    if (this.#core !== undefined) this.#ending.run(work);
    if (this.#ending.isOver) this.stop();
  }
}
