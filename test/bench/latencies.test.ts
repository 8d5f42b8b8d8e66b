/** Latencies in a histogram, also over several processes. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { Latencies } from '../../bench/load/latencies.ts';

function isNear(actual: number | undefined, expected: number): void {
  const error = Math.abs((actual ?? Number.NaN) - expected) / expected;
  assert.ok(error < 0.002, `${actual} is not within 0.2 % of ${expected}`);
}

test('quantiles are those of the samples, to three digits', () => {
  const latencies = new Latencies();
  for (let at = 1; at <= 10_000; at++) latencies.record(at / 100);
  const { p50, p99, p999, max } = latencies.quantiles;
  isNear(p50, 50);
  isNear(p99, 99);
  isNear(p999, 99.9);
  isNear(max, 100);
  assert.equal(latencies.count, 10_000);
});

test('histograms of several processes add up to one of all samples', () => {
  const [one, other, all] = [new Latencies(), new Latencies(), new Latencies()];
  for (let at = 1; at <= 1000; at++) {
    (at % 3 === 0 ? one : other).record(at);
    all.record(at);
  }
  const joined = new Latencies();
  joined.add(one.encode());
  joined.add(other.encode());
  for (const name of ['p50', 'p99', 'p999', 'max'] as const) {
    isNear(joined.quantiles[name], all.quantiles[name] ?? Number.NaN);
  }
  assert.equal(joined.count, 1000);
});

test('a latency beyond the range of the histogram counts as the greatest', () => {
  const latencies = new Latencies();
  latencies.record(0);
  latencies.record(1e12);
  assert.equal(latencies.count, 2);
  isNear(latencies.quantiles.max, 600_000);
});

test('without a sample all quantiles are zero', () => {
  assert.deepEqual(new Latencies().quantiles, { p50: 0, p99: 0, p999: 0, max: 0 });
});
