/**
 * Watches beside etcd's, in turns: the time from a put to its event, events a second for many
 * watchers of few keys, the cost that watchers add to puts, and what idle watchers take.
 */

import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bytes, type Client, connect, type Watch, type WatchEvent } from '../../src/index.ts';
import { EtcdClient, startEtcd } from '../peers/etcd.ts';
import { keyNumbered } from './keys.ts';
import { median, quantile, rateOf, run } from './loop.ts';
import { pause, processorTimeOf, startThreeNodes, type ThreeNodes } from './three-nodes.ts';

const SHARDS = 16;
const ROUNDS = 5;
const DELIVERIES = 500;
const WATCHERS = 1000;
const WATCHED_KEYS = 100;
const PUTS = 2000;
const PUTTERS = 16;
const IDLE_WATCHERS = 10_000;
const IDLE_MILLISECONDS = 10_000;
const VIEW_KEYS = 100_000;
const VALUE = new Uint8Array(256).fill(7);
const SMALL = new Uint8Array(4).fill(7);

export async function measureWatches(): Promise<void> {
  const cluster = await startThreeNodes(SHARDS);
  const etcdNodes = await startEtcd();
  const kv = await connect(cluster.urls, { codec: bytes });
  const etcd = new EtcdClient(etcdNodes.ports[0] ?? 0);
  await measureDelivery(kv, etcd);
  await measureEvents(kv, etcd);
  etcd.close();
  await etcdNodes.end();
  await measureWriters(kv, cluster);
  await measureIdle(kv, cluster);
  await measureView(kv);
  await kv.close();
  await cluster.end();
}

/** Resolves at the next call of `tell`. */
class Signal {
  #resolve: (() => void) | undefined;

  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  tell(): void {
    this.#resolve?.();
  }
}

/** From the call of put to the event, in milliseconds. */
async function measureDelivery(kv: Client, etcd: EtcdClient): Promise<void> {
  const signals = { any: new Signal(), leader: new Signal(), etcd: new Signal() };
  const watches = (['any', 'leader'] as const).map((replicas) => {
    const watch = kv.watch({ key: `told-${replicas}`, replicas, changesOnly: true });
    void follow(watch, () => signals[replicas].tell());
    return watch;
  });
  await Promise.all(watches.map((watch) => watch.sync()));
  await etcd.watch({ key: 'told', onValue: () => signals.etcd.tell() });
  const shapes = [
    { name: 'at any replica', put: () => kv.set('told-any', VALUE), signal: signals.any },
    { name: 'at the leader', put: () => kv.set('told-leader', VALUE), signal: signals.leader },
    { name: 'etcd', put: () => etcd.put('told', VALUE), signal: signals.etcd },
  ];
  const medians = shapes.map(() => ({ acknowledged: [] as number[], told: [] as number[] }));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [at, { put, signal }] of shapes.entries()) {
      const acknowledged: number[] = [];
      const told: number[] = [];
      for (let count = 0; count < DELIVERIES; count++) {
        const began = performance.now();
        const event = signal.next().then(() => told.push(performance.now() - began));
        await put().then(() => acknowledged.push(performance.now() - began));
        await event;
      }
      if (round === 0) continue;
      medians[at]?.acknowledged.push(median(acknowledged));
      medians[at]?.told.push(median(told));
    }
  }
  for (const [at, { name }] of shapes.entries()) {
    const [acknowledged, told] = [medians[at]?.acknowledged ?? [], medians[at]?.told ?? []];
    console.log(
      `an event, ${name.padEnd(16)} p50 ${median(told).toFixed(2)} ms behind the call of put, ` +
        `which is acknowledged after ${median(acknowledged).toFixed(2)} ms`,
    );
  }
  await Promise.all(watches.map((watch) => watch.close()));
}

/** Many watchers of few keys, while some callers put: the time until all events were given. */
async function measureEvents(kv: Client, etcd: EtcdClient): Promise<void> {
  const keys = Array.from({ length: WATCHED_KEYS }, (_, at) => keyNumbered(at));
  let events = 0;
  const watches = Array.from({ length: WATCHERS }, (_, at) => {
    const watch = kv.watch({ key: keys[at % WATCHED_KEYS] ?? '', changesOnly: true });
    void follow(watch, () => {
      events += 1;
    });
    return watch;
  });
  await Promise.all(watches.map((watch) => watch.sync({ timeout: 60_000 })));
  let etcdEvents = 0;
  for (let at = 0; at < WATCHERS; at++) {
    const onValue = () => {
      etcdEvents += 1;
    };
    await etcd.watch({ key: keys[at % WATCHED_KEYS] ?? '', onValue });
  }
  const all = (PUTS * WATCHERS) / WATCHED_KEYS;
  const shapes = [
    { name: 'ringkv', put: (key: string) => kv.set(key, SMALL), count: () => events },
    { name: 'etcd', put: (key: string) => etcd.put(key, SMALL), count: () => etcdEvents },
  ];
  const rates = shapes.map((): number[] => []);
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [at, { put, count }] of shapes.entries()) {
      await pause(500);
      const before = count();
      const began = performance.now();
      let next = 0;
      const putter = async () => {
        while (next < PUTS) {
          next += 1;
          await put(keys[next % WATCHED_KEYS] ?? '');
        }
      };
      await Promise.all(Array.from({ length: PUTTERS }, putter));
      while (count() - before < all) await pause(1);
      if (round > 0) rates[at]?.push((all / (performance.now() - began)) * 1000);
    }
  }
  for (const [at, { name }] of shapes.entries()) {
    const rate = Math.round(median(rates[at] ?? []));
    console.log(`${WATCHERS} watchers of ${WATCHED_KEYS} keys, ${name.padEnd(7)} ${rate} events/s`);
  }
  await Promise.all(watches.map((watch) => watch.close()));
}

/** Puts without a watcher, and with one of everything in a process of its own. */
async function measureWriters(kv: Client, cluster: ThreeNodes): Promise<void> {
  const work = () => kv.set(keyNumbered(Math.floor(Math.random() * 100_000)), VALUE);
  const measure = async () => {
    const before = cluster.processorTimes();
    const measured = await run({ callers: 64, seconds: 4, work });
    const spent = cluster
      .processorTimes()
      .reduce((sum, time, at) => sum + time - (before[at] ?? 0), 0);
    return { rate: rateOf(measured), processor: (spent * 1000) / measured.times.length };
  };
  const seen = { without: [] as number[], with: [] as number[] };
  await measure();
  for (let round = 0; round < ROUNDS; round++) {
    seen.without.push((await measure()).processor);
    const watcher = await startWatcher(cluster.urls);
    seen.with.push((await measure()).processor);
    watcher.kill('SIGTERM');
    await new Promise((ended) => watcher.once('exit', ended));
  }
  const [alone, watched] = [median(seen.without), median(seen.with)];
  console.log(
    `put, 64 callers: ${alone.toFixed(0)} µs of the nodes' processors, ` +
      `${watched.toFixed(0)} µs (${(watched / alone).toFixed(2)}) with one watcher of everything`,
  );
}

async function startWatcher(urls: readonly string[]): Promise<ChildProcess> {
  const program = fileURLToPath(new URL('./watcher.js', import.meta.url));
  const child = fork(program, [...urls]);
  await new Promise((resolve) => child.once('message', resolve));
  return child;
}

/** Watchers of a key each, all at one node. */
async function measureIdle(kv: Client, cluster: ThreeNodes): Promise<void> {
  const [url = ''] = cluster.urls;
  const one = await connect([url], { codec: bytes });
  const nodesBefore = cluster.pids.map(residentKibOf);
  const ownBefore = residentKibOf(process.pid);
  const watches = Array.from({ length: IDLE_WATCHERS }, (_, at) =>
    one.watch({ key: `idle-${at}`, changesOnly: true }),
  );
  for (const watch of watches) void follow(watch, () => {});
  await Promise.all(watches.map((watch) => watch.sync({ timeout: 120_000 })));
  const grown = cluster.pids.map((pid, at) => residentKibOf(pid) - (nodesBefore[at] ?? 0));
  const own = residentKibOf(process.pid) - ownBefore;
  const time = () => [...cluster.pids, process.pid].map(processorTimeOf);
  const before = time();
  await pause(IDLE_MILLISECONDS);
  const shares = time().map((spent, at) => ((spent - (before[at] ?? 0)) / IDLE_MILLISECONDS) * 100);
  const each = (kib: number) => `${(kib / IDLE_WATCHERS).toFixed(2)} KiB`;
  console.log(
    `${IDLE_WATCHERS} idle watchers: ${grown.map(each).join(', ')} each in the nodes, ` +
      `${each(own)} in the client; ` +
      `${shares.map((share) => `${share.toFixed(1)} %`).join(', ')} of a core`,
  );
  await Promise.all(watches.map((watch) => watch.close()));
  await one.close();
  const late = await measureOne(kv);
  console.log(`behind them an event takes p50 ${late.toFixed(2)} ms`);
}

async function measureOne(kv: Client): Promise<number> {
  const signal = new Signal();
  const watch = kv.watch({ key: 'one', changesOnly: true });
  void follow(watch, () => signal.tell());
  await watch.sync();
  const measured = await run({
    callers: 1,
    seconds: 2,
    work: async () => {
      const event = signal.next();
      await kv.set('one', VALUE);
      await event;
    },
  });
  await watch.close();
  return quantile(measured, 0.5);
}

async function measureView(kv: Client): Promise<void> {
  for (let from = 0; from < VIEW_KEYS; from += 1000) {
    const some = Array.from({ length: 1000 }, (_, at) => `view-${from + at}`);
    await Promise.all(some.map((key) => kv.set(key, VALUE)));
  }
  const before = residentKibOf(process.pid);
  const began = performance.now();
  const view = kv.view({ prefix: 'view-' });
  await view.ready;
  const took = (performance.now() - began) / 1000;
  const mib = (residentKibOf(process.pid) - before) / 1024;
  const rows = ((VIEW_KEYS * (VALUE.length + 11)) / 1024 / 1024).toFixed(0);
  console.log(
    `a view of ${view.size} keys is ready after ${took.toFixed(2)} s, and takes ` +
      `${mib.toFixed(0)} MiB for ${rows} MiB of keys and values`,
  );
  await view.close();
}

async function follow<V>(watch: Watch<WatchEvent<V>>, onEvent: () => void): Promise<void> {
  for await (const _event of watch) onEvent();
}

function residentKibOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0);
}
