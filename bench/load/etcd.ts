/** Three etcd nodes as Debian has them, driven from Go by etcd's own client. */

import { fileURLToPath } from 'node:url';
import { startChild } from '../peers/children.ts';
import { type EtcdNodes, startEtcd } from '../peers/etcd.ts';
import { runCommand } from '../peers/install.ts';
import { Lines } from './lines.ts';
import {
  type Measured,
  memoryOf,
  type Order,
  type Shape,
  type System,
  spendingOf,
  spentBetween,
} from './measurement.ts';

const SOURCE = fileURLToPath(new URL('../../../bench/peers/etcd-driver/', import.meta.url));
const DRIVER = fileURLToPath(new URL('../peers/etcd-driver', import.meta.url));
/** Connections that its callers share: more of them cost more than they bring on two cores. */
const CONNECTIONS_MAX = 16;
/** Of the log, and of commits of the store. */
const SYNC_COUNTERS = [
  'etcd_disk_wal_fsync_duration_seconds_count',
  'etcd_disk_backend_commit_duration_seconds_count',
];

interface Told {
  readonly operations: number;
  readonly seconds: number;
  readonly quantiles: readonly [number, number, number, number];
  readonly failed: number;
  readonly unsent: number;
}

export const ETCD: System = {
  name: 'etcd',
  about:
    'synced on two of three nodes; linearizable; keeps all versions of a key until compaction, ' +
    'and one B+ tree without shards',
  workloads: new Set([
    ...['put', 'get', 'get-stale', 'scan', 'large-put', 'txn2', 'txn3'],
    ...['ycsb-a', 'ycsb-b', 'ycsb-c'],
  ]),
  hasOpenLoop: true,
  start: async (shape, tell) => {
    const nodes = await startEtcd();
    tell('fills');
    await fillEtcd(nodes, shape);
    return {
      run: (order) => {
        tell(order.workload);
        return run(order, nodes, shape);
      },
      end: nodes.end,
    };
  },
};

/** Builds the driver, too, which takes a second when it is built. */
export async function fillEtcd(nodes: EtcdNodes, shape: Shape): Promise<void> {
  await runCommand('go', ['build', '-o', DRIVER, '.'], {
    cwd: SOURCE,
    // A C compiler is not among the packages that are installed.
    env: { GO111MODULE: 'off', GOPATH: '/usr/share/gocode', CGO_ENABLED: '0' },
  });
  await runCommand(DRIVER, ['-workload', 'fill', ...about(nodes, shape)]);
}

function about({ ports }: EtcdNodes, { keys, valueBytes }: Shape): readonly string[] {
  const endpoints = ports.map((port) => `127.0.0.1:${port}`).join(',');
  return ['-endpoints', endpoints, '-keys', `${keys}`, '-value', `${valueBytes}`];
}

async function run(order: Order, nodes: EtcdNodes, shape: Shape): Promise<Measured> {
  const { workload, callers, seconds, warmupSeconds, rate = 0 } = order;
  const words = [
    ...['-workload', workload, '-callers', `${callers}`, '-rate', `${rate}`],
    ...['-conns', `${Math.min(callers, CONNECTIONS_MAX)}`],
    ...['-seconds', `${seconds}`, '-warmup', `${warmupSeconds}`, ...about(nodes, shape)],
  ];
  const driver = startChild(DRIVER, words, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = new Lines(driver);
  const processes = { nodes: nodes.pids, clients: [driver.pid ?? 0] };
  await lines.next();
  const [before, syncsBefore] = [spendingOf(processes), await syncsOf(nodes)];
  const { quantiles, ...seen } = JSON.parse(await lines.next()) as Told;
  const [after, syncsAfter] = [spendingOf(processes), await syncsOf(nodes)];
  driver.stdin?.end();
  await runCommand(DRIVER, ['-workload', 'verify', ...about(nodes, shape)]);
  const [p50, p99, p999, max] = quantiles;
  return {
    ...seen,
    ...{ p50, p99, p999, max },
    ...spentBetween(before, after),
    ...{ appends: undefined, inner: undefined, syncs: syncsAfter - syncsBefore },
    memoryBytes: memoryOf(nodes.pids),
  };
}

export async function syncsOf({ ports }: EtcdNodes): Promise<number> {
  const told = await Promise.all(
    ports.map(async (port) => (await fetch(`http://127.0.0.1:${port}/metrics`)).text()),
  );
  return told.reduce((sum, text) => {
    return SYNC_COUNTERS.reduce((total, name) => {
      return total + Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
    }, sum);
  }, 0);
}
