/**
 * Load on ringkv and on other systems, in turns on one machine: `make load`, or
 * `node build/bench/load/main.js --peers=etcd,redis --workloads=put,get,txn2 --clients=1,64
 * --open=25,50,75,90 --rounds=3 --seconds=5 --warmup=10 --processes=1 --shards=16`. `--list`
 * names the workloads.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { endWhenInterrupted } from '../peers/children.ts';
import { installPeer } from '../peers/install.ts';
import { ETCD } from './etcd.ts';
import { ETCD_GENERATOR } from './etcd-generator.ts';
import { type RunningSystem, type Shape, type System, USUAL_SHAPE } from './measurement.ts';
import { memoryLatency } from './memory-latency.ts';
import { pictureOf } from './picture.ts';
import { Progress } from './progress.ts';
import { REDIS } from './redis.ts';
import { costTableOf, type Result, resultOf, rowsOf, tableOf } from './results.ts';
import { RINGKV } from './ringkv.ts';
import { WORKLOADS } from './workloads/workloads.ts';

const PEERS: Readonly<Record<string, System>> = {
  etcd: ETCD,
  'etcd-generator': ETCD_GENERATOR,
  redis: REDIS,
};
const RESULTS = fileURLToPath(new URL('../../../bench/results/', import.meta.url));
/** The first run of a workload warms its code up, and the later ones only their connections. */
const LATER_WARMUP_SECONDS = 2;

const { values } = parseArgs({
  options: {
    peers: { type: 'string', default: '' },
    workloads: { type: 'string', default: 'put,get,txn2' },
    clients: { type: 'string', default: '1,64,256,1000' },
    /** Percent of the capacity that the closed loop with the most clients has found. */
    open: { type: 'string', default: '' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    warmup: { type: 'string', default: '10' },
    /** Client processes. */
    processes: { type: 'string', default: '1' },
    /** Of ringkv. With one, it has one Raft group, as etcd does. */
    shards: { type: 'string', default: `${USUAL_SHAPE.shards}` },
    list: { type: 'boolean', default: false },
    /** Leaves ringkv out, in order to compare drivers of a peer. */
    'peers-only': { type: 'boolean', default: false },
  },
});

if (values.list) {
  for (const [name, { about }] of Object.entries(WORKLOADS))
    console.log(`${name.padEnd(18)}${about}`);
  process.exit(0);
}
endWhenInterrupted();
const workloads = listed(values.workloads);
for (const name of workloads) {
  if (WORKLOADS[name] !== undefined) continue;
  throw new Error(`no workload ${name}: there are ${Object.keys(WORKLOADS).join(', ')}`);
}
const clients = listed(values.clients).map(positive);
const open = listed(values.open).map(positive);
const rounds = positive(values.rounds);
const seconds = positive(values.seconds);
const warmupSeconds = Number(values.warmup);
const usual: Shape = {
  ...USUAL_SHAPE,
  processes: positive(values.processes),
  shards: positive(values.shards),
};
const systems: System[] = values['peers-only'] ? [] : [RINGKV];
for (const name of listed(values.peers)) {
  const peer = PEERS[name];
  const all = Object.keys(PEERS).join(', ');
  if (peer === undefined) throw new Error(`no peer ${name}: there are ${all}`);
  await installPeer(name);
  systems.push(peer);
}

console.log(`${cpus().length} cores of ${cpus()[0]?.model}, Node ${process.version}`);
console.log(
  `${rounds} rounds, ${seconds} s each after ${warmupSeconds} s of warm-up; ` +
    `${usual.shards} shards`,
);
for (const { name, about } of systems) console.log(`${name}: ${about}`);
const progress = new Progress({
  steps: rounds * systems.reduce((sum, system) => sum + stepsOf(system), 0),
  write: (text) => void process.stderr.write(text),
  isTerminal: process.stderr.isTTY === true,
  now: () => performance.now(),
});
const results: Result[] = [];
for (let round = 1; round <= rounds; round++) {
  for (const system of systems) {
    for (const group of groupsOf(system))
      results.push(...(await measureGroup(system, group, round)));
    // What is measured is kept, also if a later run fails.
    save();
  }
}
console.log(`\n${tableOf(rowsOf(results))}\n\n${costTableOf(rowsOf(results))}`);

function save(): void {
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(join(RESULTS, 'latest.json'), `${JSON.stringify(results, undefined, 1)}\n`);
  writeFileSync(join(RESULTS, 'latest.svg'), pictureOf(rowsOf(results)));
}

interface Group {
  readonly shape: Shape;
  readonly workloads: string[];
}

/** Workloads that run on the same cluster. A peer has only the usual one. */
function groupsOf(system: System): readonly Group[] {
  const groups = new Map<string, Group>();
  for (const name of workloads.filter((name) => system.workloads.has(name))) {
    const shape = { ...usual, ...WORKLOADS[name]?.shape };
    const group = groups.get(JSON.stringify(shape)) ?? { shape, workloads: [] };
    group.workloads.push(name);
    groups.set(JSON.stringify(shape), group);
  }
  return [...groups.values()];
}

function stepsOf(system: System): number {
  const each = clients.length + (system.hasOpenLoop ? open.length : 0);
  return each * groupsOf(system).reduce((sum, group) => sum + group.workloads.length, 0);
}

/** Only this system runs meanwhile. */
async function measureGroup(system: System, group: Group, round: number): Promise<Result[]> {
  const prefix = `round ${round}, ${system.name}`;
  const running = await system.start(group.shape, (line) => progress.tell(`${prefix}: ${line}`));
  const measured: Result[] = [];
  try {
    for (const workload of group.workloads) {
      measured.push(...(await measureWorkload(running, { system, workload, round })));
    }
  } finally {
    await running.end();
  }
  return measured;
}

interface Measuring {
  readonly system: System;
  readonly workload: string;
  readonly round: number;
}

/** Closed loops first: the last one, with the most clients, finds the capacity. */
async function measureWorkload(
  running: RunningSystem,
  { system, workload, round }: Measuring,
): Promise<Result[]> {
  const measured: Result[] = [];
  const cases: { callers: number; offeredPercent?: number }[] = [
    ...clients.map((callers) => ({ callers })),
    ...(system.hasOpenLoop ? open : []).map((offeredPercent) => ({
      ...{ offeredPercent, callers: Math.max(...clients) },
    })),
  ];
  let capacity = 0;
  for (const [at, { callers, offeredPercent }] of cases.entries()) {
    const isFirst = at === 0;
    const memoryNanoseconds = Math.round(memoryLatency());
    const seen = await running.run({
      ...{ workload, callers, seconds },
      warmupSeconds: isFirst ? warmupSeconds : Math.min(warmupSeconds, LATER_WARMUP_SECONDS),
      warmupCallers: isFirst ? Math.max(...clients) : callers,
      ...(offeredPercent !== undefined && { rate: (capacity * offeredPercent) / 100 }),
    });
    const how = { offeredPercent, round, memoryNanoseconds };
    const run = { system: system.name, workload, clients: callers, ...how };
    const result = resultOf(run, seen);
    if (offeredPercent === undefined) capacity = Math.max(capacity, result.operationsPerSecond);
    measured.push(result);
    progress.endStep(lineOf(result));
  }
  return measured;
}

function lineOf(result: Result): string {
  const { round, system, workload, offeredPercent, failed, unsent } = result;
  const load = offeredPercent === undefined ? `${result.clients} clients` : `${offeredPercent} %`;
  const lost = failed + unsent === 0 ? '' : `, ${failed} failed, ${unsent} were not sent in time`;
  const rate = Math.round(result.operationsPerSecond);
  return (
    `round ${round}, ${system}, ${workload}, ${load}: ${rate}/s, ` +
    `p50 ${result.p50Ms.toFixed(2)} ms, p99 ${result.p99Ms.toFixed(2)} ms, ` +
    `${Math.round(result.cpuMicrosPerOperation)} µs of processor each${lost}; ` +
    `load average ${loadavg()[0]?.toFixed(1)}, memory ${result.memoryNanoseconds} ns`
  );
}

function listed(text: string): readonly string[] {
  return text.split(',').filter((word) => word !== '');
}

function positive(text: string): number {
  const number = Number(text);
  if (number > 0) return number;
  throw new Error(`${text} is not a number above 0`);
}
