/**
 * What three nodes and one client make of this machine: `node build/bench/cluster/main.js`.
 *
 * Closed loops in one client process, durable on a majority, linearizable reads, keys of 16 bytes,
 * values of 256, 100 000 keys. All four processes share the machine, so a figure says little
 * without the load average beside it.
 */

import { loadavg } from 'node:os';
import { bytes, type Client, connect } from '../../src/index.ts';
import { measureSkew } from './skew.ts';
import { pause, startThreeNodes } from './three-nodes.ts';

const KEYS = 100_000;
const SECONDS = 5;
const IDLE_SHARDS = 256;
const SETTLE_MILLISECONDS = 15_000;
const IDLE_MILLISECONDS = 10_000;
const SHARDS = 16;
const CALLERS = [1, 64, 256, 1000];

console.log(`load average ${loadavg()[0]?.toFixed(1)}`);
await measureIdle();
await measureLoad();
await measureSkew();

async function measureIdle(): Promise<void> {
  const cluster = await startThreeNodes(IDLE_SHARDS);
  // What forming a cluster leaves to tidy up is not idleness.
  await pause(SETTLE_MILLISECONDS);
  const before = cluster.processorTimes();
  await pause(IDLE_MILLISECONDS);
  const shares = cluster
    .processorTimes()
    .map((time, at) => ((time - (before[at] ?? 0)) / IDLE_MILLISECONDS) * 100);
  const told = shares.map((share) => `${share.toFixed(1)} %`).join(', ');
  console.log(`${IDLE_SHARDS} idle shards, of a core for each node: ${told}`);
  await cluster.end();
}

async function measureLoad(): Promise<void> {
  const cluster = await startThreeNodes(SHARDS);
  const kv = await connect(cluster.urls, { codec: bytes });
  const value = new Uint8Array(256).fill(7);
  await run({ kv, callers: 64, work: () => kv.set(anyKey(), value) });
  for (const callers of CALLERS) {
    tell(
      `put, ${callers} callers`,
      await run({ kv, callers, work: () => kv.set(anyKey(), value) }),
    );
  }
  for (const callers of CALLERS) {
    tell(`get, ${callers} callers`, await run({ kv, callers, work: () => kv.get(anyKey()) }));
  }
  await kv.close();
  await cluster.end();
}

function anyKey(): string {
  return `key-${String(Math.floor(Math.random() * KEYS)).padStart(12, '0')}`;
}

interface Loop {
  readonly kv: Client;
  readonly callers: number;
  readonly work: () => Promise<unknown>;
}

/** Milliseconds of each call, in rising order, and how long all took. */
async function run({ callers, work }: Loop): Promise<{ times: number[]; seconds: number }> {
  const times: number[] = [];
  const began = performance.now();
  const until = began + SECONDS * 1000;
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (performance.now() < until) {
        const at = performance.now();
        await work();
        times.push(performance.now() - at);
      }
    }),
  );
  times.sort((one, other) => one - other);
  return { times, seconds: (performance.now() - began) / 1000 };
}

function tell(name: string, { times, seconds }: { times: number[]; seconds: number }): void {
  const at = (share: number) => (times[Math.floor(times.length * share)] ?? 0).toFixed(2);
  const rate = Math.round(times.length / seconds);
  console.log(`${name.padEnd(20)} ${rate}/s, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`);
}
