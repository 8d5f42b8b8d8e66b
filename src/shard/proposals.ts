/** Who waits for which entry. */

import type { Origin } from './origin.ts';

/** One who asked, and under which number. */
export interface Asker {
  readonly origin: Origin;
  readonly id: number;
}

interface Waiting {
  readonly term: number;
  readonly asker: Asker;
}

export class Proposals {
  readonly #waiting = new Map<number, Waiting>();

  get size(): number {
    return this.#waiting.size;
  }

  add(index: number, waiting: Waiting): void {
    this.#waiting.set(index, waiting);
  }

  /**
   * Who waits for what was applied at this index. `replaced`: another term's entry stands where
   * theirs stood, so theirs can never take effect.
   */
  take(
    index: number,
    term: number,
  ): { readonly asker: Asker; readonly isReplaced: boolean } | undefined {
    const waiting = this.#waiting.get(index);
    if (waiting === undefined) return undefined;
    this.#waiting.delete(index);
    return { asker: waiting.asker, isReplaced: waiting.term !== term };
  }

  /** Leadership is lost: what becomes of these entries is for others to decide. */
  takeAll(): readonly Asker[] {
    if (this.#waiting.size === 0) return [];
    const askers = [...this.#waiting.values()].map(({ asker }) => asker);
    this.#waiting.clear();
    return askers;
  }
}
