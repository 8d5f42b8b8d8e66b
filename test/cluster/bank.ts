/** Accounts in all shards: money is moved and never created. */

import type { Command } from '../../src/machine/command.ts';
import type { Customer } from './customer.ts';
import { putOf, type Run, readJointly, transact } from './transacting.ts';
import type { Truth } from './truth.ts';
import type { Workload } from './workload.ts';

const ACCOUNTS = Array.from({ length: 7 }, (_, at) => `account-${at}`);
/** The balance of an untouched account. */
const BEGINNING = 100;
const TOTAL = BEGINNING * ACCOUNTS.length;

export class Bank implements Workload {
  readonly #broken: string[] = [];
  #values = 0;

  step(customer: Customer, done: () => void): void {
    const dice = customer.random.fraction();
    if (dice < 0.6) return this.#move(customer, done);
    if (dice < 0.85) return this.#look(customer, () => done());
    this.#sum(customer, done);
  }

  finish(customer: Customer, done: () => void): void {
    this.#look(customer, (isOk) => isOk && done());
  }

  judge(truth: Truth): void {
    const [broken] = this.#broken;
    if (broken !== undefined) truth.fail('bank', broken);
  }

  /** Judges balances as if they had been read: for tests of this check. */
  note(values: readonly (string | undefined)[]): void {
    const balances = values.map(balanceIn);
    const total = balances.reduce((sum, balance) => sum + balance, 0);
    if (total !== TOTAL) this.#broken.push(`${balances.join(' ')} make ${total}, not ${TOTAL}`);
  }

  /** From one account to one or two others; it may be overdrawn. */
  #move(customer: Customer, done: () => void): void {
    const { random } = customer;
    const accounts = random.shuffle(ACCOUNTS).slice(0, random.pick([2, 2, 3]));
    const amount = random.between(1, 50);
    const body = (run: Run) => {
      this.#values += 1;
      const mark = `${customer.number}.${this.#values}`;
      run.read(accounts, (values) => {
        const writes = accounts.map((account, at): Command[number] => {
          const change = at === 0 ? -amount * (accounts.length - 1) : amount;
          return putOf(account, `${balanceIn(values[at]) + change} by ${mark}`);
        });
        run.commit(writes);
      });
    };
    transact(customer, body, () => done());
  }

  #look(customer: Customer, done: (isOk: boolean) => void): void {
    readJointly(customer, ACCOUNTS, (values) => {
      if (values !== undefined) this.note(values);
      done(values !== undefined);
    });
  }

  /** A transaction that only reads, some accounts first and the others later. */
  #sum(customer: Customer, done: () => void): void {
    let values: readonly (string | undefined)[] = [];
    const body = (run: Run) => {
      run.read(ACCOUNTS.slice(0, 3), (some) => {
        run.read(ACCOUNTS.slice(3), (others) => {
          values = [...some, ...others];
          run.commit([]);
        });
      });
    };
    transact(customer, body, (outcome) => {
      if (outcome === 'ok') this.note(values);
      done();
    });
  }
}

function balanceIn(value: string | undefined): number {
  return value === undefined ? BEGINNING : Number.parseInt(value, 10);
}
