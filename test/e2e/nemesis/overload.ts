/**
 * A cluster under three times the load that it can serve, from ten times as many clients: how much
 * it still serves, how much memory it takes, and whether it elects leaders.
 *
 *   node build/test/e2e/nemesis/overload.js [--seconds=20]
 */

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { pause } from './cluster.ts';
import { type Enclosed, runEnclosed } from './enclosure.ts';
import type { Host } from './host.ts';
import type { LoadInstructions, LoadResult } from './load-client.ts';
import { Site } from './site.ts';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '20' }, enclosed: { type: 'string' } },
});

const SHARDS = 16;
const CLIENT = fileURLToPath(new URL('./load-client.js', import.meta.url));
const CLIENTS = 8;
const CALLERS = [64, 256, 1000, 4000];
const PROCESSES = 2;
const GOODPUT_MIN = 0.7;
const MEMORY_MIB_MAX = 1024;
const LOOK_MILLISECONDS = 200;

async function load(instructions: LoadInstructions): Promise<LoadResult> {
  // The load must not take the processors from the nodes.
  const words = ['-n', '10', process.execPath, CLIENT, JSON.stringify(instructions)];
  const child = spawn('nice', words, { stdio: ['ignore', 'pipe', 'inherit'] });
  let told = '';
  child.stdout.on('data', (piece) => {
    told += String(piece);
  });
  await once(child, 'close');
  return JSON.parse(told) as LoadResult;
}

async function loadTogether(instructions: LoadInstructions): Promise<readonly LoadResult[]> {
  return await Promise.all(Array.from({ length: PROCESSES }, () => load(instructions)));
}

function perSecond(results: readonly LoadResult[]): number {
  return results.reduce((sum, { acknowledged, milliseconds }) => {
    return sum + acknowledged / (milliseconds / 1000);
  }, 0);
}

function memoryOf({ pid }: Host): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(status.match(/VmRSS:\s+(\d+)/)?.[1] ?? 0) / 1024;
}

function electionsIn(hosts: readonly Host[]): number {
  return hosts.reduce((sum, { logFile }) => {
    return sum + (readFileSync(logFile, 'utf8').match(/"became-leader"/g) ?? []).length;
  }, 0);
}

async function overload({ folder, ground }: Enclosed): Promise<number> {
  const seconds = Number(values.seconds);
  const site = await Site.open({
    folder: join(folder, 'overload'),
    ground: { ...ground, shim: undefined },
    nodes: 3,
    shards: SHARDS,
    clientPlaces: [],
    onEnd: (host, text) => console.log(`${host.name} ended by itself: ${text}`),
  });
  try {
    return await measure(site, seconds);
  } finally {
    await site.close();
  }
}

async function measure({ cluster }: Site, seconds: number): Promise<number> {
  const { urls, hosts } = cluster;
  let peak = 0;
  for (const callers of CALLERS) {
    const each = { urls, clients: CLIENTS / PROCESSES, seconds: seconds / 2 };
    const rate = perSecond(await loadTogether({ ...each, callers: callers / PROCESSES }));
    console.log(
      `${callers} callers of ${CLIENTS} clients, closed loop: ${Math.round(rate)} puts/s`,
    );
    peak = Math.max(peak, rate);
  }
  // Leadership may still be moving to the preferred nodes.
  await pause(3000);
  const before = electionsIn(hosts);
  let memory = 0;
  const timer = setInterval(() => {
    memory = Math.max(memory, ...hosts.map(memoryOf));
  }, LOOK_MILLISECONDS);
  const clients = (10 * CLIENTS) / PROCESSES;
  const results = await loadTogether({ urls, clients, seconds, rate: (3 * peak) / PROCESSES });
  clearInterval(timer);
  const elections = electionsIn(hosts) - before;
  const goodput = perSecond(results);
  const ratio = goodput / peak;
  const asked = `${Math.round(3 * peak)} puts/s are asked for by ${10 * CLIENTS} clients`;
  console.log(`${asked}: ${Math.round(goodput)} puts/s are done, ${Math.round(ratio * 100)} %`);
  for (const { errors, unmade } of results) {
    console.log(`  told: ${JSON.stringify(errors)}; not even asked: ${unmade}`);
  }
  console.log(`the largest node took ${Math.round(memory)} MiB; elections: ${elections}`);
  const status = execFileSync('uptime', { encoding: 'utf8' }).trim();
  console.log(`machine: ${status}`);
  const isSound = ratio >= GOODPUT_MIN && elections === 0 && memory <= MEMORY_MIB_MAX;
  console.log(isSound ? 'sound' : 'NOT SOUND');
  return isSound ? 0 : 1;
}

await runEnclosed({
  url: import.meta.url,
  words: [`--seconds=${values.seconds}`],
  enclosed: values.enclosed,
  run: overload,
});
