/** What a benchmark says while it runs: a line that changes on a terminal, few lines elsewhere. */

const QUIET_MILLISECONDS = 10_000;

interface ProgressOptions {
  readonly steps: number;
  readonly write: (text: string) => void;
  readonly isTerminal: boolean;
  /** Milliseconds. */
  readonly now: () => number;
}

export class Progress {
  readonly #options: ProgressOptions;
  readonly #began: number;
  #toldAt: number;
  #done = 0;
  #hasLine = false;

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#began = options.now();
    this.#toldAt = this.#began;
  }

  /** What is done now. */
  tell(line: string): void {
    const { isTerminal, now, write } = this.#options;
    const text = `[${this.#state()}] ${line}`;
    if (isTerminal) {
      write(`\r\u001b[K${text}`);
      this.#hasLine = true;
    } else if (now() - this.#toldAt >= QUIET_MILLISECONDS) {
      this.#toldAt = now();
      write(`${text}\n`);
    }
  }

  /** A step is done. The line stays. */
  endStep(line: string): void {
    this.#done += 1;
    this.#toldAt = this.#options.now();
    const wipe = this.#hasLine ? '\r\u001b[K' : '';
    this.#hasLine = false;
    this.#options.write(`${wipe}${line}\n`);
  }

  #state(): string {
    const { steps, now } = this.#options;
    const place = `${Math.min(this.#done + 1, steps)} of ${steps}`;
    if (this.#done === 0) return place;
    const left = ((now() - this.#began) / this.#done) * (steps - this.#done);
    return `${place}, about ${Math.ceil(left / 60_000)} min left`;
  }
}
