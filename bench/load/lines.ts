/** The lines that a child process prints, one by one. */

import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

export class Lines {
  readonly #lines: AsyncIterator<string>;

  constructor({ stdout }: ChildProcess) {
    if (stdout === null) throw new Error('the output of the process is not piped');
    this.#lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  }

  /** Rejects if the process has ended. */
  async next(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error('the process has ended, and printed no further line');
    return value;
  }
}
