/** The failed attempts that an error reports: equal ones are one, with their number. */

import type { Attempt } from '../../base/errors.ts';
import { CLIENT_LIMITS } from '../limits.ts';

/** The latest kinds of failures, the last one last. */
export class Attempts {
  #list: readonly Attempt[] = [];

  get last(): Attempt | undefined {
    return this.#list.at(-1);
  }

  get all(): readonly Attempt[] {
    return this.#list;
  }

  note({ endpoint, what, count = 1 }: Attempt): void {
    const isSame = (one: Attempt) => one.endpoint === endpoint && one.what === what;
    const before = this.#list.find(isSame);
    const others = this.#list.filter((one) => !isSame(one));
    const sum = count + (before === undefined ? 0 : (before.count ?? 1));
    const attempt = sum === 1 ? { endpoint, what } : { endpoint, what, count: sum };
    this.#list = [...others, attempt].slice(-CLIENT_LIMITS.attemptsKept);
  }
}
