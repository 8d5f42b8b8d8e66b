/**
 * Events of watches beside etcd, each with its own best client and in turns: how many a second, and
 * how much processor each costs the nodes and the watching processes. etcd is driven by its own
 * load generator (`benchmark watch`); both have the same keys, watchers, callers and puts.
 */

import { type ChildProcess, fork, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { bytes, type Client, connect } from '../../src/index.ts';
import { watchChild } from '../peers/children.ts';
import { type EtcdNodes, startEtcd } from '../peers/etcd.ts';
import { buildEtcdBenchmark } from '../peers/etcd-benchmark.ts';
import { keyNumbered } from './keys.ts';
import { median } from './loop.ts';
import { processorTimeOf, startThreeNodes, type ThreeNodes } from './three-nodes.ts';

const SHARDS = 16;
const ROUNDS = 5;
/** So that puts are no bound: both systems do many of them at once for less. */
const CALLERS = 64;
const SMALL = new Uint8Array(4).fill(7);
const WATCHER = fileURLToPath(new URL('./events-watcher.js', import.meta.url));
const SUMMARY = /Watch events received summary:[\s\S]*?Requests\/sec:\s+([\d.]+)/;

interface Shape {
  readonly name: string;
  readonly clients: number;
  readonly watchers: number;
  readonly keys: number;
  readonly puts: number;
}

/** Every client has one connection to a node, and one stream of watches in etcd. */
const SHAPES: readonly Shape[] = [
  { name: '1000 watchers of 1 key, 1 client', clients: 1, watchers: 1000, keys: 1, puts: 2000 },
  { name: '1000 watchers of 1 key, 10 clients', clients: 10, watchers: 1000, keys: 1, puts: 2000 },
  {
    name: '1000 watchers of 100 keys, 10 clients',
    ...{ clients: 10, watchers: 1000, keys: 100, puts: 10_000 },
  },
];

interface Measured {
  readonly rate: number;
  /** Microseconds of processor an event. */
  readonly nodes: number;
  readonly clients: number;
}

export async function measureEvents(): Promise<void> {
  const generator = await buildEtcdBenchmark();
  const cluster = await startThreeNodes(SHARDS);
  const etcd = await startEtcd();
  const kv = await connect(cluster.urls, { codec: bytes });
  for (const shape of SHAPES) await measureShape(shape, { generator, cluster, etcd, kv });
  await kv.close();
  await etcd.end();
  await cluster.end();
}

interface Systems {
  readonly generator: string;
  readonly cluster: ThreeNodes;
  readonly etcd: EtcdNodes;
  readonly kv: Client;
}

async function measureShape(shape: Shape, systems: Systems): Promise<void> {
  const watchers = await startWatchers(shape, systems.cluster);
  const ours: Measured[] = [];
  const theirs: Measured[] = [];
  // The first round warms both up.
  for (let round = 0; round <= ROUNDS; round++) {
    const own = await measureOwn(shape, { ...systems, watchers, round });
    const other = await measureEtcd(shape, systems);
    if (round === 0) continue;
    ours.push(own);
    theirs.push(other);
  }
  for (const watcher of watchers) watcher.disconnect();
  const rate = tell(`${shape.name}, ringkv`, ours) / tell(`${shape.name}, etcd`, theirs);
  console.log(`${shape.name}: ${rate.toFixed(2)} times etcd's events`);
}

function startWatchers(shape: Shape, { urls }: ThreeNodes): Promise<readonly ChildProcess[]> {
  const { clients, watchers, keys } = shape;
  const each = watchers / clients;
  const started = Array.from({ length: clients }, async (_, at) => {
    const words = [urls.join(','), `${keys}`, `${each}`, `${at * each}`];
    const child = fork(WATCHER, words);
    watchChild(child);
    await messageOf(child);
    return child;
  });
  return Promise.all(started);
}

function messageOf(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', () => reject(new Error('a watcher has ended')));
  });
}

/** As many callers as etcd's generator has, in this process: their time counts for none. */
async function measureOwn(
  shape: Shape,
  own: Systems & { readonly watchers: readonly ChildProcess[]; readonly round: number },
): Promise<Measured> {
  const { clients, watchers: count, keys, puts } = shape;
  const { cluster, kv, watchers, round } = own;
  const each = (puts * count) / keys / clients;
  const watching = watchers.map(({ pid }) => pid ?? 0);
  const before = [timeOf(cluster.pids), timeOf(watching)] as const;
  const began = performance.now();
  const given = watchers.map((watcher) => {
    watcher.send(each * (round + 1));
    return messageOf(watcher);
  });
  let next = 0;
  const put = async () => {
    while (next < puts) {
      next += 1;
      await kv.set(keyNumbered(next % keys), SMALL);
    }
  };
  await Promise.all([...Array.from({ length: CALLERS }, put), ...given]);
  const seconds = (performance.now() - began) / 1000;
  const spent = [timeOf(cluster.pids) - before[0], timeOf(watching) - before[1]] as const;
  return measured(each * clients, seconds, spent);
}

/** Its generator begins its watches anew each time; the rate is that of its own summary. */
async function measureEtcd(shape: Shape, { generator, etcd }: Systems): Promise<Measured> {
  const { clients, watchers, keys, puts } = shape;
  const events = (puts * watchers) / keys;
  const words = [
    ...['--endpoints', etcd.ports.map((port) => `127.0.0.1:${port}`).join(',')],
    ...['--conns', `${clients}`, '--clients', `${CALLERS}`, 'watch', '--streams', `${clients}`],
    ...['--watch-per-stream', `${watchers / clients}`, '--watched-key-total', `${keys}`],
    ...['--sequential-keys', '--key-space-size', `${keys}`, '--key-size', '16'],
    ...['--put-total', `${puts}`, '--put-rate', '1000000'],
  ];
  const before = timeOf(etcd.pids);
  const { text, milliseconds } = await runTimed(generator, words);
  const rate = Number(SUMMARY.exec(text)?.[1]);
  if (!(rate > 0)) throw new Error(`etcd's generator told no rate: ${text.slice(-500)}`);
  return measured(events, events / rate, [timeOf(etcd.pids) - before, milliseconds]);
}

/** What the program prints, and the processor time that it took. */
async function runTimed(
  program: string,
  words: readonly string[],
): Promise<{ text: string; milliseconds: number }> {
  const child = watchChild(spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'] }));
  let text = '';
  child.stdout?.on('data', (chunk) => {
    text += String(chunk);
  });
  let time = 0;
  const looks = setInterval(() => {
    time = Math.max(time, timeOf([child.pid ?? 0]));
  }, LOOK_MILLISECONDS);
  await new Promise((ended) => child.once('close', ended));
  clearInterval(looks);
  return { text, milliseconds: time };
}

/** The last of its time that is missed is as much at most. */
const LOOK_MILLISECONDS = 20;

function timeOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + (processorTimeIfAlive(pid) ?? 0), 0);
}

function processorTimeIfAlive(pid: number): number | undefined {
  try {
    return processorTimeOf(pid);
  } catch {
    return undefined;
  }
}

function measured(
  events: number,
  seconds: number,
  [nodes, clients]: readonly [number, number],
): Measured {
  const each = (milliseconds: number) => (milliseconds * 1000) / events;
  return { rate: events / seconds, nodes: each(nodes), clients: each(clients) };
}

/** Returns the rate. */
function tell(name: string, all: readonly Measured[]): number {
  const rate = median(all.map((one) => one.rate));
  const nodes = median(all.map((one) => one.nodes)).toFixed(2);
  const clients = median(all.map((one) => one.clients)).toFixed(2);
  const cost = `${nodes} µs of the nodes and ${clients} µs of the watchers an event`;
  console.log(`${name.padEnd(45)} ${Math.round(rate)} events/s, ${cost}`);
  return rate;
}
