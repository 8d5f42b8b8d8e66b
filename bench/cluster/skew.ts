/**
 * How the policies of balancing stale reads compare when one node of three is slow: it is stopped
 * and continued by signals, so that it runs half of the time.
 */

import { type Balance, connect } from '../../src/index.ts';
import { startThreeNodes } from './three-nodes.ts';

const WAYS = ['round-robin', 'weighted', 'least-loaded'] as const satisfies readonly Balance[];
const SHARDS = 16;
const KEYS = 1000;
const CALLERS = 64;
const SECONDS = 4;
const HALF_MILLISECONDS = 25;
const YOUNG = { stale: { maxMs: 5000 } } as const;

export async function measureSkew(): Promise<void> {
  const cluster = await startThreeNodes(SHARDS);
  const seed = await connect(cluster.urls);
  for (let at = 0; at < KEYS; at++) await seed.set(`key-${at}`, at);
  await seed.close();
  const slow = cluster.pids[2] ?? 0;
  let isStopped = false;
  const timer = setInterval(() => {
    isStopped = !isStopped;
    process.kill(slow, isStopped ? 'SIGSTOP' : 'SIGCONT');
  }, HALF_MILLISECONDS);
  for (const balance of WAYS) await measure(cluster.urls, balance);
  clearInterval(timer);
  process.kill(slow, 'SIGCONT');
  await cluster.end();
}

async function measure(urls: readonly string[], balance: Balance): Promise<void> {
  const kv = await connect(urls, { balance });
  const times: number[] = [];
  const until = performance.now() + SECONDS * 1000;
  await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      while (performance.now() < until) {
        const at = performance.now();
        await kv.get(`key-${Math.floor(Math.random() * KEYS)}`, { read: YOUNG });
        times.push(performance.now() - at);
      }
    }),
  );
  await kv.close();
  times.sort((one, other) => one - other);
  const at = (share: number) => (times[Math.floor(times.length * share)] ?? 0).toFixed(1);
  const rate = Math.round(times.length / SECONDS);
  console.log(`${String(balance).padEnd(13)} ${rate}/s, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`);
}
