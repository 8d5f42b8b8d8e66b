/** From runs to tables, ratios and pictures. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { joinSeen, splitOrder } from '../../bench/load/drivers.ts';
import { reportIn as etcdReportIn } from '../../bench/load/etcd-generator.ts';
import { Latencies } from '../../bench/load/latencies.ts';
import { bytesWrittenIn, type Measured } from '../../bench/load/measurement.ts';
import { pictureOf } from '../../bench/load/picture.ts';
import { Progress } from '../../bench/load/progress.ts';
import { reportIn as redisReportIn } from '../../bench/load/redis.ts';
import { costTableOf, type Result, resultOf, rowsOf, tableOf } from '../../bench/load/results.ts';

const MEASURED: Measured = {
  ...{ operations: 2000, seconds: 4, failed: 1, unsent: 2 },
  ...{ p50: 1, p99: 9, p999: 20, max: 30 },
  ...{ nodesMilliseconds: 300, clientsMilliseconds: 100, bytesWritten: 1_000_000 },
  ...{ syncs: 500, appends: 400, memoryBytes: 3 * 2 ** 20 },
  inner: {
    ...{ milliseconds: 12_000, collectorMilliseconds: 120, socketWrites: 1000 },
    ...{ loopDelayP99Ms: 4, loopDelayMaxMs: 8 },
  },
};

const PEER: Measured = {
  ...MEASURED,
  ...{ operations: 1000, p999: undefined, syncs: undefined, appends: undefined, inner: undefined },
};

function measured(system: string, round: number, operations: number): Result {
  const how = { offeredPercent: undefined, round, memoryNanoseconds: 200 };
  const run = { workload: 'put', clients: 64, ...how };
  const figures = system === 'ringkv' ? MEASURED : PEER;
  return resultOf({ system, ...run }, { ...figures, operations });
}

test('a result says what one operation costs', () => {
  const result = measured('ringkv', 1, 2000);
  assert.equal(result.operationsPerSecond, 500);
  assert.equal(result.cpuMicrosPerOperation, 200);
  assert.equal(result.nodesCpuMicrosPerOperation, 150);
  assert.equal(result.clientsCpuMicrosPerOperation, 50);
  assert.equal(result.bytesPerOperation, 500);
  assert.equal(result.syncsPerOperation, 0.25);
  assert.equal(result.operationsPerAppend, 5);
  assert.equal(result.operationsPerSocketWrite, 2);
  assert.equal(result.collectorPercent, 1);
  assert.equal(result.largestNodeMiB, 3);
});

test('what a system does not tell is left out of the JSON', () => {
  const text = JSON.parse(JSON.stringify(measured('redis', 1, 1000))) as Record<string, unknown>;
  for (const name of ['p999Ms', 'operationsPerAppend', 'syncsPerOperation', 'loopDelayP99Ms']) {
    assert.ok(!(name in text), name);
  }
  assert.equal(text.system, 'redis');
});

test('bytes to disk are those of whole disks', () => {
  const diskstats = [
    ' 254       0 vda 100 1 2000 50 300 4 8000 60 0 70 80 0 0 0 0 0 0',
    ' 254       1 vda1 100 1 2000 50 300 4 7000 60 0 70 80 0 0 0 0 0 0',
    '   7       0 loop0 1 0 2 0 3 0 9000 0 0 0 0 0 0 0 0 0 0',
    ' 259       0 nvme0n1 1 0 2 0 3 0 16 0 0 0 0 0 0 0 0 0 0',
    '',
  ].join('\n');
  assert.equal(bytesWrittenIn(diskstats), 8016 * 512);
});

test('an append is not divided by where there was none', () => {
  const run = { system: 'ringkv', workload: 'get', clients: 1, offeredPercent: undefined };
  const how = { round: 1, memoryNanoseconds: 200 };
  const result = resultOf({ ...run, ...how }, { ...MEASURED, appends: 0 });
  assert.equal(result.operationsPerAppend, undefined);
});

test('ratios are of the same round, and the medians of all', () => {
  const rows = rowsOf([
    ...[1, 2, 3].map((round) => measured('ringkv', round, 2000 * round)),
    ...[1, 2, 3].map((round) => measured('etcd', round, 1000)),
  ]);
  const [own, peer] = rows;
  assert.deepEqual(own?.rate, { middle: 1000, least: 500, most: 1500 });
  assert.equal(own?.ratio, undefined);
  assert.deepEqual(peer?.ratio, { middle: 4, least: 2, most: 6 });
});

test('runs at another load are other rows, without a ratio to this one', () => {
  const closed = measured('ringkv', 1, 2000);
  const open = { ...measured('etcd', 1, 1000), offeredPercent: 50 };
  const rows = rowsOf([closed, open]);
  assert.equal(rows.length, 2);
  assert.equal(rows[1]?.ratio, undefined);
});

test('the tables have a cell for each column, empty where a system tells nothing', () => {
  const rows = rowsOf([measured('ringkv', 1, 2000), measured('redis', 1, 1000)]);
  for (const table of [tableOf(rows), costTableOf(rows)]) {
    const lines = table.split('\n').map((line) => line.split('|').length);
    assert.equal(lines.length, 4);
    assert.equal(new Set(lines).size, 1, table);
  }
  assert.match(tableOf(rows), /\| put \| 64 \| ringkv \| 500 \| 1\.00 \|/);
});

test('the picture has a bar as long as each rate, and its range', () => {
  const picture = pictureOf(
    rowsOf([
      ...[1, 2, 3].map((round) => measured('ringkv', round, 2000 * round)),
      measured('etcd', 1, 1000),
    ]),
  );
  const bars = [...picture.matchAll(/<rect x="130" y="\d+" width="([\d.]+)" height="14"/g)];
  assert.equal(bars.length, 2);
  const [own = 0, peer = 0] = bars.map(([, width]) => Number(width));
  assert.ok(Math.abs(own / peer - 4) < 0.01, `${own} and ${peer}`);
  assert.equal(picture.split('<svg').length, 2);
  assert.ok(picture.endsWith('</svg>\n'));
});

test('callers and rate are split over client processes', () => {
  const order = { workload: 'put', callers: 5, warmupSeconds: 1, seconds: 1, rate: 100 };
  const callers = (processes: number) => splitOrder(order, processes).map((one) => one.callers);
  assert.deepEqual(callers(1), [5]);
  assert.deepEqual(callers(2), [3, 2]);
  assert.deepEqual(callers(8), [1, 1, 1, 1, 1], 'no process without a caller');
  assert.equal(splitOrder(order, 2)[1]?.rate, 50);
});

test('what client processes saw is joined', () => {
  const latencies = new Latencies();
  latencies.record(2);
  const one = { operations: 10, seconds: 2, failed: 1, unsent: 0, latencies: latencies.encode() };
  const joined = joinSeen([one, { ...one, seconds: 3 }]);
  assert.equal(joined.operations, 20);
  assert.equal(joined.failed, 2);
  assert.equal(joined.seconds, 3);
  assert.equal(joined.max, 2);
});

test('the report of redis-benchmark is read', () => {
  const text = [
    '====== SET ======',
    'Latency by percentile distribution:',
    '50.000% <= 0.079 milliseconds (cumulative count 10177)',
    '99.902% <= 3.183 milliseconds (cumulative count 19981)',
    '100.000% <= 3.799 milliseconds (cumulative count 20000)',
    'Summary:',
    '  throughput summary: 44150.11 requests per second',
    '  latency summary (msec):',
    '          avg       min       p50       p95       p99       max',
    '        0.120     0.016     0.079     0.239     1.167     3.799',
  ].join('\n');
  assert.deepEqual(redisReportIn(text), {
    rate: 44150.11,
    quantiles: { p50: 0.079, p99: 1.167, p999: 3.183, max: 3.799 },
  });
  assert.throws(() => redisReportIn('Could not connect'), /told no rate/);
});

test("the report of etcd's load generator is read", () => {
  const text = [
    'Summary:',
    '  Total:\t1.5000 secs.',
    '  Slowest:\t0.0400 secs.',
    '  Fastest:\t0.0010 secs.',
    '  Requests/sec:\t1333.3333',
    'Latency distribution:',
    '  50% in 0.0020 secs.',
    '  99% in 0.0100 secs.',
    '  99.9% in 0.0300 secs.',
  ].join('\n');
  const { rate, quantiles } = etcdReportIn(text);
  assert.equal(rate, 1333.3333);
  assert.deepEqual(quantiles, { p50: 2, p99: 10, p999: 30, max: 40 });
  assert.throws(() => etcdReportIn('Error: context deadline exceeded'), /told no rate/);
});

test('progress is one changing line on a terminal, and few lines elsewhere', () => {
  for (const isTerminal of [true, false]) {
    let now = 0;
    let text = '';
    const write = (more: string) => {
      text += more;
    };
    const progress = new Progress({ steps: 4, write, isTerminal, now: () => now });
    for (; now < 60_000; now += 1000) progress.tell(`put, ${now} done`);
    progress.endStep('put: 10/s');
    progress.tell('get');
    const lines = text.split('\n');
    assert.equal(lines.length, isTerminal ? 2 : 7);
    assert.ok(text.includes('put: 10/s\n'));
    if (isTerminal) assert.match(text, /\[2 of 4, about 3 min left\] get$/);
  }
});
