/** How keys are drawn, and how inserted keys are counted. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { keyNumbered, numbersApart, zipfian } from '../../bench/cluster/keys.ts';
import { Inserts } from '../../bench/load/workloads/inserts.ts';
import { Random } from '../../src/base/random.ts';

const DRAWS = 200_000;
const SEED = 14;

function uniform(): () => number {
  const random = new Random(SEED);
  return () => random.below(1_000_000) / 1_000_000;
}

test("keys are drawn by Zipf's law", () => {
  const [count, skew] = [1000, 0.99];
  const draw = zipfian(count, skew, uniform());
  const counts = new Array<number>(count).fill(0);
  for (let at = 0; at < DRAWS; at++) {
    const number = draw();
    counts[number] = (counts[number] ?? 0) + 1;
  }
  let sum = 0;
  for (let at = 1; at <= count; at++) sum += 1 / at ** skew;
  for (const at of [0, 1, 9, 99]) {
    const expected = DRAWS / (at + 1) ** skew / sum;
    const actual = counts[at] ?? 0;
    // Six standard deviations.
    const slack = 6 * Math.sqrt(expected);
    assert.ok(Math.abs(actual - expected) < slack, `${at}: ${actual}, not ${expected}`);
  }
});

test('keys that are drawn apart lie in different shards', () => {
  const random = new Random(SEED);
  for (let at = 0; at < 100; at++) {
    const numbers = numbersApart(3, 3, () => random.below(1000));
    assert.equal(new Set(numbers).size, 3);
  }
});

test('processes insert different keys, and the latest is one that is acknowledged', () => {
  const [one, other] = [0, 1].map(
    (process) => new Inserts({ from: 100, process, processes: 2 }),
  ) as [Inserts, Inserts];
  const taken = [one.next(), one.next(), one.next()];
  assert.deepEqual(
    taken.map((nth) => one.keyOf(nth)),
    [100, 102, 104].map(keyNumbered),
  );
  assert.equal(other.keyOf(other.next()), keyNumbered(101));
  one.acknowledge(0);
  one.acknowledge(2);
  assert.equal(one.latest(0), keyNumbered(100), 'the second insert is open');
  one.acknowledge(1);
  assert.equal(one.latest(0), keyNumbered(104));
  assert.equal(one.latest(3), keyNumbered(99), 'before the first insert are the filled keys');
  assert.equal(one.latest(1_000_000), keyNumbered(0));
  assert.deepEqual(one.sample(2), [100, 102, 104].map(keyNumbered));
});
