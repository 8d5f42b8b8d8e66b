/**
 * etcd under its own load generator, in order to see what the driver of `etcd.ts` is worth. It
 * counts operations and no time, so a trial run shows how many make the time.
 */

import { readFileSync } from 'node:fs';
import { type EtcdNodes, startEtcd } from '../peers/etcd.ts';
import { buildEtcdBenchmark } from '../peers/etcd-benchmark.ts';
import { runCommand } from '../peers/install.ts';
import { fillEtcd, syncsOf } from './etcd.ts';
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

const CONNECTIONS_MAX = 16;
const KEY_BYTES = 16;
const TRIAL_OPERATIONS = 2000;

export const ETCD_GENERATOR: System = {
  name: 'etcd-generator',
  about: "the same etcd, put by etcd's own load generator (tools/benchmark)",
  workloads: new Set(['put']),
  hasOpenLoop: false,
  start: async (shape, tell) => {
    tell('builds the generator from the source package');
    const program = await buildEtcdBenchmark();
    const nodes = await startEtcd();
    tell('fills');
    await fillEtcd(nodes, shape);
    return {
      run: (order) => {
        tell(order.workload);
        return run(order, { program, nodes, shape });
      },
      end: nodes.end,
    };
  },
};

interface Generator {
  readonly program: string;
  readonly nodes: EtcdNodes;
  readonly shape: Shape;
}

async function run(order: Order, generator: Generator): Promise<Measured> {
  const { nodes } = generator;
  const { callers, warmupSeconds, seconds } = order;
  const trial = await generate(generator, callers, TRIAL_OPERATIONS);
  const { rate } = await generate(generator, callers, trial.rate * warmupSeconds);
  const operations = Math.ceil(rate * seconds);
  const look = async () => ({
    spending: spendingOf({ nodes: nodes.pids, clients: [] }),
    clients: childrenTime(),
    syncs: await syncsOf(nodes),
  });
  const before = await look();
  const { quantiles, rate: reached } = await generate(generator, callers, operations);
  const after = await look();
  return {
    ...quantiles,
    ...{ operations, seconds: operations / reached, failed: 0, unsent: 0 },
    ...spentBetween(before.spending, after.spending),
    clientsMilliseconds: after.clients - before.clients,
    ...{ appends: undefined, inner: undefined, syncs: after.syncs - before.syncs },
    memoryBytes: memoryOf(nodes.pids),
  };
}

async function generate(
  { program, nodes, shape }: Generator,
  callers: number,
  operations: number,
): Promise<{ readonly rate: number; readonly quantiles: Quantiles }> {
  const endpoints = nodes.ports.map((port) => `127.0.0.1:${port}`).join(',');
  const text = await runCommand(program, [
    ...['put', '--endpoints', endpoints, '--clients', `${callers}`, '--precise'],
    ...['--conns', `${Math.min(callers, CONNECTIONS_MAX)}`],
    ...['--key-size', `${KEY_BYTES}`, '--key-space-size', `${shape.keys}`],
    ...[
      '--val-size',
      `${shape.valueBytes}`,
      '--total',
      `${Math.max(callers, Math.ceil(operations))}`,
    ],
  ]);
  return reportIn(text);
}

/** Seconds become milliseconds. */
export function reportIn(text: string): { readonly rate: number; readonly quantiles: Quantiles } {
  const figure = (pattern: RegExp) => Number(pattern.exec(text)?.[1] ?? Number.NaN);
  const at = (percent: string) => figure(new RegExp(`${percent}% in ([\\d.e-]+) secs`)) * 1000;
  const rate = figure(/Requests\/sec:\s+([\d.e+]+)/);
  if (Number.isNaN(rate)) throw new Error(`etcd's load generator told no rate: ${text}`);
  const max = figure(/Slowest:\s+([\d.e-]+) secs/) * 1000;
  return { rate, quantiles: { p50: at('50'), p99: at('99'), p999: at('99.9'), max } };
}

/** Processor time of ended child processes, in milliseconds. */
export function childrenTime(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[13]) + Number(fields[14])) * 10;
}
