/**
 * Keys with a time to live, some of which a touch changes: never gone early, never back, with one
 * version, and gone in time after the repair.
 */

import type { ReadCall } from '../../src/client/core/call.ts';
import { bytesOf, CLOCK, type Customer, textOf, type WriteRecord } from './customer.ts';
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
  readonly version: number;
  readonly invoke: number;
  /** No clock runs faster, so the key may not expire before. */
  readonly endMin: number;
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
    const put = {
      type: customer.random.pick(['set', 'append'] as const),
      key: bytesOf(key),
      value: bytesOf(value),
      lifeMilliseconds,
    } as const;
    customer.write([put], ({ invoke, outcome, reply }) => {
      if (outcome !== 'ok') return done();
      const { version = 0 } = reply ?? {};
      const endMin = invoke + lifeMilliseconds / CLOCK.fastest;
      this.#touch(customer, { key, value, version, invoke, endMin }, (life) => {
        this.#lives.push(life);
        this.#follow(customer, life, done);
      });
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

  /** Half of the keys: a while after they were set, they are given another time to live. */
  #touch(customer: Customer, life: Life, then: (life: Life) => void): void {
    const { random } = customer;
    if (random.chance(0.5)) return then(life);
    const lifeMilliseconds = random.between(LIFE.min, LIFE.max);
    const touch = { type: 'touch', key: bytesOf(life.key), lifeMilliseconds } as const;
    customer.after(random.between(0, LIFE.max / 2), () => {
      customer.write([touch], (record) => {
        const endMin = record.invoke + lifeMilliseconds / CLOCK.fastest;
        const wasThere = wasThereBy(record);
        if (wasThere === true) {
          customer.hit('life touched');
          return then({ ...life, endMin });
        }
        if (wasThere === false && customer.now < life.endMin) {
          this.#broken.push(`${life.key} was gone before a touch`);
        }
        // The outcome is unknown: either end is possible.
        then(
          record.outcome === 'unknown' ? { ...life, endMin: Math.min(endMin, life.endMin) } : life,
        );
      });
    });
  }

  #follow(customer: Customer, life: Life, done: () => void): void {
    let isGone = false;
    let looksLeft = 3;
    const look = () => {
      if (customer.isStopping) return done();
      read(
        customer,
        life.key,
        (value, version) => {
          if (value === undefined) {
            if (!isGone) customer.hit('life seen over');
            isGone = true;
            if (customer.now < life.endMin) {
              this.#broken.push(`${life.key} was gone after ${customer.now - life.invoke} ms`);
            }
          } else if (isGone) this.#broken.push(`${life.key} came back`);
          else if (value !== life.value) this.#broken.push(`${life.key} is ${value}`);
          else if (version !== life.version) {
            this.#broken.push(`${life.key} has version ${version}, not ${life.version}`);
          }
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
    if (goneAt >= life.endMin) return;
    truth.fail('life', `${life.key} went after ${goneAt - life.invoke} ms of its life`);
  }
}

/** What the answer to a touch says; undefined if there is none. */
function wasThereBy({ reply }: WriteRecord): boolean | undefined {
  const [output] = reply?.type === 'done' ? reply.outputs : [];
  return output?.type === 'presence' ? output.wasThere : undefined;
}

function read(
  customer: Customer,
  key: string,
  then: (value: string | undefined, version: number | undefined) => void,
  always?: () => void,
): void {
  customer.call<ReadCall>(
    { type: 'read', keys: [bytesOf(key)], level: { type: 'linearizable' }, isJoint: false },
    (result) => {
      if (result.type === 'rows') {
        const { value, version } = result.rows[0] ?? {};
        then(value === undefined ? undefined : textOf(value), version);
      }
      always?.();
    },
  );
}
