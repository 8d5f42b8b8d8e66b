/** Nodes of ringkv, and the client processes that put load on them. */

import { figureIn, metricsOf, type Nodes, pause, startNodes } from '../cluster/three-nodes.ts';
import { Drivers } from './drivers.ts';
import {
  type Measured,
  memoryOf,
  type Order,
  type RunningSystem,
  type Shape,
  type System,
  spendingOf,
  spentBetween,
} from './measurement.ts';
import { WORKLOADS } from './workloads/workloads.ts';

/** What was filled is still on its way into the state on disk: checkpoints come in two seconds. */
const SETTLE_MILLISECONDS = 5000;

export const RINGKV: System = {
  name: 'ringkv',
  about: 'synced on two of three nodes; linearizable',
  workloads: new Set(Object.keys(WORKLOADS)),
  hasOpenLoop: true,
  start: startRingkv,
};

/** The same, and its nodes. */
export interface RunningRingkv extends RunningSystem {
  readonly nodes: Nodes;
}

export async function startRingkv(
  shape: Shape,
  tell: (line: string) => void,
): Promise<RunningRingkv> {
  const { nodes: count, shards } = shape;
  tell(`starts ${count} nodes, ${shards} shards`);
  const nodes = await startNodes({ nodes: count, shards, areMetered: true });
  let work = 'fills';
  const drivers = new Drivers({
    ...{ urls: nodes.urls, shape },
    onProgress: (operations) => tell(`${work}, ${operations} done`),
  });
  await drivers.fill();
  tell('settles');
  await pause(SETTLE_MILLISECONDS);
  return {
    nodes,
    run: (order) => {
      work = order.workload;
      return run(order, nodes, drivers);
    },
    end: async () => {
      await drivers.end();
      await nodes.end();
    },
  };
}

async function run(order: Order, nodes: Nodes, drivers: Drivers): Promise<Measured> {
  const processes = { nodes: nodes.pids, clients: drivers.pids };
  const look = async () => ({
    spending: spendingOf(processes),
    appends: await appendsOf(nodes.urls),
  });
  const looks: Awaited<ReturnType<typeof look>>[] = [];
  const inner: Awaited<ReturnType<Nodes['endMeasures']>>[] = [];
  const seen = await drivers.run(order, {
    begin: async () => {
      nodes.beginMeasures();
      looks.push(await look());
    },
    end: async () => {
      looks.push(await look());
      inner.push(await nodes.endMeasures());
    },
  });
  const [before, after] = looks;
  if (before === undefined || after === undefined) throw new Error('a run begins and ends');
  const appends = after.appends - before.appends;
  return {
    ...seen,
    ...spentBetween(before.spending, after.spending),
    // Each append is synced once. Those of checkpoints, one in two seconds a node, are left out.
    ...{ appends, syncs: appends, inner: inner[0] },
    memoryBytes: memoryOf(nodes.pids),
  };
}

async function appendsOf(urls: readonly string[]): Promise<number> {
  const told = await Promise.all(urls.map(metricsOf));
  return told.reduce((sum, text) => sum + figureIn(text, 'log_batches_total'), 0);
}
