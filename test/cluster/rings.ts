/** A ring of keys, each of which names its successor; after any rearrangement it is one ring. */

import type { Customer } from './customer.ts';
import { putOf, type Run, readJointly, transact } from './transacting.ts';
import type { Truth } from './truth.ts';
import type { Workload } from './workload.ts';

const COUNT = 6;
const KEYS = Array.from({ length: COUNT }, (_, at) => `ring-${at}`);

export class Rings implements Workload {
  readonly #broken: string[] = [];
  #values = 0;

  step(customer: Customer, done: () => void): void {
    if (customer.random.chance(0.65)) return this.#rearrange(customer, done);
    this.#walk(customer, () => done());
  }

  finish(customer: Customer, done: () => void): void {
    this.#walk(customer, (isOk) => isOk && done());
  }

  judge(truth: Truth): void {
    const [broken] = this.#broken;
    if (broken !== undefined) truth.fail('ring', broken);
  }

  /** Judges successors as if they had been read: for tests of this check. */
  note(values: readonly (string | undefined)[]): void {
    const next = values.map((value, at) => nextIn(value, at));
    const visited = new Set<number>();
    for (let at = 0; !visited.has(at); at = next[at] ?? 0) visited.add(at);
    if (visited.size < COUNT || new Set(next).size < COUNT) {
      this.#broken.push(`${next.join(' ')} is no ring of ${COUNT}`);
    }
  }

  /** A key and its successor change places: three keys are read, each after the one before it. */
  #rearrange(customer: Customer, done: () => void): void {
    const first = customer.random.below(COUNT);
    const body = (run: Run) => {
      this.#values += 1;
      const mark = `by ${customer.number}.${this.#values}`;
      const follow = (at: number, then: (next: number) => void) => {
        run.read([KEYS[at] as string], ([value]) => then(nextIn(value, at)));
      };
      follow(first, (second) => {
        if (second === first) return run.giveUp();
        follow(second, (third) => {
          if (third === first || third === second) return run.giveUp();
          follow(third, (fourth) => {
            run.commit([
              putOf(KEYS[first] as string, `${third} ${mark}`),
              putOf(KEYS[third] as string, `${second} ${mark}`),
              putOf(KEYS[second] as string, `${fourth} ${mark}`),
            ]);
          });
        });
      });
    };
    transact(customer, body, () => done());
  }

  #walk(customer: Customer, done: (isOk: boolean) => void): void {
    readJointly(customer, KEYS, (values) => {
      if (values !== undefined) this.note(values);
      done(values !== undefined);
    });
  }
}

/** Initially they are in the order of their numbers. */
function nextIn(value: string | undefined, at: number): number {
  return value === undefined ? (at + 1) % COUNT : Number.parseInt(value, 10);
}
