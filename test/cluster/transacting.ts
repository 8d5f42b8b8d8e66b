/**
 * Transactions as the library runs them: reads with versions, then one command that checks them;
 * after a conflict it starts again, with the age of its first attempt.
 */

import {
  type CommitCall,
  isProtected,
  type Priority,
  type ReadCall,
  type SeenRange,
  type ValidateCall,
} from '../../src/client/core/call.ts';
import { type PageCall, Scan } from '../../src/client/core/scan.ts';
import { SeenPages } from '../../src/client/seen-pages.ts';
import type { Check, Command, Operation } from '../../src/machine/command.ts';
import type { Outcome } from '../checkers/model.ts';
import { bytesOf, type Customer, textOf } from './customer.ts';

/** The work of a transaction in each run, which it ends by `commit` or by `giveUp`. */
export type Body = (run: Run) => void;

/** No transaction has to commit in the end: other work is waiting. */
const RUNS_MAX = 12;
const REST_MILLISECONDS_MAX = 20;
const LEVELS = [{ type: 'linearizable' }, { type: 'lease' }] as const;

/** `ok`: it took effect, or all that it read was true at one moment. */
export type End = (outcome: Outcome) => void;

export function transact(customer: Customer, body: Body, end: End): void {
  const priority: Priority = { attempts: 0, age: undefined };
  let runs = 0;
  const again = () => {
    runs += 1;
    body(
      new Run(customer, priority, (outcome) => {
        if (outcome !== 'contended') return end(outcome);
        customer.hit('transaction again');
        priority.attempts += 1;
        if (runs === RUNS_MAX) return end('failed');
        customer.after(customer.random.between(1, REST_MILLISECONDS_MAX), again);
      }),
    );
  };
  again();
}

type RunEnd = (outcome: Outcome | 'contended') => void;

/** One run of it. A failed call ends the transaction with its error. */
export class Run {
  readonly #customer: Customer;
  readonly #priority: Priority;
  readonly #end: RunEnd;
  readonly #checks: Check[] = [];
  readonly #ranges: SeenRange[] = [];
  /** When absent keys were seen to be absent. */
  readonly #moments = new Map<Operation, number>();
  readonly #level: ReadCall['level'];
  /** Answers that may have been given at different moments. */
  #answers = 0;

  constructor(customer: Customer, priority: Priority, end: RunEnd) {
    this.#customer = customer;
    this.#priority = priority;
    this.#end = end;
    const level = customer.random.pick(LEVELS);
    this.#level = isProtected(priority) ? LEVELS[0] : level;
  }

  /** Undefined for a missing key. No key is read twice. */
  read(names: readonly string[], then: (values: readonly (string | undefined)[]) => void): void {
    if (names.length === 0) return then([]);
    const keys = names.map(bytesOf);
    const priority = this.#priority;
    const asked = { type: 'read', keys, level: this.#level, isJoint: false, priority } as const;
    this.#customer.call<ReadCall>(asked, (result) => {
      if (result.type === 'failed') return this.#end('failed');
      this.#answers += result.isOneMoment ? 1 : 2;
      for (const [at, key] of keys.entries()) {
        const version = result.rows[at]?.version ?? 0;
        const check: Check = { type: 'check-version', key, version };
        this.#checks.push(check);
        if (version === 0) this.#moments.set(check, result.seenAt[at] ?? 0);
      }
      then(result.rows.map((row) => row && textOf(row.value)));
    });
  }

  /** All keys with this prefix. */
  scan(prefix: string, then: (keys: readonly string[]) => void): void {
    const seen = new SeenPages({ isReverse: false });
    const scan = new Scan({
      range: { from: bytesOf(prefix), to: bytesOf(`${prefix}~`) },
      isReverse: false,
      isKeysOnly: false,
      level: this.#level,
      rowsMax: 1000,
      onPage: (page) => seen.add(page),
    });
    const keys: string[] = [];
    const next = () => {
      this.#customer.call<PageCall>({ type: 'page', scan }, (result) => {
        if (result.type === 'failed') return this.#end('failed');
        for (const { key } of result.rows) keys.push(textOf(key));
        if (!result.isEnd) return next();
        seen.finish();
        this.#ranges.push(...seen.checks);
        then(keys);
      });
    };
    next();
  }

  /** Without a write it takes effect if all that was read was true at one moment. */
  commit(writes: Command): void {
    if (writes.length === 0) return this.#validate();
    const asked: Pick<CommitCall, 'command' | 'ranges' | 'moments' | 'priority'> = {
      command: [...this.#checks, ...writes],
      ranges: this.#ranges,
      moments: this.#moments,
      priority: this.#priority,
    };
    this.#customer.commit(asked, ({ outcome, reply }) => {
      if (outcome === 'unknown') return this.#end('unknown');
      if (reply?.type === 'done') {
        this.#customer.hit(reply.versions === undefined ? 'committed in one' : 'committed');
        return this.#end('ok');
      }
      this.#end('contended');
    });
  }

  /** What it read is inconsistent, so it cannot have been true together. */
  giveUp(): void {
    this.#end('contended');
  }

  #validate(): void {
    if (this.#answers + this.#ranges.length <= 1) return this.#end('ok');
    const [checks, ranges, moments] = [this.#checks, this.#ranges, this.#moments];
    const priority = this.#priority;
    const asked = { type: 'validate', checks, ranges, moments, priority } as const;
    this.#customer.call<ValidateCall>({ ...asked, level: this.#level }, (result) => {
      if (result.type === 'failed') return this.#end('failed');
      if (result.failed === undefined) this.#customer.hit('validated');
      this.#end(result.failed === undefined ? 'ok' : 'contended');
    });
  }
}

/** Keys as they were at one moment; undefined if they could not be read. */
export function readJointly(
  customer: Customer,
  names: readonly string[],
  then: (values: readonly (string | undefined)[] | undefined) => void,
): void {
  const keys = names.map(bytesOf);
  const level = customer.random.pick(LEVELS);
  customer.call<ReadCall>({ type: 'read', keys, level, isJoint: true }, (result) => {
    if (result.type === 'failed') return then(undefined);
    customer.hit('read jointly');
    then(result.rows.map((row) => row && textOf(row.value)));
  });
}

export function putOf(key: string, value: string): Command[number] {
  return { type: 'set', key: bytesOf(key), value: bytesOf(value), lifeMilliseconds: 0 };
}
