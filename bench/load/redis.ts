/** A Redis Cluster of three masters, each with a replica, driven by redis-benchmark. */

import { readFileSync } from 'node:fs';
import { runCommand } from '../peers/install.ts';
import { type RedisCluster, startRedisCluster } from '../peers/redis-cluster.ts';
import {
  KEYS,
  type Measured,
  type Order,
  type System,
  spentBy,
  VALUE_BYTES,
} from './measurement.ts';

const TESTS: Readonly<Record<string, string>> = { put: 'set', get: 'get' };

export const REDIS: System = {
  name: 'redis',
  durability: 'synced on one node; the replica is told later, and no majority is asked',
  workloads: new Set(Object.keys(TESTS)),
  start: async () => {
    const cluster = await startRedisCluster();
    return { run: (order) => run(order, cluster), end: cluster.end };
  },
};

interface Reported {
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** It counts operations and no time, so a first run shows how many make the time. */
async function run(order: Order, cluster: RedisCluster): Promise<Measured> {
  const { workload, callers, seconds, warmupSeconds } = order;
  const test = TESTS[workload] ?? '';
  const trial = await benchmark(cluster, test, callers, 20_000);
  const { rate } = await benchmark(cluster, test, callers, trial.rate * warmupSeconds);
  const operations = Math.ceil(rate * seconds);
  const before = { ...spentBy(cluster.pids, []), driver: childrenTime() };
  const seen = await benchmark(cluster, test, callers, operations);
  const after = { ...spentBy(cluster.pids, []), driver: childrenTime() };
  const { p50, p99, max } = seen;
  return {
    ...{ operations, seconds: operations / seen.rate, p50, p99, p999: Number.NaN, max, failed: 0 },
    processorMilliseconds:
      after.processorMilliseconds - before.processorMilliseconds + after.driver - before.driver,
    bytesWritten: after.bytesWritten - before.bytesWritten,
    appends: undefined,
  };
}

async function benchmark(
  { ports }: RedisCluster,
  test: string,
  callers: number,
  operations: number,
): Promise<Reported> {
  const text = await runCommand('redis-benchmark', [
    ...['--cluster', '--csv', '-h', '127.0.0.1', '-p', `${ports[0]}`],
    ...['-t', test, '-c', `${callers}`, '-n', `${Math.max(Math.ceil(operations), callers)}`],
    ...['-d', `${VALUE_BYTES}`, '-r', `${KEYS}`],
  ]);
  const row = text.split('\n').find((line) => line.toLowerCase().startsWith(`"${test}"`));
  const [, rate = 0, , , p50 = 0, , p99 = 0, max = 0] = (row ?? '')
    .split(',')
    .map((cell) => Number(cell.replaceAll('"', '')));
  if (rate === 0) throw new Error(`redis-benchmark told no rate: ${text}`);
  return { rate, p50, p99, max };
}

/** Processor time of ended child processes, in milliseconds. */
function childrenTime(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[13]) + Number(fields[14])) * 10;
}
