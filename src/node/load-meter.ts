/** How busy the node was recently, by the processor time of its process. */

import { NODE_LIMITS } from '../base/node-limits.ts';
import type { Load } from '../catalog/leader-choice.ts';

const { loadWindowMilliseconds, idleShareMax, busyShareMin } = NODE_LIMITS;

export class LoadMeter {
  /** Milliseconds of processor time that the process has used so far. */
  readonly #processorTime: () => number;
  #since: number;
  #used: number;
  /** Of one core, in the last two windows: a single busy one may be a burst, or a start. */
  #shares: readonly [number, number] = [0, 0];

  constructor(processorTime: () => number, now: number) {
    this.#processorTime = processorTime;
    this.#since = now;
    this.#used = processorTime();
  }

  tick(now: number): void {
    const elapsed = now - this.#since;
    if (elapsed < loadWindowMilliseconds) return;
    const used = this.#processorTime();
    this.#shares = [this.#shares[1], (used - this.#used) / elapsed];
    this.#since = now;
    this.#used = used;
  }

  get level(): Load {
    const [before, last] = this.#shares;
    if (Math.min(before, last) >= busyShareMin) return 'busy';
    return Math.max(before, last) < idleShareMax ? 'idle' : 'working';
  }
}
