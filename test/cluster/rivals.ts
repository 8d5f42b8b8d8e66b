/**
 * A key that some customers write blindly all the time, and transactions that read it and write
 * another one. A blind write holds no locks and yields to no transaction, so a transaction that
 * only retries would fail for ever: after some attempts the leader has to make the others wait.
 */

import type { Priority } from '../../src/client/core/call.ts';
import type { Customer } from './customer.ts';
import { putOf, Run, transact } from './transacting.ts';
import type { Truth } from './truth.ts';
import type { Workload } from './workload.ts';

const HOT = 'rivals-hot';
/** Both keys in one shard, or in two. */
const COPIES = ['rivals-0', 'rivals-1', 'rivals-2', '{rivals-hot}-copy'] as const;
const PUTS = 4;
/** After the repair: the number of concurrent writers, and of runs that may fail. */
const WRITERS = 3;
const RUNS_MAX = 12;
const THINKING_MILLISECONDS = { min: 5, max: 30 } as const;
const REST_MILLISECONDS_MAX = 20;

export class Rivals implements Workload {
  readonly #starved: string[] = [];
  #puts = 0;

  step(customer: Customer, done: () => void): void {
    if (customer.random.chance(0.5)) return this.#putAll(customer, PUTS, done);
    transact(
      customer,
      (run) => this.#copy(customer, run),
      () => done(),
    );
  }

  /** Others write all the time, and a transaction commits. */
  finish(customer: Customer, done: () => void): void {
    let isOver = false;
    let writing = WRITERS;
    const write = (): void => {
      if (!isOver) return this.#put(customer, write);
      writing -= 1;
      if (writing === 0) done();
    };
    for (let at = 0; at < WRITERS; at++) write();
    this.#insist(customer, () => {
      isOver = true;
    });
  }

  judge(truth: Truth): void {
    const [starved] = this.#starved;
    if (starved !== undefined) truth.fail('starvation', starved);
  }

  /** The result, where no transaction had to fail. */
  note(runs: number, milliseconds: number): void {
    if (runs < RUNS_MAX) return;
    this.#starved.push(`a transaction was run ${runs} times in ${milliseconds} ms, in vain`);
  }

  #insist(customer: Customer, done: () => void): void {
    const priority: Priority = { attempts: 0, age: undefined };
    const began = customer.now;
    const again = (): void => {
      const run = new Run(customer, priority, (outcome) => {
        if (outcome === 'ok' || outcome === 'unknown') customer.hit('got through among rivals');
        else if (outcome === 'contended') priority.attempts += 1;
        const isOver = outcome === 'ok' || outcome === 'unknown' || priority.attempts >= RUNS_MAX;
        if (!isOver) {
          customer.after(customer.random.between(1, REST_MILLISECONDS_MAX), again);
          return;
        }
        this.note(priority.attempts, customer.now - began);
        done();
      });
      this.#copy(customer, run);
    };
    again();
  }

  #copy(customer: Customer, run: Run): void {
    const { random } = customer;
    const isReadOnly = random.chance(0.3);
    const copy = random.pick(COPIES);
    run.read([HOT], ([value = '']) => {
      customer.after(random.between(THINKING_MILLISECONDS.min, THINKING_MILLISECONDS.max), () => {
        this.#puts += 1;
        // Each written value is unique.
        if (!isReadOnly) return run.commit([putOf(copy, `${value}, ${this.#puts}`)]);
        run.read([copy], () => run.commit([]));
      });
    });
  }

  #putAll(customer: Customer, left: number, done: () => void): void {
    if (left === 0) return done();
    this.#put(customer, () => this.#putAll(customer, left - 1, done));
  }

  #put(customer: Customer, done: () => void): void {
    this.#puts += 1;
    customer.write([putOf(HOT, String(this.#puts))], () => done());
  }
}
