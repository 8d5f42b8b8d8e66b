/** Reads that met a key which a transaction holds: nobody reads what is about to change. */

import type { Read } from './reads.ts';

interface HeldRead extends Read {
  /** From then on it is sent away. */
  readonly heldUntil: number;
}

export class HeldReads {
  #held: HeldRead[] = [];

  get size(): number {
    return this.#held.length;
  }

  wait(read: HeldRead): void {
    this.#held.push(read);
  }

  /** Keys were given back, or they go: all of them. */
  takeAll(): readonly Read[] {
    const held = this.#held;
    this.#held = [];
    return held;
  }

  /** Those that have waited for long enough. */
  takeLate(now: number): readonly Read[] {
    const late = this.#held.filter(({ heldUntil }) => heldUntil < now);
    if (late.length > 0) this.#held = this.#held.filter(({ heldUntil }) => heldUntil >= now);
    return late;
  }
}
