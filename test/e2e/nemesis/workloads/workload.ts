/** A kind of work: what a worker does, and what must be true of the history in the end. */

import type { Recorded } from '../history.ts';
import type { Worker } from '../worker.ts';

export interface Workload {
  readonly name: string;
  /** How often it is picked, compared with others. */
  readonly weight: number;
  /** Some calls, one after the other. */
  step(worker: Worker): Promise<void>;
  /** Everything is repaired, and every call has ended: the final reads. */
  finish(worker: Worker, history: readonly Recorded[]): Promise<void>;
  /** Violations; none if all is well. Operations of other kinds are skipped. */
  judge(history: readonly Recorded[]): string[];
}

export function distinct<T>(items: Iterable<T>): T[] {
  return [...new Set(items)];
}
