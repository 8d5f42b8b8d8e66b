/** Scans and counts: in order, no key twice, and none missing that was there throughout. */

import type { CountCall } from '../../src/client/core/call.ts';
import { type PageCall, Scan } from '../../src/client/core/scan.ts';
import { bytesOf, type Customer, textOf } from './customer.ts';
import type { Truth } from './truth.ts';
import { inTurn, type Workload } from './workload.ts';

const STEADY = 24;
const FLICKERING = 12;
const PREFIX = 'scan-';
/** The first key after all keys with the prefix. */
const BEHIND = 'scan.';
const LEVEL = { type: 'linearizable' } as const;

interface Terms {
  readonly from: string;
  readonly to: string;
  readonly isReverse: boolean;
  readonly limit: number;
}

export class Scans implements Workload {
  /** Keys that were set, and when that was acknowledged: they stay. */
  readonly #steady = new Map<string, number>();
  /** Keys that come and go, once a client has tried to set them. */
  readonly #flickering = new Set<string>();
  readonly #broken: string[] = [];
  #values = 0;

  step(customer: Customer, done: () => void): void {
    const dice = customer.random.fraction();
    if (dice < 0.4) return this.#put(customer, done);
    if (dice < 0.5) return this.#count(customer, done);
    const [one, other] = [this.#draw(customer), this.#draw(customer)];
    const isWhole = customer.random.chance(0.4);
    this.#scan(
      customer,
      {
        from: isWhole ? PREFIX : one < other ? one : other,
        to: isWhole ? BEHIND : one < other ? other : one,
        isReverse: customer.random.chance(0.4),
        limit: customer.random.pick([1, 5, 1000]),
      },
      done,
    );
  }

  finish(customer: Customer, done: () => void): void {
    const each = (isReverse: boolean, next: () => void) => {
      const terms = { from: PREFIX, to: BEHIND, isReverse, limit: 1000 };
      this.#scan(customer, terms, (isWhole) => {
        if (isWhole) next();
      });
    };
    inTurn([false, true], each, () => this.#count(customer, (isOk) => isOk && done()));
  }

  judge(truth: Truth): void {
    const [broken] = this.#broken;
    if (broken !== undefined) truth.fail('scan', broken);
  }

  #draw(customer: Customer): string {
    const number = customer.random.below(STEADY + FLICKERING);
    return `${PREFIX}${String(number).padStart(3, '0')}`;
  }

  /** Every third comes and goes; the others stay. */
  #put(customer: Customer, done: () => void): void {
    const key = this.#draw(customer);
    const isFlickering = Number(key.slice(PREFIX.length)) % 3 === 0;
    this.#flickering.add(key);
    this.#values += 1;
    const value = bytesOf(`scanned ${customer.number}.${this.#values}`);
    const isDeleted = isFlickering && customer.random.chance(0.5);
    const bytes = bytesOf(key);
    const operation = isDeleted
      ? ({ type: 'delete', key: bytes } as const)
      : ({ type: 'set', key: bytes, value, lifeMilliseconds: 0 } as const);
    customer.write([operation], ({ outcome }) => {
      if (!isFlickering && outcome === 'ok' && !this.#steady.has(key)) {
        this.#steady.set(key, customer.now);
      }
      done();
    });
  }

  #count(customer: Customer, done: (isOk: boolean) => void): void {
    const least = this.#steadyBefore(customer.now, PREFIX, BEHIND).length;
    const range = { from: bytesOf(PREFIX), to: bytesOf(BEHIND) };
    customer.call<CountCall>({ type: 'count', range, level: LEVEL }, (result) => {
      if (result.type === 'failed') return done(false);
      customer.hit('counted');
      const most = this.#flickering.size;
      if (result.count < least || result.count > most) {
        this.#broken.push(`${result.count} keys are counted, not ${least} to ${most}`);
      }
      done(true);
    });
  }

  /** Page by page, as an iterating client reads them. */
  #scan(customer: Customer, terms: Terms, done: (isWhole: boolean) => void): void {
    const { from, to, isReverse, limit } = terms;
    const must = this.#steadyBefore(customer.now, from, to);
    const scan = new Scan({
      range: { from: bytesOf(from), to: bytesOf(to) },
      isReverse,
      isKeysOnly: false,
      level: LEVEL,
      rowsMax: limit,
    });
    const keys: string[] = [];
    const next = () => {
      customer.call<PageCall>({ type: 'page', scan }, (result) => {
        if (result.type === 'failed') return done(false);
        for (const { key } of result.rows) keys.push(textOf(key));
        if (!result.isEnd) return next();
        customer.hit(isReverse ? 'scanned backwards' : 'scanned');
        this.#judgeScan(terms, keys, must);
        done(true);
      });
    };
    next();
  }

  #judgeScan(terms: Terms, keys: readonly string[], must: readonly string[]): void {
    const { from, to, isReverse, limit } = terms;
    const told = `${keys.join(' ')} in ${from} to ${to}${isReverse ? ' reverse' : ''}`;
    const break_ = (what: string) => this.#broken.push(`${what}: ${told}`);
    if (keys.length > limit) break_(`more than ${limit}`);
    keys.forEach((key, at) => {
      const before = keys[at - 1];
      if (before !== undefined && (isReverse ? before <= key : before >= key)) break_('order');
      if (key < from || key >= to) break_(`${key} is outside`);
      if (!this.#flickering.has(key)) break_(`${key} was never put`);
    });
    const last = keys.at(-1);
    const isCut = keys.length === limit && last !== undefined;
    const due = must.filter((key) => !isCut || (isReverse ? key >= last : key <= last));
    const missing = due.find((key) => !keys.includes(key));
    if (missing !== undefined) break_(`${missing} is missing`);
  }

  #steadyBefore(now: number, from: string, to: string): readonly string[] {
    return [...this.#steady]
      .filter(([key, at]) => at <= now && key >= from && key < to)
      .map(([key]) => key);
  }
}
