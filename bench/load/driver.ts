/**
 * One of the processes that put load on ringkv. It takes orders from its parent over IPC, one at a
 * time, and answers each. A failure ends the process, and so the benchmark.
 */

import { bytes, type Client, connect } from '../../src/index.ts';
import { zipfian } from '../cluster/keys.ts';
import { type Loop, runClosedLoop } from './closed-loop.ts';
import type { DriverAnswer, DriverOrder, DriverSetting } from './drivers.ts';
import { LastWrites } from './last-writes.ts';
import type { Order } from './measurement.ts';
import { runOpenLoop } from './open-loop.ts';
import { Inserts } from './workloads/inserts.ts';
import { fill } from './workloads/single-keys.ts';
import type { Scene } from './workloads/workload.ts';
import { WORKLOADS } from './workloads/workloads.ts';

const SKEW = 0.99;
const SAMPLE = 1000;
const TELL_MILLISECONDS = 1000;
const TIMEOUT_MILLISECONDS = 60_000;
const CONNECTS_AT_ONCE = 50;

const setting = JSON.parse(process.argv[2] ?? '') as DriverSetting;
const clients: Client[] = [];
while (clients.length < setting.clients) {
  const length = Math.min(CONNECTS_AT_ONCE, setting.clients - clients.length);
  // Nodes that start thousands of connections at once may let some hellos wait too long.
  const options = { codec: bytes, timeout: TIMEOUT_MILLISECONDS, wait: true };
  clients.push(
    ...(await Promise.all(Array.from({ length }, () => connect(setting.urls, options)))),
  );
}
const scene = sceneOf(setting);
/** Since the workload was prepared. */
const done = { operations: 0, failed: 0 };
tell({ type: 'ready' });
process.on('message', (order: DriverOrder) => void follow(order));
process.once('disconnect', () => process.exit(0));
// The parent decides what an interruption means.
process.on('SIGINT', () => {});

function sceneOf({ shape, process: own }: DriverSetting): Scene {
  let next = 0;
  return {
    shape,
    client: () => {
      next = (next + 1) % clients.length;
      return clients[next] as Client;
    },
    writes: new LastWrites(),
    inserts: new Inserts({ from: shape.keys, process: own, processes: shape.processes }),
    uniform: () => Math.floor(Math.random() * shape.keys),
    zipfian: zipfian(shape.keys, SKEW),
  };
}

async function follow(order: DriverOrder): Promise<void> {
  switch (order.type) {
    case 'fill':
      await fill(scene, (keys) => tell({ type: 'progress', operations: keys }));
      return tell({ type: 'done', operations: 0, failed: 0, writes: [], inserted: [] });
    case 'prepare':
      await workloadOf(order.workload).prepare?.(scene);
      return tell({ type: 'ready' });
    case 'run':
      return run(order.order);
    case 'collect':
      tell({
        ...{ type: 'done', ...done, writes: scene.writes.take() },
        inserted: scene.inserts.sample(SAMPLE),
      });
      done.operations = 0;
      done.failed = 0;
      return;
    case 'verify':
      await workloadOf(order.workload).verify?.(scene, order.done);
      return tell({ type: 'ready' });
  }
}

async function run({ workload, callers, seconds, rate, ...warmup }: Order): Promise<void> {
  const { work } = workloadOf(workload);
  let operations = 0;
  const loop = {
    ...{ name: workload, callers },
    work: async () => {
      await work(scene);
      operations += 1;
    },
  };
  const progress = setInterval(() => tell({ type: 'progress', operations }), TELL_MILLISECONDS);
  const { warmupSeconds, warmupCallers = callers } = warmup;
  const warming = { ...loop, seconds: warmupSeconds, callers: warmupCallers };
  if (warmupSeconds > 0) count(await loopOf(warming, rate));
  tell({ type: 'begin' });
  const outcome = await loopOf({ ...loop, seconds }, rate);
  clearInterval(progress);
  count(outcome);
  const { latencies, ...figures } = outcome;
  tell({ type: 'seen', ...figures, latencies: latencies.encode() });
}

function loopOf(loop: Loop, rate: number | undefined) {
  return rate === undefined ? runClosedLoop(loop) : runOpenLoop({ ...loop, rate });
}

function count({ latencies, failed }: Awaited<ReturnType<typeof loopOf>>): void {
  done.operations += latencies.count;
  done.failed += failed;
}

function workloadOf(name: string) {
  const workload = WORKLOADS[name];
  if (workload === undefined) throw new Error(`there is no workload ${name}`);
  return workload;
}

function tell(answer: DriverAnswer): void {
  process.send?.(answer);
}
