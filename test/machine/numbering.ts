/** How a client numbers what it asks: one open request in a slot, each later one with more. */

import { MACHINE_LIMITS } from '../../src/base/limits.ts';

export class Numbering {
  readonly #open: number[] = [];
  readonly #free: number[] = [];
  #next = 0;

  /** Requests that are open. */
  get count(): number {
    return this.#open.length;
  }

  take(): number {
    const sequence = this.#free.pop() ?? this.#next++;
    this.#open.push(sequence);
    return sequence;
  }

  /** The client has the answer, or will never ask again. Twice is once. */
  close(sequence: number): void {
    const at = this.#open.indexOf(sequence);
    if (at < 0) return;
    this.#open.splice(at, 1);
    this.#free.push(sequence + MACHINE_LIMITS.sessionSlots);
  }

  /** The one that is open at this place, from the first on. */
  openAt(place: number): number {
    return this.#open[place] as number;
  }
}
