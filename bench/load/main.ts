/**
 * Load on ringkv and on other systems, in turns on one machine: `make load`, or
 * `node build/bench/load/main.js --peers=etcd,redis --workloads=put,get,txn2 --clients=1,64
 * --rounds=3 --seconds=5 --warmup=10`.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { installPeer } from '../peers/install.ts';
import { ETCD } from './etcd.ts';
import type { System } from './measurement.ts';
import { pictureOf } from './picture.ts';
import { REDIS } from './redis.ts';
import { type Result, resultOf, rowsOf, tableOf } from './results.ts';
import { RINGKV } from './ringkv.ts';
import { WORKLOADS } from './workloads.ts';

const PEERS: Readonly<Record<string, System>> = { etcd: ETCD, redis: REDIS };
const RESULTS = fileURLToPath(new URL('../../../bench/results/', import.meta.url));

const { values } = parseArgs({
  options: {
    peers: { type: 'string', default: '' },
    workloads: { type: 'string', default: 'put,get,txn2' },
    clients: { type: 'string', default: '1,64,256,1000' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    warmup: { type: 'string', default: '10' },
  },
});

const systems: System[] = [RINGKV];
for (const name of listed(values.peers)) {
  const peer = PEERS[name];
  if (peer === undefined) throw new Error(`no peer ${name}: there are etcd and redis`);
  await installPeer(name);
  systems.push(peer);
}
const workloads = listed(values.workloads);
for (const name of workloads) {
  if (WORKLOADS[name] !== undefined) continue;
  throw new Error(`no workload ${name}: there are ${Object.keys(WORKLOADS).join(', ')}`);
}
const clients = listed(values.clients).map(Number);
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const warmupSeconds = Number(values.warmup);

for (const { name, durability } of systems) console.log(`${name}: ${durability}`);
const results: Result[] = [];
for (let round = 1; round <= rounds; round++) {
  for (const system of systems) results.push(...(await measure(system, round)));
}
const rows = rowsOf(results);
console.log(`\n${tableOf(rows)}`);
mkdirSync(RESULTS, { recursive: true });
writeFileSync(join(RESULTS, 'latest.json'), `${JSON.stringify(results, undefined, 1)}\n`);
writeFileSync(join(RESULTS, 'latest.svg'), pictureOf(rows));

/** All of one round. Only this system runs meanwhile. */
async function measure(system: System, round: number): Promise<Result[]> {
  const running = await system.start();
  const measured: Result[] = [];
  try {
    for (const workload of workloads.filter((name) => system.workloads.has(name))) {
      for (const [at, callers] of clients.entries()) {
        // The first run of a workload also warms its code up.
        const order = { workload, callers, seconds, warmupSeconds: at === 0 ? warmupSeconds : 2 };
        const seen = await running.run(order);
        const result = resultOf({ system: system.name, workload, callers, round }, seen);
        measured.push(result);
        console.log(
          `round ${round}, ${system.name}, ${workload}, ${callers} clients: ` +
            `${Math.round(result.operationsPerSecond)}/s, p50 ${result.p50Ms.toFixed(2)} ms, ` +
            `p99 ${result.p99Ms.toFixed(2)} ms, ${Math.round(result.cpuMicrosPerOperation)} µs ` +
            `of processor each; load average ${loadavg()[0]?.toFixed(1)}`,
        );
      }
    }
  } finally {
    await running.end();
  }
  return measured;
}

function listed(text: string): readonly string[] {
  return text.split(',').filter((word) => word !== '');
}
