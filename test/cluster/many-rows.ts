/** Thousands of rows, so that the snapshot of a shard is many chunks and many slices. */

import { bytesOf, type Customer } from './customer.ts';
import type { Workload } from './workload.ts';

const KEYS = 4000;
const AT_ONCE = 40;
const VALUE_BYTES = { min: 50, max: 300 };

export class ManyRows implements Workload {
  /** Each value is written once, so that two writes of a key can be distinguished. */
  #written = 0;

  step(customer: Customer, done: () => void): void {
    const { random } = customer;
    let left = AT_ONCE;
    for (let at = 0; at < AT_ONCE; at++) {
      const key = bytesOf(`row ${random.below(KEYS)}`);
      const value = new Uint8Array(random.between(VALUE_BYTES.min, VALUE_BYTES.max));
      this.#written += 1;
      value.set(bytesOf(`${this.#written} `));
      customer.write([{ type: 'set', key, value, lifeMilliseconds: 0 }], ({ outcome }) => {
        if (outcome === 'ok') customer.hit('row among many written');
        left -= 1;
        if (left === 0) done();
      });
    }
  }

  /** The rows are checked together with all other writes. */
  finish(_customer: Customer, done: () => void): void {
    done();
  }

  judge(): void {}
}
