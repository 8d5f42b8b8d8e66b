/** Drives a node's core: ticks by the clock, and the end of a turn once for all that came in it. */

import { monotoneNow } from '../base/ambient.ts';
import { RAFT_LIMITS } from '../base/limits.ts';
import type { NodeCore } from '../core/node-core.ts';

export class Loop {
  #core: NodeCore | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isPlanned = false;
  #onError: (error: unknown) => void = () => {};

  start(core: NodeCore, onError: (error: unknown) => void): void {
    this.#core = core;
    this.#onError = onError;
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

  /** A broken invariant ends the process: what is in memory is not to be trusted any more. */
  #run(work: () => void): void {
    try {
      if (this.#core !== undefined) work();
    } catch (error) {
      this.stop();
      this.#onError(error);
    }
  }
}
