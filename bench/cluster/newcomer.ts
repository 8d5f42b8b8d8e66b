/**
 * How fast an empty node is fed by snapshots: one node with rows, another one joins.
 * `node build/bench/cluster/main.js newcomer`, with ROWS, BYTES and SHARDS in the environment.
 */

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { askInfo } from '../../src/admin.ts';
import { RAFT_LIMITS } from '../../src/base/limits.ts';
import { bytes, connect } from '../../src/index.ts';
import { firstLine, NODE, pause, processorTimeOf } from './three-nodes.ts';

const ROWS = Number(process.env.ROWS ?? 400_000);
const VALUE_BYTES = Number(process.env.BYTES ?? 100);
const SHARDS = Number(process.env.SHARDS ?? 1);
const BATCH = 2000;
const ENTRIES = (RAFT_LIMITS.tailEntries + 100) * SHARDS;
/** It has a voter on one node of two. */
const CATALOG = 0;
/** Checkpoints are every two seconds, and the last rows should be in one. */
const SETTLE_MILLISECONDS = 6000;
const LOOK_MILLISECONDS = 20;
const PUT_MILLISECONDS = 10;

interface Replica {
  readonly shard: number;
  readonly applied: number;
}

export async function measureNewcomer(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'ringkv-newcomer-'));
  const first = spawn(process.execPath, [NODE, join(folder, 'n1'), '0', `${SHARDS}`]);
  const url = await firstLine(first);
  const kv = await connect([url], { codec: bytes });
  const value = new Uint8Array(VALUE_BYTES).fill(7);
  for (let at = 0; at < ROWS; at += BATCH) {
    const keys = Array.from({ length: Math.min(BATCH, ROWS - at) }, (_, more) => keyOf(at + more));
    await Promise.all(keys.map((key) => kv.set(key, value, { timeout: 60_000 })));
  }
  // Entries enough that the log drops those that wrote the rows.
  for (let at = 0; at < ENTRIES; at++) await kv.set(keyOf(at), value);
  await pause(SETTLE_MILLISECONDS);
  const wanted = await appliedAt(url);
  wanted.delete(CATALOG);
  const putTimes: number[] = [];
  let isOver = false;
  const putting = (async () => {
    while (!isOver) {
      const at = performance.now();
      await kv.set(keyOf(0), value);
      putTimes.push(performance.now() - at);
      await pause(PUT_MILLISECONDS);
    }
  })();
  const second = spawn(process.execPath, [NODE, join(folder, 'n2'), '0', '0', url]);
  const secondUrl = await firstLine(second);
  const pids = [first.pid ?? 0, second.pid ?? 0];
  let began = 0;
  let processor = [0, 0];
  for (;;) {
    const applied = await appliedAt(secondUrl);
    // The clock runs from the first replica that is created there.
    if (began === 0 && applied.size > 0) {
      began = performance.now();
      processor = pids.map(processorTimeOf);
    }
    if ([...wanted].every(([shard, index]) => (applied.get(shard) ?? 0) >= index)) break;
    await pause(LOOK_MILLISECONDS);
  }
  const milliseconds = performance.now() - began;
  const used = pids.map((pid, at) => processorTimeOf(pid) - (processor[at] ?? 0));
  isOver = true;
  await putting;
  putTimes.sort((one, other) => one - other);
  const rate = Math.round((ROWS / milliseconds) * 1000);
  const perRow = used.map((time) => ((time * 1000) / ROWS).toFixed(1)).join(' and ');
  console.log(`${ROWS} rows of ${VALUE_BYTES} bytes, ${SHARDS} shards: ${rate} rows/s`);
  console.log(`  processor time of sender and receiver, per row: ${perRow} µs`);
  const quantile = (share: number) =>
    (putTimes[Math.floor(putTimes.length * share)] ?? 0).toFixed(1);
  console.log(`  a put meanwhile, p50 ${quantile(0.5)} ms, p99 ${quantile(0.99)} ms`);
  await kv.close();
  for (const child of [first, second]) {
    child.kill('SIGTERM');
    await new Promise((end) => child.once('exit', end));
  }
  rmSync(folder, { recursive: true });
}

function keyOf(number: number): string {
  return `key-${String(number).padStart(12, '0')}`;
}

async function appliedAt(url: string): Promise<Map<number, number>> {
  const { replicas } = JSON.parse(await askInfo(url)) as { readonly replicas: readonly Replica[] };
  return new Map(replicas.map(({ shard, applied }) => [shard, applied]));
}
