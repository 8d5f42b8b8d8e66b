/** Transactions on lists: what each of them read and appended shows their order. */

import type { Command } from '../../src/machine/command.ts';
import { checkListAppend } from '../checkers/list-append.ts';
import type { MicroOperation, Transaction } from '../checkers/list-append-history.ts';
import type { Outcome } from '../checkers/model.ts';
import { bytesOf, type Customer } from './customer.ts';
import { putOf, type Run, readJointly, transact } from './transacting.ts';
import type { Truth } from './truth.ts';
import { inTurn, type Workload } from './workload.ts';

const LIVE_KEYS = 8;
const APPENDS = { min: 32, max: 64 } as const;
const OPERATIONS_MAX = 5;
const READ_ONLY = 0.2;
/** Keys with one tag lie in one shard. */
const TAGS = 3;
const FINAL_KEYS = 16;

interface ListKey {
  readonly name: string;
  appendsLeft: number;
}

/** The intended operations, before anything was read. */
type Wish =
  | { readonly type: 'read'; readonly key: string }
  /** By one operation; or by the value that was read, with the new element after it. */
  | { readonly type: 'append'; readonly key: string; readonly element: number; isNative: boolean };

type Lists = ReadonlyMap<string, readonly number[]>;

export class ListAppend implements Workload {
  readonly history: Transaction[] = [];
  readonly #live: ListKey[] = [];
  readonly #all: string[] = [];
  /** The id of each customer's process in the history; a new one after each unknown outcome. */
  readonly #processes = new Map<number, number>();
  #nextProcess = 1;
  #nextElement = 1;
  #nextKey = 1;

  step(customer: Customer, done: () => void): void {
    const { random } = customer;
    this.#fill(customer);
    const count = random.between(1, OPERATIONS_MAX);
    const isReadOnly = random.chance(READ_ONLY);
    const wishes = Array.from({ length: count }, () => this.#wish(customer, isReadOnly));
    if (isReadOnly && random.chance(0.5)) {
      return this.#readJointly(customer, keysOf(wishes), this.#begin(customer, done));
    }
    if (!wishes.some(isReading) && random.chance(0.5)) return this.#append(customer, wishes, done);
    // Each run appends elements of its own, and is in the history whatever its outcome.
    let end: Ended | undefined;
    let operations: readonly MicroOperation[] = [];
    const body = (run: Run) => {
      end?.('failed', operations);
      end = this.#begin(customer, () => {});
      const fresh = wishes.map((wish) => this.#refresh(wish));
      operations = operationsOf(fresh, new Map());
      const read = keysOf(fresh.filter(isReading));
      run.read(read, (values) => {
        const lists = new Map(read.map((key, at) => [key, elementsIn(values[at])]));
        operations = operationsOf(fresh, lists);
        run.commit(writesOf(fresh, lists));
      });
    };
    transact(customer, body, (outcome) => {
      end?.(outcome, operations);
      done();
    });
  }

  /** Blindly: the library itself retries on conflicts. */
  #append(customer: Customer, wishes: readonly Wish[], done: () => void): void {
    const end = this.#begin(customer, done);
    const fresh = wishes.map((wish) => this.#refresh(wish));
    const lists: Lists = new Map();
    customer.write(writesOf(fresh, lists), ({ outcome }) => {
      if (outcome === 'ok') customer.hit('appended blindly');
      end(outcome, operationsOf(fresh, lists));
    });
  }

  /** The final values of all lists. */
  finish(customer: Customer, done: () => void): void {
    const parts: string[][] = [];
    for (let at = 0; at < this.#all.length; at += FINAL_KEYS) {
      parts.push(this.#all.slice(at, at + FINAL_KEYS));
    }
    const each = (keys: readonly string[], next: () => void) => {
      let isRead = false;
      const end = this.#begin(customer, () => isRead && next());
      this.#readJointly(customer, keys, (outcome, operations) => {
        isRead = outcome === 'ok';
        end(outcome, operations);
      });
    };
    inTurn(parts, each, done);
  }

  judge(truth: Truth): void {
    const verdict = checkListAppend(this.history);
    if (verdict.type === 'sound') return;
    truth.fail('list-append', `${verdict.name}: ${verdict.explanation}`);
  }

  #fill(customer: Customer): void {
    while (this.#live.length < LIVE_KEYS) {
      const name = `{lists-${this.#nextKey % TAGS}}-${this.#nextKey}`;
      // Every other list lies in any shard.
      const key = this.#nextKey % 2 === 0 ? name : `list-${this.#nextKey}`;
      this.#nextKey += 1;
      this.#live.push({
        name: key,
        appendsLeft: customer.random.between(APPENDS.min, APPENDS.max),
      });
      this.#all.push(key);
    }
  }

  #wish({ random }: Customer, isReadOnly: boolean): Wish {
    const key = random.pick(this.#live);
    if (isReadOnly || random.chance(0.4)) return { type: 'read', key: key.name };
    key.appendsLeft -= 1;
    if (key.appendsLeft === 0) this.#live.splice(this.#live.indexOf(key), 1);
    if (this.#live.length === 0) this.#live.push(key);
    const isNative = random.chance(0.5);
    return { type: 'append', key: key.name, element: 0, isNative };
  }

  #refresh(wish: Wish): Wish {
    if (wish.type === 'read') return wish;
    this.#nextElement += 1;
    return { ...wish, element: this.#nextElement };
  }

  /** Its callback at the end records the result. */
  #begin(customer: Customer, done: () => void): Ended {
    const invokedAt = customer.now;
    const process = this.#processes.get(customer.number) ?? this.#nextProcess++;
    this.#processes.set(customer.number, process);
    return (outcome, operations) => {
      const isDoubted = outcome === 'unknown';
      if (isDoubted) this.#processes.delete(customer.number);
      const completedAt = isDoubted ? Number.POSITIVE_INFINITY : customer.now;
      this.history.push({ process, invokedAt, completedAt, outcome, operations });
      done();
    };
  }

  #readJointly(customer: Customer, keys: readonly string[], end: Ended): void {
    readJointly(customer, keys, (values) => {
      const lists = values?.map(elementsIn);
      const operations = keys.map((key, at): MicroOperation => {
        return { type: 'read', key, list: lists?.[at] };
      });
      end(values === undefined ? 'failed' : 'ok', operations);
    });
  }
}

type Ended = (outcome: Outcome, operations: readonly MicroOperation[]) => void;

function isReading(wish: Wish): boolean {
  return wish.type === 'read' || !wish.isNative;
}

function keysOf(wishes: readonly Wish[]): readonly string[] {
  return [...new Set(wishes.map(({ key }) => key))];
}

/** One operation for each key: on the stored value, or on the value that was read. */
function writesOf(wishes: readonly Wish[], lists: Lists): Command {
  const appended = new Map<string, number[]>();
  for (const wish of wishes) {
    if (wish.type === 'read') continue;
    const own = appended.get(wish.key) ?? [];
    appended.set(wish.key, [...own, wish.element]);
  }
  const rewritten = new Set(
    wishes.filter((wish) => wish.type === 'append' && !wish.isNative).map(({ key }) => key),
  );
  return [...appended].map(([key, elements]) => {
    const value = textOfElements(elements);
    if (!rewritten.has(key))
      return { type: 'append', key: bytesOf(key), value: bytesOf(value), lifeMilliseconds: 0 };
    return putOf(key, textOfElements(lists.get(key) ?? []) + value);
  });
}

/** As the transaction sees it, one operation after the other. */
function operationsOf(wishes: readonly Wish[], lists: Lists): readonly MicroOperation[] {
  const seen = new Map([...lists].map(([key, list]) => [key, [...list]]));
  return wishes.map((wish): MicroOperation => {
    const { type, key } = wish;
    if (type === 'read') return { type, key, list: seen.get(key)?.slice() };
    seen.get(key)?.push(wish.element);
    return { type, key, element: wish.element };
  });
}

/** Each element follows a comma, so that appending text appends an element. */
function textOfElements(elements: readonly number[]): string {
  return elements.map((element) => `,${element}`).join('');
}

function elementsIn(value: string | undefined): readonly number[] {
  return (value ?? '').split(',').slice(1).map(Number);
}
