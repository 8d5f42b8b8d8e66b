/** The guard of the micro-benchmarks: ratios, medians and verdicts. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { compare, leastOf, mediansOf, ratiosOf, toldOf } from '../../bench/micro/baseline.ts';
import type { BenchRow, Yardstick } from '../../bench/micro/report.ts';

function row(name: string, nanosecondsPerOperation: number, yardstick: Yardstick): BenchRow {
  const operationsPerSecond = 1e9 / nanosecondsPerOperation;
  return { name, nanosecondsPerOperation, operationsPerSecond, spread: 0, yardstick };
}

function rowsAt(speed: number, { slowdown = 1 } = {}): readonly BenchRow[] {
  const calibration = { type: 'calibration', nanoseconds: 1000 / speed } as const;
  return [
    row('hash', (50 * slowdown) / speed, calibration),
    row('ring', 30 / speed, calibration),
    row('log', 400, { type: 'row', name: 'raw' }),
    row('raw', 200, { type: 'none' }),
  ];
}

test('a machine of half the speed has the same ratios', () => {
  const [fast, slow] = [ratiosOf(rowsAt(2)), ratiosOf(rowsAt(1))];
  assert.deepEqual(slow, fast);
  assert.deepEqual(compare(fast, slow), { regressed: [], improved: [], added: [] });
});

test('a row is divided by its yardstick, and a yardstick is not judged', () => {
  assert.deepEqual(
    ratiosOf(rowsAt(1)),
    new Map([
      ['hash', 0.05],
      ['ring', 0.03],
      ['log', 2],
    ]),
  );
});

test('a row that takes more than 20 % longer has regressed, at any speed of the machine', () => {
  const before = ratiosOf(rowsAt(1));
  assert.deepEqual(compare(before, ratiosOf(rowsAt(3, { slowdown: 1.19 }))).regressed, []);
  const { regressed } = compare(before, ratiosOf(rowsAt(3, { slowdown: 1.5 })));
  assert.deepEqual(regressed.map(toldOf), ['+50 %  hash']);
});

test('the worst regression is the first, and a faster row is told', () => {
  const before = new Map([
    ['a', 1],
    ['b', 1],
    ['c', 1],
  ]);
  const now = new Map([
    ['a', 1.3],
    ['b', 2],
    ['c', 0.5],
    ['d', 1],
  ]);
  const { regressed, improved, added } = compare(before, now);
  assert.deepEqual(
    regressed.map(({ name }) => name),
    ['b', 'a'],
  );
  assert.deepEqual(improved.map(toldOf), ['-50 %  c']);
  assert.deepEqual(added, ['d']);
});

test('a baseline has the medians of its runs, and the least of several runs is judged', () => {
  const run = (ratio: number) => new Map([['hash', ratio]]);
  assert.deepEqual(mediansOf([run(3), run(1), run(2)]), run(2));
  assert.deepEqual(leastOf([run(3), run(1), run(2)]), run(1));
  assert.deepEqual(mediansOf([run(2)]), run(2));
  const { regressed } = compare(run(1), leastOf([run(1.5), run(1.3), run(1.4)]));
  assert.equal(regressed.length, 1, 'a real regression is in every run');
});
