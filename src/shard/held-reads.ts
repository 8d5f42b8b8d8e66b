/** Reads that met a key which a transaction holds: nobody reads what is about to change. */

import type { Read } from './reads.ts';

interface Held {
  readonly read: Read;
  /** From then on it is sent away. */
  readonly until: number;
}

export class HeldReads {
  #held: Held[] = [];

  get size(): number {
    return this.#held.length;
  }

  wait(read: Read, until: number): void {
    this.#held.push({ read, until });
  }

  /** Keys were given back, or they go: all of them. */
  takeAll(): readonly Read[] {
    const reads = this.#held.map(({ read }) => read);
    this.#held = [];
    return reads;
  }

  /** Those that have waited for long enough. */
  takeLate(now: number): readonly Read[] {
    if (!this.#held.some(({ until }) => until < now)) return [];
    const late = this.#held.filter(({ until }) => until < now).map(({ read }) => read);
    this.#held = this.#held.filter(({ until }) => until >= now);
    return late;
  }
}
