/** Scans in transactions against plain maps: what they show, and what they validate. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../src/base/random.ts';
import type { WithValues } from '../../src/client/scanning.ts';
import type { Transaction, TransactionScanOptions } from '../../src/client/transaction.ts';
import { byEffort } from '../support/effort.ts';
import { clusterOf, connectLocally } from './model/local.ts';

const ROUNDS = byEffort({ full: 40, brief: 8 });

type Truth = Map<string, unknown>;

/** Some of two hundred keys. */
function keyFrom(random: Random): string {
  return `k${String(random.below(200)).padStart(3, '0')}`;
}

function optionsFrom(random: Random): WithValues<TransactionScanOptions> {
  const [from = '', to = ''] = [keyFrom(random), keyFrom(random)].sort();
  return {
    ...random.pick([{ from, to }, { from, to }, { prefix: 'k' }, {}]),
    ...(random.chance(0.5) ? { limit: random.between(1, 12) } : {}),
    reverse: random.chance(0.5),
  };
}

/** What a scan of a map would find. */
function scanOf(truth: Truth, { from, to, limit, reverse }: TransactionScanOptions): unknown[] {
  const inside = [...truth]
    .filter(([key]) => from === undefined || key >= String(from))
    .filter(([key]) => to === undefined || key < String(to))
    .sort(([one], [other]) => (one < other ? -1 : 1));
  return (reverse ? inside.reverse() : inside).slice(0, limit);
}

async function shown(
  tx: Transaction,
  options: WithValues<TransactionScanOptions>,
): Promise<unknown[]> {
  const entries: unknown[] = [];
  for await (const { key, value } of tx.scan(options)) entries.push([key, value]);
  return entries;
}

async function fill(truth: Truth, random: Random) {
  const cluster = clusterOf();
  const { client: kv } = await connectLocally({ timeout: 60_000 }, cluster);
  const { client: rival } = await connectLocally({}, cluster);
  for (let at = 0; at < 90; at++) truth.set(keyFrom(random), at);
  await Promise.all([...truth].map(([key, value]) => kv.set(key, value)));
  const close = async () => {
    await Promise.all([kv.close(), rival.close()]);
  };
  return { kv, rival, close };
}

test('a transaction sees what a map with its writes would show', async () => {
  const random = new Random(7);
  const stored: Truth = new Map();
  const { kv, close } = await fill(stored, random);
  for (let round = 0; round < ROUNDS; round++) {
    const truth = new Map(stored);
    await kv.transaction(async (tx) => {
      for (let step = random.between(1, 30); step > 0; step--) {
        const key = keyFrom(random);
        const chance = random.below(10);
        if (chance < 4) {
          tx.set(key, step);
          truth.set(key, step);
        } else if (chance < 7) {
          tx.delete(key);
          truth.delete(key);
        } else if (chance < 8) {
          equal((await tx.get(key))?.value, truth.get(key));
        } else {
          const options = optionsFrom(random);
          deepEqual(await shown(tx, options), scanOf(truth, options), JSON.stringify(options));
        }
      }
    });
    stored.clear();
    for await (const { key, value } of kv.scan()) stored.set(key as string, value);
    deepEqual(
      [...stored],
      [...truth].sort(([one], [other]) => (one < other ? -1 : 1)),
    );
  }
  await close();
});

test('a scan validates exactly what it has shown', async () => {
  const random = new Random(8);
  const truth: Truth = new Map();
  const { kv, rival, close } = await fill(truth, random);
  for (let round = 0; round < 3 * ROUNDS; round++) {
    const options = optionsFrom(random);
    const { from = '', to = '~', reverse } = options;
    const written = keyFrom(random);
    const leavesAfter = random.chance(0.5) ? random.between(1, 12) : Number.POSITIVE_INFINITY;
    let isBound = false;
    let runs = 0;
    await kv.transaction(async (tx) => {
      runs += 1;
      let last: string | undefined;
      let count = 0;
      for await (const { key } of tx.scan(options)) {
        last = key as string;
        count += 1;
        if (count >= leavesAfter) break;
      }
      if (runs > 1) return;
      const isWhole = count < Math.min(options.limit ?? 1000, leavesAfter);
      const isSeen = last !== undefined && (reverse ? written >= last : written <= last);
      isBound = written >= String(from) && written < String(to) && (isWhole || isSeen);
      if (random.chance(0.5)) await rival.set(written, round);
      else if (!(await rival.delete(written)).ok || !truth.has(written)) isBound = false;
      // The write depends on what was seen.
      tx.set('other', round);
    });
    equal(runs, isBound ? 2 : 1, `${written} in ${JSON.stringify(options)}, ${leavesAfter}`);
    truth.clear();
    for await (const { key, value } of kv.scan({ prefix: 'k' })) truth.set(key as string, value);
  }
  await close();
});
