/** A kind of work that customers do, and what must be true of it in the end. */

import type { Customer } from './customer.ts';
import type { Truth } from './truth.ts';

export interface Workload {
  /** Some calls of one customer, one after the other; `done` is called once, at their end. */
  step(customer: Customer, done: () => void): void;
  /** Everything is repaired and every call has ended: the final reads, through a customer. */
  finish(customer: Customer, done: () => void): void;
  /** Throws a `SimFailure` if the observations are impossible. */
  judge(truth: Truth): void;
}

/** One after the other; none begins before the previous one is done. */
export function inTurn<T>(
  items: readonly T[],
  each: (item: T, next: () => void) => void,
  done: () => void,
): void {
  const go = (at: number): void => {
    if (at === items.length) done();
    else each(items[at] as T, () => go(at + 1));
  };
  go(0);
}
