/**
 * Decides whether a node that ended is restarted in the same process: only if a restart repairs the
 * cause, and only a bounded number of times.
 */

import { NODE_LIMITS } from '../base/node-limits.ts';
import type { NodeEnd } from './fatal-guard.ts';

export class Restarts {
  #lastAt = Number.NEGATIVE_INFINITY;

  /** Returns true for a restart, which it counts. */
  isDue({ kind }: NodeEnd, now: number): boolean {
    if (kind !== 'reopen' || now - this.#lastAt < NODE_LIMITS.restartMilliseconds) return false;
    this.#lastAt = now;
    return true;
  }
}
