/**
 * What encryption at rest costs a put of an embedded store, checkpoints included: a plain and an
 * encrypted store in one process, in turns.
 */

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bytes, type Client, open } from '../../src/index.ts';
import { median } from './loop.ts';
import { pause } from './three-nodes.ts';

const KEYS = 20_000;
const CALLERS = 256;
const PUTS = Number(process.env.PUTS ?? 40_000);
/** Checkpoints of what was written are over by then. */
const SETTLE_MILLISECONDS = 3000;
const ROUNDS = Number(process.env.ROUNDS ?? 10);
/** Both stores are written in these, and nothing is counted: the code is compiled meanwhile. */
const WARM_ROUNDS = 2;

export async function measureSealedStore(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'ringkv-bench-'));
  process.env.RINGKV_BENCH_KEY = randomBytes(32).toString('hex');
  const encryption = { keyEnv: 'RINGKV_BENCH_KEY' };
  const plain = await open(join(folder, 'plain'), { codec: bytes });
  const sealed = await open(join(folder, 'sealed'), { codec: bytes, encryption });
  const costs: [number[], number[]] = [[], []];
  for (let round = 0; round < WARM_ROUNDS + ROUNDS; round++) {
    // Each store is first in half of the rounds.
    for (const at of round % 2 === 0 ? [0, 1] : [1, 0]) {
      const cost = await costOf(at === 0 ? plain : sealed);
      if (round >= WARM_ROUNDS) costs[at]?.push(cost);
    }
  }
  const [one, other] = costs;
  const ratios = other.map((cost, at) => cost / (one[at] ?? 1));
  const range = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
  const told = `${median(one).toFixed(1)} and ${median(other).toFixed(1)} µs a put`;
  console.log(`embedded: ${told}, ratio ${median(ratios).toFixed(3)} (${range})`);
  await plain.close();
  await sealed.close();
  rmSync(folder, { recursive: true });
}

/** Microseconds of processor time a put, of all threads. */
async function costOf(kv: Client): Promise<number> {
  const value = randomBytes(256);
  const before = process.cpuUsage();
  let left = PUTS;
  await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      while (left > 0) {
        left -= 1;
        const key = Math.floor(Math.random() * KEYS);
        await kv.set(`key-${String(key).padStart(12, '0')}`, value);
      }
    }),
  );
  await pause(SETTLE_MILLISECONDS);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / PUTS;
}
