/** Keys with a time to live: never gone early, never back, and gone in time after the repair. */

import type { ReadCall } from '../../src/client/core/call.ts';
import { bytesOf, CLOCK, type Customer, textOf } from './customer.ts';
import type { Truth } from './truth.ts';
import { inTurn, type Workload } from './workload.ts';

/** How late a key may expire in a world without faults: two rounds of the sweep, and its entry. */
const LATENESS_MILLISECONDS = 1500;
const LIFE = { min: 200, max: 4000 } as const;
/** How often a customer reads each of its keys. */
const LOOK_MILLISECONDS = 100;

interface Life {
  readonly key: string;
  readonly value: string;
  readonly lifeMilliseconds: number;
  readonly invoke: number;
}

export class Lives implements Workload {
  readonly #broken: string[] = [];
  readonly #lives: Life[] = [];
  #keys = 0;

  /** Every key is set once, so that the expected value is unambiguous. */
  step(customer: Customer, done: () => void): void {
    this.#keys += 1;
    const key = `life-${customer.number}-${this.#keys}`;
    const value = `${key} lives`;
    const lifeMilliseconds = customer.random.between(LIFE.min, LIFE.max);
    const life: Life = { key, value, lifeMilliseconds, invoke: customer.now };
    const put = {
      type: 'set',
      key: bytesOf(key),
      value: bytesOf(value),
      lifeMilliseconds,
    } as const;
    customer.write([put], ({ outcome }) => {
      if (outcome !== 'ok') return done();
      this.#lives.push(life);
      this.#follow(customer, life, done);
    });
  }

  /** All keys that were set have expired. */
  finish(customer: Customer, done: () => void): void {
    const wait = (LIFE.max * 1) / CLOCK.slowest + LATENESS_MILLISECONDS;
    customer.after(wait, () => {
      const each = (life: Life, next: () => void) => {
        read(customer, life.key, (value) => {
          if (value !== undefined) this.#broken.push(`${life.key} is not gone in the end`);
          next();
        });
      };
      inTurn(this.#lives.slice(-200), each, done);
    });
  }

  judge(truth: Truth): void {
    const [broken] = this.#broken;
    if (broken !== undefined) truth.fail('life', broken);
    for (const life of this.#lives) {
      const changes = truth.changesOf(life.key);
      const gone = changes.find(({ row }) => row === undefined);
      if (gone === undefined) truth.fail('life', `${life.key} never went`);
      this.#judgeMoment(truth, life, gone.at);
    }
  }

  #follow(customer: Customer, life: Life, done: () => void): void {
    let isGone = false;
    let looksLeft = 3;
    const look = () => {
      if (customer.isStopping) return done();
      read(
        customer,
        life.key,
        (value) => {
          if (value === undefined) {
            if (!isGone) customer.hit('life seen over');
            isGone = true;
            if (customer.now < endOf(life)) {
              this.#broken.push(`${life.key} was gone after ${customer.now - life.invoke} ms`);
            }
          } else if (isGone) this.#broken.push(`${life.key} came back`);
          else if (value !== life.value) this.#broken.push(`${life.key} is ${value}`);
          if (isGone) looksLeft -= 1;
        },
        () => {
          if (looksLeft === 0) done();
          else customer.after(LOOK_MILLISECONDS, look);
        },
      );
    };
    look();
  }

  #judgeMoment(truth: Truth, life: Life, goneAt: number): void {
    if (goneAt >= endOf(life)) return;
    truth.fail('life', `${life.key} went after ${goneAt - life.invoke} ms of its life`);
  }
}

/** No clock runs faster, so no key may expire before. */
function endOf({ invoke, lifeMilliseconds }: Life): number {
  return invoke + lifeMilliseconds / CLOCK.fastest;
}

function read(
  customer: Customer,
  key: string,
  then: (value: string | undefined) => void,
  always?: () => void,
): void {
  customer.call<ReadCall>(
    { type: 'read', keys: [bytesOf(key)], level: { type: 'linearizable' }, isJoint: false },
    (result) => {
      if (result.type === 'rows') {
        const value = result.rows[0]?.value;
        then(value === undefined ? undefined : textOf(value));
      }
      always?.();
    },
  );
}
