/** A Redis Cluster of three masters, each with a replica, driven by redis-benchmark. */

import { runCommand } from '../peers/install.ts';
import { type RedisCluster, startRedisCluster } from '../peers/redis-cluster.ts';
import { childrenTime } from './etcd-generator.ts';
import {
  type Measured,
  memoryOf,
  type Order,
  type Quantiles,
  type Shape,
  type System,
  spendingOf,
  spentBetween,
} from './measurement.ts';

const TRIAL_OPERATIONS = 20_000;
const LARGE_BYTES = 64 * 1024;
const LARGE_KEYS = 200;

interface Test {
  readonly name: string;
  readonly valueBytes?: number;
  readonly keys?: number;
}

const TESTS: Readonly<Record<string, Test>> = {
  put: { name: 'set' },
  get: { name: 'get' },
  // Without a range of keys all callers increment one.
  'hot-key': { name: 'incr', keys: 0 },
  'large-put': { name: 'set', valueBytes: LARGE_BYTES, keys: LARGE_KEYS },
};

export const REDIS: System = {
  name: 'redis',
  about:
    'synced on one node; the replica is told later and no majority is asked, so a failover loses ' +
    'acknowledged writes; data must fit into memory',
  workloads: new Set(Object.keys(TESTS)),
  hasOpenLoop: false,
  start: async (shape, tell) => {
    tell('starts the cluster');
    const cluster = await startRedisCluster();
    const fill = { name: 'set' };
    await benchmark(cluster, { ...fill, ...shape }, { callers: 64, operations: shape.keys * 5 });
    return {
      run: (order) => {
        tell(order.workload);
        return run(order, cluster, shape);
      },
      end: cluster.end,
    };
  },
};

interface Reported {
  readonly rate: number;
  readonly quantiles: Quantiles;
}

/** It counts operations and no time, so a first run shows how many make the time. */
async function run(order: Order, cluster: RedisCluster, shape: Shape): Promise<Measured> {
  const { workload, callers, seconds, warmupSeconds } = order;
  const {
    name,
    valueBytes = shape.valueBytes,
    keys = shape.keys,
  } = TESTS[workload] ?? { name: '' };
  const test = { name, valueBytes, keys };
  const run = (operations: number) => benchmark(cluster, test, { callers, operations });
  const trial = await run(TRIAL_OPERATIONS);
  const { rate } = await run(trial.rate * warmupSeconds);
  const operations = Math.ceil(rate * seconds);
  const look = () => ({
    spending: spendingOf({ nodes: cluster.pids, clients: [] }),
    clients: childrenTime(),
  });
  const before = look();
  const seen = await run(operations);
  const after = look();
  await verify(cluster, keys);
  return {
    ...{ operations, seconds: operations / seen.rate, failed: 0, unsent: 0, ...seen.quantiles },
    ...spentBetween(before.spending, after.spending),
    clientsMilliseconds: after.clients - before.clients,
    ...{ appends: undefined, syncs: undefined, inner: undefined },
    memoryBytes: memoryOf(cluster.pids),
  };
}

interface Load {
  readonly callers: number;
  readonly operations: number;
}

async function benchmark(
  { ports }: RedisCluster,
  { name, valueBytes, keys }: Required<Test>,
  { callers, operations }: Load,
): Promise<Reported> {
  const count = Math.max(Math.ceil(operations), callers);
  const text = await runCommand('redis-benchmark', [
    ...['--cluster', '-h', '127.0.0.1', '-p', `${ports[0]}`],
    ...['-t', name, '-c', `${callers}`, '-n', `${count}`, '-d', `${valueBytes}`],
    ...(keys > 0 ? ['-r', `${keys}`] : []),
  ]);
  return reportIn(text);
}

const LINE = /^\s*([\d.]+)% <= ([\d.]+) milliseconds/gm;

export function reportIn(text: string): Reported {
  const rate = Number(/throughput summary: ([\d.]+) requests per second/.exec(text)?.[1] ?? 0);
  if (rate === 0) throw new Error(`redis-benchmark told no rate: ${text}`);
  const summary = /avg\s+min\s+p50\s+p95\s+p99\s+max\s+([\d. ]+)/.exec(text)?.[1] ?? '';
  const [, , p50 = 0, , p99 = 0, max = 0] = summary.trim().split(/\s+/).map(Number);
  const line = [...text.matchAll(LINE)].find(([, percent]) => Number(percent) >= 99.9);
  const p999 = line === undefined ? undefined : Number(line[2]);
  return { rate, quantiles: { p50, p99, p999, max } };
}

/** The masters together have as many keys as were written: all, but for a few never drawn. */
async function verify({ ports }: RedisCluster, keys: number): Promise<void> {
  const masters = ports.slice(0, 3);
  const sizes = await Promise.all(
    masters.map((port) => runCommand('redis-cli', ['-p', `${port}`, 'dbsize'])),
  );
  const size = sizes.reduce((sum, text) => sum + Number(text.trim()), 0);
  if (size < keys * 0.9) throw new Error(`Redis has ${size} keys, and ${keys} were written`);
}
