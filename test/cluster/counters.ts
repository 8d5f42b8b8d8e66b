/** Counters with many writers, and pairs of keys that change together: each command once. */

import type { ReadCall } from '../../src/client/core/call.ts';
import type { Command } from '../../src/machine/command.ts';
import { bytesOf, type Customer, textOf, type WriteRecord } from './customer.ts';
import type { Truth } from './truth.ts';
import { inTurn, type Workload } from './workload.ts';

const COUNTERS = ['counter-1', 'counter-2', 'counter-3'];
/** One tag: they lie in one shard, and one command always writes both. */
const PAIRS = [
  ['{left}.1', '{left}.2'],
  ['{right}.1', '{right}.2'],
] as const;

type Pair = (typeof PAIRS)[number];

export class Counters implements Workload {
  readonly #adds: { readonly key: string; readonly record: WriteRecord }[] = [];
  /** The final values. */
  readonly #found = new Map<string, number>();
  readonly #unequal: string[] = [];
  #values = 0;

  step(customer: Customer, done: () => void): void {
    const dice = customer.random.fraction();
    if (dice < 0.6) return this.add(customer, customer.random.pick(COUNTERS), done);
    const pair = customer.random.pick(PAIRS);
    if (dice < 0.8) return this.#readPair(customer, pair, done);
    this.#movePair(customer, pair, done);
  }

  add(customer: Customer, key: string, done: () => void): void {
    const command: Command = [
      { type: 'add', key: bytesOf(key), operand: { high: 0, low: 1 }, lifeMilliseconds: 0 },
    ];
    customer.write(command, (record) => {
      this.#adds.push({ key, record });
      done();
    });
  }

  /** Many at once, of which some are sent to a shard that has no room for them. */
  burst(customer: Customer, calls: number, done: () => void): void {
    let left = calls;
    const key = customer.random.pick(COUNTERS);
    for (let at = 0; at < calls; at++) {
      this.add(customer, key, () => {
        left -= 1;
        if (left === 0) done();
      });
    }
  }

  finish(customer: Customer, done: () => void): void {
    const each = (key: string, next: () => void) => {
      readAll(customer, [key], ([value]) => {
        this.#found.set(key, value === undefined ? 0 : integerOf(value));
        next();
      });
    };
    inTurn(COUNTERS, each, () => this.#finishPairs(customer, done));
  }

  judge(truth: Truth): void {
    for (const key of COUNTERS) this.#judge(truth, key);
    const [unequal] = this.#unequal;
    if (unequal !== undefined) truth.fail('atomicity', unequal);
  }

  #judge(truth: Truth, key: string): void {
    const records = this.#adds.filter((add) => add.key === key).map(({ record }) => record);
    const acknowledged = records.filter(({ outcome }) => outcome === 'ok');
    const unknown = records.filter(({ outcome }) => outcome === 'unknown').length;
    const found = this.#found.get(key) ?? 0;
    const bounds = `${acknowledged.length} to ${acknowledged.length + unknown}`;
    if (found < acknowledged.length || found > acknowledged.length + unknown) {
      truth.fail('exactly-once', `${key} is ${found}, which is not ${bounds}`);
    }
    const done = truth.deedsOn(key).length;
    if (found !== done) truth.fail('exactly-once', `${key} is ${found} by ${done} additions`);
    const sums = acknowledged.map(({ reply }) => {
      const output = reply?.type === 'done' ? reply.outputs[0] : undefined;
      return output?.type === 'integer' ? output.value.low : 0;
    });
    if (new Set(sums).size !== sums.length) {
      truth.fail('exactly-once', `two additions to ${key} returned the same sum`);
    }
  }

  /** By the versions that were read: no other write may have happened in between. */
  #movePair(customer: Customer, pair: Pair, done: () => void): void {
    const keys = pair.map(bytesOf);
    this.#values += 1;
    const value = bytesOf(`pair ${customer.number}.${this.#values}`);
    customer.call<ReadCall>(
      { type: 'read', keys, level: { type: 'linearizable' }, isJoint: false },
      (result) => {
        if (result.type === 'failed') return done();
        const checks = keys.map((key, at): Command[number] => {
          return { type: 'check-version', key, version: result.rows[at]?.version ?? 0 };
        });
        const isDeleted = customer.random.chance(0.1);
        const writes = keys.map((key): Command[number] => {
          if (isDeleted) return { type: 'delete', key };
          return { type: 'set', key, value, lifeMilliseconds: 0 };
        });
        customer.write([...checks, ...writes], ({ reply }) => {
          if (reply?.type === 'check-failed') customer.hit('pair was moved by another');
          done();
        });
      },
    );
  }

  /** Keys of one shard are read at one moment. */
  #readPair(customer: Customer, pair: Pair, done: () => void): void {
    readAll(customer, pair, (values) => this.#compare(pair, values), done);
  }

  #finishPairs(customer: Customer, done: () => void): void {
    const each = (pair: Pair, next: () => void) => {
      readAll(customer, pair, (values) => {
        this.#compare(pair, values);
        next();
      });
    };
    inTurn(PAIRS, each, done);
  }

  #compare(pair: Pair, values: readonly (Uint8Array | undefined)[]): void {
    const [one, other] = values.map((value) => (value === undefined ? 'nothing' : textOf(value)));
    if (one !== other) this.#unequal.push(`${pair.join(' and ')} hold ${one} and ${other}`);
  }
}

/** `then` only if they could be read. */
function readAll(
  customer: Customer,
  keys: readonly string[],
  then: (values: readonly (Uint8Array | undefined)[]) => void,
  always?: () => void,
): void {
  customer.call<ReadCall>(
    { type: 'read', keys: keys.map(bytesOf), level: { type: 'linearizable' }, isJoint: false },
    (result) => {
      if (result.type === 'rows') then(result.rows.map((row) => row?.value));
      always?.();
    },
  );
}

/** Of the small unsigned integers that counters reach. */
function integerOf(bytes: Uint8Array): number {
  const [tag = 0, ...rest] = bytes;
  return tag < 0x80 ? tag : rest.reduce((sum, byte) => sum * 256 + byte, 0);
}
