/**
 * Three nodes and one client on this machine: `node build/bench/cluster/main.js`, optionally with
 * the names of the parts to run.
 *
 * Closed loops in one client process, durable on a majority, linearizable reads, keys of 16 bytes,
 * values of 256, 100 000 keys. All four processes share the machine, so a figure says little
 * without the load average beside it.
 */

import { loadavg } from 'node:os';
import { bytes, connect } from '../../src/index.ts';
import { measureAudit } from './audit.ts';
import { measureEncryption } from './encryption.ts';
import { measureEvents } from './events.ts';
import { measureLocks } from './locks.ts';
import { run, tell } from './loop.ts';
import { measureNewcomer } from './newcomer.ts';
import { measureSealedStore } from './sealed-store.ts';
import { measureSkew } from './skew.ts';
import { pause, startThreeNodes } from './three-nodes.ts';
import { measureTransactions } from './transactions.ts';
import { measureWatches } from './watches.ts';

const KEYS = 100_000;
const SECONDS = 5;
const IDLE_SHARDS = 256;
const SETTLE_MILLISECONDS = 15_000;
const IDLE_MILLISECONDS = 10_000;
const SHARDS = 16;
const CALLERS = [1, 64, 256, 1000];

console.log(`load average ${loadavg()[0]?.toFixed(1)}`);
const PARTS: Readonly<Record<string, () => Promise<void>>> = {
  idle: measureIdle,
  load: measureLoad,
  skew: measureSkew,
  transactions: measureTransactions,
  newcomer: measureNewcomer,
  locks: measureLocks,
  watches: measureWatches,
  events: measureEvents,
  encryption: measureEncryption,
  'encryption-embedded': measureSealedStore,
  audit: measureAudit,
};
const named = process.argv.slice(2);
for (const name of named.length > 0 ? named : Object.keys(PARTS)) await PARTS[name]?.();

async function measureIdle(): Promise<void> {
  const cluster = await startThreeNodes(IDLE_SHARDS);
  // Clean-up work after the founding of a cluster is not idleness.
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
  const put = () => kv.set(anyKey(), value);
  const get = () => kv.get(anyKey());
  await run({ callers: 64, seconds: SECONDS, work: put });
  for (const callers of CALLERS) {
    tell(`put, ${callers} callers`, await run({ callers, seconds: SECONDS, work: put }));
  }
  for (const callers of CALLERS) {
    tell(`get, ${callers} callers`, await run({ callers, seconds: SECONDS, work: get }));
  }
  await kv.close();
  await cluster.end();
}

function anyKey(): string {
  return `key-${String(Math.floor(Math.random() * KEYS)).padStart(12, '0')}`;
}
