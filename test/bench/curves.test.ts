/** Charts of curves, and the quarters of a long run. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { drawChart, short } from '../../bench/curves/chart.ts';
import { CURVES, chartOf, type Point, tableOf } from '../../bench/curves/curves.ts';
import { Latencies } from '../../bench/load/latencies.ts';
import { cliffsOf, compareQuarters, type Window } from '../../bench/steady/quarters.ts';

const SHARDS = CURVES.shards;

function pointAt(x: number): Point {
  const costs = { processor: 100 + x, nodesProcessor: 80 + x };
  return { x, idle: x / 100, nodeMiB: 100, rate: 10_000 / x, ...costs };
}

function circlesIn(picture: string): readonly (readonly [number, number])[] {
  return [...picture.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)].map(
    ([, x, y]) => [Number(x), Number(y)] as const,
  );
}

test('a curve has a mark for each point of each line, within the picture', () => {
  assert.ok(SHARDS !== undefined);
  const picture = drawChart(chartOf(SHARDS, [1, 4, 16].map(pointAt)));
  const circles = circlesIn(picture);
  // Five lines in four panels.
  assert.equal(circles.length, 5 * 3);
  const [, , width = 0, height = 0] =
    /viewBox="([^"]+)"/.exec(picture)?.[1]?.split(' ').map(Number) ?? [];
  assert.ok(circles.every(([x, y]) => x > 0 && x < width && y > 0 && y < height));
  assert.doesNotMatch(picture, /NaN|Infinity|undefined/);
});

test('equal factors are equal distances on a logarithmic axis, and more is higher', () => {
  assert.ok(SHARDS !== undefined);
  const [one, two, three] = circlesIn(drawChart(chartOf(SHARDS, [1, 4, 16].map(pointAt))));
  assert.ok(one !== undefined && two !== undefined && three !== undefined);
  for (const at of [0, 1] as const) {
    assert.ok(Math.abs(three[at] - two[at] - (two[at] - one[at])) < 0.2);
  }
  assert.ok(one[1] < three[1], 'the rate falls, and y grows downwards');
});

test('a chart of one point, or of zeros, is drawn', () => {
  assert.ok(SHARDS !== undefined);
  const zero = { x: 1, idle: 0, nodeMiB: 0, rate: 0, processor: 0, nodesProcessor: 0 };
  for (const points of [[pointAt(1)], [zero]]) {
    assert.doesNotMatch(drawChart(chartOf(SHARDS, points)), /NaN|Infinity|undefined/);
  }
});

test('each curve names figures for its panels, and its table has a column for each', () => {
  const lines = tableOf([1, 4].map(pointAt)).split('\n');
  assert.equal(lines.length, 4);
  assert.equal(new Set(lines.map((line) => line.split('|').length)).size, 1);
  for (const [name, { panels, points }] of Object.entries(CURVES)) {
    assert.ok(panels.length > 0 && points.length > 1, name);
  }
});

test('numbers are told in three digits', () => {
  const told = [0, 0.0123, 7, 1234, 12_345, 1_234_567].map(short);
  assert.deepEqual(told, ['0', '0.0123', '7', '1230', '12.3k', '1.23M']);
});

interface Figures {
  readonly rate?: number;
  readonly milliseconds?: number;
  readonly memory?: number;
}

function windowOf({ rate = 1000, milliseconds = 5, memory = 100 }: Figures, at: number): Window {
  const latencies = new Latencies();
  for (let count = 0; count < 100; count++) latencies.record(milliseconds);
  return {
    ...{ seconds: (at + 1) * 5, duration: 5, operations: rate * 5, p999Ms: milliseconds },
    ...{ latencies: latencies.encode(), memoryBytes: memory * 2 ** 20 },
  };
}

function worseIn(last: Figures): readonly number[] {
  const figures = [{}, {}, {}, {}, {}, {}, last, last];
  const windows = figures.map(windowOf);
  return compareQuarters(windows).map(({ worse }) => Number(worse.toFixed(2)));
}

test('the last quarter is compared with the first: throughput, p99 and memory', () => {
  assert.deepEqual(worseIn({}), [0, 0, 0]);
  assert.deepEqual(worseIn({ rate: 800 }), [0.2, 0, 0]);
  assert.deepEqual(worseIn({ rate: 2000 }), [-1, 0, 0]);
  assert.deepEqual(worseIn({ milliseconds: 10 }), [0, 1, 0]);
  assert.deepEqual(worseIn({ memory: 150 }), [0, 0, 0.5]);
});

test('windows with a p99.9 above the bound are cliffs', () => {
  const windows = [{}, { milliseconds: 101 }, { milliseconds: 99 }].map(windowOf);
  assert.deepEqual(
    cliffsOf(windows).map(({ seconds }) => seconds),
    [10],
  );
});
