/** Values of the largest size that a node accepts, and of one byte more. */

import type { ReadCall } from '../../src/client/core/call.ts';
import { bytesOf, type Customer } from './customer.ts';
import type { Truth } from './truth.ts';
import { inTurn, type Workload } from './workload.ts';

const KEYS = ['large-1', 'large-2', 'large-3'];

export class LargeValues implements Workload {
  readonly #bytesMax: number;
  readonly #broken: string[] = [];
  #values = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  step(customer: Customer, done: () => void): void {
    const key = customer.random.pick(KEYS);
    if (customer.random.chance(0.4)) return this.#read(customer, key, done);
    this.#values += 1;
    const excess = customer.random.pick([-100, -1, 0, 1]);
    const value = new Uint8Array(this.#bytesMax + excess);
    value.set(bytesOf(`large ${customer.number}.${this.#values}`));
    const put = { type: 'set', key: bytesOf(key), value, lifeMilliseconds: 0 } as const;
    customer.write([put], ({ outcome }) => {
      if (excess > 0 && outcome !== 'failed')
        this.#broken.push(`${value.length} bytes: ${outcome}`);
      if (outcome === 'ok') customer.hit('large value written');
      done();
    });
  }

  finish(customer: Customer, done: () => void): void {
    const each = (key: string, next: () => void) =>
      this.#read(customer, key, (isOk) => {
        if (isOk) next();
      });
    inTurn(KEYS, each, done);
  }

  judge(truth: Truth): void {
    const [broken] = this.#broken;
    if (broken !== undefined) truth.fail('limit', broken);
  }

  #read(customer: Customer, key: string, done: (isOk: boolean) => void): void {
    customer.call<ReadCall>(
      { type: 'read', keys: [bytesOf(key)], level: { type: 'linearizable' }, isJoint: false },
      (result) => {
        if (result.type === 'failed') return done(false);
        const bytes = result.rows[0]?.value.length ?? 0;
        if (bytes > this.#bytesMax) this.#broken.push(`${key} holds ${bytes} bytes`);
        done(true);
      },
    );
  }
}
