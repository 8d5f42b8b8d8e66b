/** Three etcd nodes as Debian has them, driven from Go by etcd's own client. */

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type EtcdNodes, startEtcd } from '../peers/etcd.ts';
import { runCommand } from '../peers/install.ts';
import { Lines } from './lines.ts';
import {
  KEYS,
  type Measured,
  type Order,
  type System,
  spentBy,
  VALUE_BYTES,
} from './measurement.ts';

const SOURCE = fileURLToPath(new URL('../../../bench/peers/etcd-driver/', import.meta.url));
const DRIVER = fileURLToPath(new URL('../peers/etcd-driver', import.meta.url));
/** Connections that its callers share: more of them cost more than they bring on two cores. */
const CONNECTIONS_MAX = 16;

interface Told {
  readonly operations: number;
  readonly seconds: number;
  readonly quantiles: readonly [number, number, number, number];
  readonly failed: number;
}

export const ETCD: System = {
  name: 'etcd',
  durability: 'synced on two of three nodes',
  workloads: new Set(['put', 'get', 'txn2']),
  start: async () => {
    await runCommand('go', ['build', '-o', DRIVER, '.'], {
      cwd: SOURCE,
      env: { GO111MODULE: 'off', GOPATH: '/usr/share/gocode' },
    });
    const nodes = await startEtcd();
    await runCommand(DRIVER, ['-workload', 'fill', ...aboutKeys(nodes)]);
    return { run: (order) => run(order, nodes), end: nodes.end };
  },
};

function aboutKeys({ ports }: EtcdNodes): readonly string[] {
  const endpoints = ports.map((port) => `127.0.0.1:${port}`).join(',');
  return ['-endpoints', endpoints, '-keys', `${KEYS}`, '-value', `${VALUE_BYTES}`];
}

async function run(order: Order, nodes: EtcdNodes): Promise<Measured> {
  const { workload, callers, seconds, warmupSeconds } = order;
  const driver = spawn(
    DRIVER,
    [
      ...['-workload', workload, '-callers', `${callers}`],
      ...['-conns', `${Math.min(callers, CONNECTIONS_MAX)}`],
      ...['-seconds', `${seconds}`, '-warmup', `${warmupSeconds}`, ...aboutKeys(nodes)],
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const lines = new Lines(driver);
  await lines.next();
  const before = spentBy(nodes.pids, [driver.pid ?? 0]);
  const { quantiles, ...seen } = JSON.parse(await lines.next()) as Told;
  const after = spentBy(nodes.pids, [driver.pid ?? 0]);
  driver.stdin.end();
  const [p50, p99, p999, max] = quantiles;
  return {
    ...seen,
    ...{ p50, p99, p999, max },
    processorMilliseconds: after.processorMilliseconds - before.processorMilliseconds,
    bytesWritten: after.bytesWritten - before.bytesWritten,
    appends: undefined,
  };
}
