/**
 * What encryption at rest costs a put of an embedded store, checkpoints included: two plain stores
 * and an encrypted one, each in a process of its own, at the same time, so that what else runs on
 * the machine slows all of them alike. The second plain one shows how far ratios can be trusted.
 * `BEFORE` names another checkout, built, whose encrypted store takes part, too.
 */

import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { median } from './loop.ts';

const PUTS = Number(process.env.PUTS ?? 15_000);
const ROUNDS = Number(process.env.ROUNDS ?? 14);
/** Nothing is counted in these: the code is compiled meanwhile. */
const WARM_ROUNDS = 3;
const CHILD = fileURLToPath(new URL('store-process.js', import.meta.url));
const CHECKOUT = fileURLToPath(new URL('../../..', import.meta.url));
const KEY_VARIABLE = 'RINGKV_BENCH_KEY';

interface Store {
  readonly name: string;
  readonly child: ChildProcess;
  readonly costs: number[];
}

export async function measureSealedStore(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'ringkv-bench-'));
  process.env[KEY_VARIABLE] = randomBytes(32).toString('hex');
  const start = (name: string, checkout: string, ...key: readonly string[]): Store => {
    return { name, child: fork(CHILD, [checkout, join(folder, name), ...key]), costs: [] };
  };
  const stores = [
    start('plain', CHECKOUT),
    start('plain again', CHECKOUT),
    start('encrypted', CHECKOUT, KEY_VARIABLE),
  ];
  const { BEFORE } = process.env;
  if (BEFORE !== undefined) stores.push(start('encrypted before', BEFORE, KEY_VARIABLE));
  await Promise.all(stores.map(({ child }) => answerOf(child)));
  for (let round = 0; round < WARM_ROUNDS + ROUNDS; round++) {
    const costs = await Promise.all(stores.map(({ child }) => ask(child, PUTS)));
    if (round >= WARM_ROUNDS)
      for (const [at, cost] of costs.entries()) stores[at]?.costs.push(cost);
  }
  // Of both plain stores in the same round: that halves what chance adds.
  const [one, other] = stores.map(({ costs }) => costs);
  const plain = (one ?? []).map((cost, at) => (cost + (other?.[at] ?? cost)) / 2);
  for (const store of stores) tell(store, plain);
  await Promise.all(stores.map(({ child }) => ask(child, 0)));
  rmSync(folder, { recursive: true });
}

function tell({ name, costs }: Store, plain: readonly number[]): void {
  const ratios = costs.map((cost, at) => cost / (plain[at] ?? 1)).sort((one, other) => one - other);
  const quartile = (share: number) => (ratios[Math.floor(ratios.length * share)] ?? 0).toFixed(2);
  const told = `${median(costs).toFixed(1)} µs a put, ratio ${median(ratios).toFixed(3)}`;
  console.log(`${name.padEnd(18)} ${told} (quartiles ${quartile(0.25)} and ${quartile(0.75)})`);
}

function ask(child: ChildProcess, puts: number): Promise<number> {
  const answer = answerOf(child);
  child.send(puts);
  return answer;
}

function answerOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null) => reject(new Error(`a store ended with ${code}`));
    child.once('exit', ended);
    child.once('message', (cost) => {
      child.off('exit', ended);
      resolve(Number(cost));
    });
  });
}
