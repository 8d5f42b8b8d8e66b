/** What encryption at rest costs a put, checkpoints included, in turns with plain clusters. */

import { randomBytes } from 'node:crypto';
import { bytes, connect } from '../../src/index.ts';
import { median, run } from './loop.ts';
import { pause, startThreeNodes, type ThreeNodes } from './three-nodes.ts';

const KEYS = 100_000;
const SHARDS = 16;
const CALLERS = 256;
const SECONDS = 6;
/** Checkpoints of what was written are over by then. */
const SETTLE_MILLISECONDS = 6000;
const ROUNDS = Number(process.env.ROUNDS ?? 4);

interface Costs {
  /** Microseconds of all three nodes, and of the client. */
  readonly nodes: number;
  readonly client: number;
}

export async function measureEncryption(): Promise<void> {
  const plain = await startThreeNodes(SHARDS);
  process.env.RINGKV_BENCH_KEY = randomBytes(32).toString('hex');
  const sealed = await startThreeNodes(SHARDS);
  const costs: [Costs[], Costs[]] = [[], []];
  // The first round fills the keys and warms up.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [at, cluster] of [plain, sealed].entries()) {
      const cost = await costsOf(cluster);
      if (round > 0) costs[at]?.push(cost);
    }
  }
  for (const part of ['nodes', 'client'] as const) {
    const [one, other] = costs.map((list) => list.map((each) => each[part]));
    const ratios = (other ?? []).map((cost, at) => cost / (one?.[at] ?? 1));
    const [low, high] = [Math.min(...ratios), Math.max(...ratios)];
    const told = [one, other].map((list) => median(list ?? []).toFixed(1)).join(' and ');
    const range = `${low.toFixed(2)} to ${high.toFixed(2)}`;
    console.log(`${part}: ${told} µs a put, ratio ${median(ratios).toFixed(3)} (${range})`);
  }
  await plain.end();
  await sealed.end();
}

async function costsOf(cluster: ThreeNodes): Promise<Costs> {
  const kv = await connect(cluster.urls, { codec: bytes });
  const value = randomBytes(256);
  const key = () => `key-${String(Math.floor(Math.random() * KEYS)).padStart(12, '0')}`;
  const before = sum(cluster.processorTimes());
  const own = process.cpuUsage();
  const { times } = await run({
    callers: CALLERS,
    seconds: SECONDS,
    work: () => kv.set(key(), value),
  });
  await pause(SETTLE_MILLISECONDS);
  const { user, system } = process.cpuUsage(own);
  const nodes = ((sum(cluster.processorTimes()) - before) * 1000) / times.length;
  await kv.close();
  return { nodes, client: (user + system) / times.length };
}

function sum(times: readonly number[]): number {
  return times.reduce((all, one) => all + one, 0);
}
