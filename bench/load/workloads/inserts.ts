/** Keys that a client process inserts, one after the other, and which of them are acknowledged. */

import { keyNumbered } from '../../cluster/keys.ts';

interface InsertsOptions {
  /** The first number that no key has. */
  readonly from: number;
  /** Of this process, of so many: they take turns. */
  readonly process: number;
  readonly processes: number;
}

export class Inserts {
  readonly #options: InsertsOptions;
  #next = 0;
  /** All before it are acknowledged. */
  #acknowledged = 0;
  readonly #early = new Set<number>();

  constructor(options: InsertsOptions) {
    this.#options = options;
  }

  next(): number {
    this.#next += 1;
    return this.#next - 1;
  }

  keyOf(nth: number): string {
    const { from, process, processes } = this.#options;
    return keyNumbered(from + nth * processes + process);
  }

  acknowledge(nth: number): void {
    this.#early.add(nth);
    while (this.#early.delete(this.#acknowledged)) this.#acknowledged += 1;
  }

  /** A key that exists, so many before the newest one: one from before the first insert perhaps. */
  latest(back: number): string {
    const nth = this.#acknowledged - 1 - back;
    if (nth >= 0) return this.keyOf(nth);
    return keyNumbered(Math.max(0, this.#options.from + nth));
  }

  /** Some of the acknowledged ones, evenly. */
  sample(count: number): readonly string[] {
    const step = Math.max(1, Math.floor(this.#acknowledged / count));
    const keys: string[] = [];
    for (let nth = 0; nth < this.#acknowledged; nth += step) keys.push(this.keyOf(nth));
    return keys;
  }
}
