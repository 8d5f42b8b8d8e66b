/**
 * Whether a node that ended is begun again in the same process: where a start by itself mends what
 * ended it, and not again and again.
 */

import { NODE_LIMITS } from '../base/node-limits.ts';
import type { NodeEnd } from './fatal-guard.ts';

export class Restarts {
  #lastAt = Number.NEGATIVE_INFINITY;

  /** Counts as a restart if it says so. */
  isDue({ kind }: NodeEnd, now: number): boolean {
    if (kind !== 'reopen' || now - this.#lastAt < NODE_LIMITS.restartMilliseconds) return false;
    this.#lastAt = now;
    return true;
  }
}
