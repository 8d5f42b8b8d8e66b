/** Reads that met a key which a transaction holds: nobody reads what is about to change. */

import type { Read } from './reads.ts';

export class HeldReads {
  #reads: Read[] = [];

  get size(): number {
    return this.#reads.length;
  }

  wait(read: Read): void {
    this.#reads.push(read);
  }

  /** Keys were given back, or they go: all of them. */
  takeAll(): readonly Read[] {
    const reads = this.#reads;
    this.#reads = [];
    return reads;
  }

  /** Those that nobody waits for any more. */
  takeLate(now: number): readonly Read[] {
    if (!this.#reads.some(({ until }) => until < now)) return [];
    const late = this.#reads.filter(({ until }) => until < now);
    this.#reads = this.#reads.filter(({ until }) => until >= now);
    return late;
  }
}
