/** The greatest value of the last one to two windows of time, at the cost of two numbers. */

export class RecentMaximum {
  readonly #windowTicks: number;
  #ticksLeft: number;
  #current = 0;
  #previous = 0;

  constructor(windowTicks: number) {
    this.#windowTicks = windowTicks;
    this.#ticksLeft = windowTicks;
  }

  /** The greatest of the last one to two windows; 0 if nothing was observed. */
  get value(): number {
    return Math.max(this.#current, this.#previous);
  }

  /** What each of the last two windows reached: one outlier alone does not count. */
  get sustained(): number {
    return Math.min(this.#current, this.#previous);
  }

  observe(value: number): void {
    if (value > this.#current) this.#current = value;
  }

  tick(): void {
    this.#ticksLeft -= 1;
    if (this.#ticksLeft > 0) return;
    this.#ticksLeft = this.#windowTicks;
    this.#previous = this.#current;
    this.#current = 0;
  }
}
