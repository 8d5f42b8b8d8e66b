/**
 * The cost of transactions over several shards, next to single writes in one run: latency of one
 * caller, throughput of many with and without contention, and fairness if all want the same keys.
 */

import { bytes, type Client, connect } from '../../src/index.ts';
import { keyNumbered, keysApart, zipfian } from './keys.ts';
import { median, quantile, rateOf, run, type Times, tell } from './loop.ts';
import { startThreeNodes } from './three-nodes.ts';

const SHARDS = 16;
const ACCOUNTS = 100_000;
const SKEW = 0.99;
const ROUNDS = 5;
const ROUND_SECONDS = 1.5;
const SECONDS = 5;
const CALLERS = 64;
const RIVALS = 200;
const VALUE = new Uint8Array(256).fill(7);

export async function measureTransactions(): Promise<void> {
  const cluster = await startThreeNodes(SHARDS);
  const kv = await connect(cluster.urls, { codec: bytes });
  await measureLatency(kv);
  await measureManyKeys(kv);
  await measureThroughput(kv);
  await measureContention(cluster.urls);
  await kv.close();
  await cluster.end();
}

/** In turns, so that other work of the machine affects all alike. */
async function measureLatency(kv: Client): Promise<void> {
  const shapes = [
    { name: 'put', work: () => kv.set(apartAtRandom(1)[0] ?? '', VALUE) },
    { name: 'atomic over 2 shards', work: () => setAll(kv, apartAtRandom(2)) },
    { name: 'atomic over 3 shards', work: () => setAll(kv, apartAtRandom(3)) },
    { name: 'the same, 1 check elsewhere', work: () => setAndCheck(kv, apartAtRandom(3)) },
    { name: 'snapshot over 3 shards', work: () => kv.snapshot(apartAtRandom(3)) },
  ];
  const medians = shapes.map((): number[] => []);
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [at, { work }] of shapes.entries()) {
      const measured = await run({ callers: 1, seconds: ROUND_SECONDS, work });
      // The first round warms up.
      if (round > 0) medians[at]?.push(quantile(measured, 0.5));
    }
  }
  const put = median(medians[0] ?? []);
  for (const [at, { name }] of shapes.entries()) {
    const p50 = median(medians[at] ?? []);
    const ratio = (p50 / put).toFixed(2);
    console.log(`1 caller, ${name.padEnd(28)} p50 ${p50.toFixed(2)} ms, ${ratio} puts`);
  }
}

/** A thousand keys over all shards, in turns: a batch, one call for each key, and a snapshot. */
async function measureManyKeys(kv: Client): Promise<void> {
  const keys = Array.from({ length: 1000 }, (_, at) => keyNumbered(at));
  await Promise.all(keys.map((key) => kv.set(key, VALUE)));
  const shapes = [
    { name: 'Promise.all(get)', work: () => Promise.all(keys.map((key) => kv.get(key))) },
    { name: 'getMany', work: () => kv.getMany(keys) },
    { name: 'snapshot', work: () => kv.snapshot(keys) },
  ];
  const medians = shapes.map((): number[] => []);
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [at, { work }] of shapes.entries()) {
      const measured = await run({ callers: 1, seconds: ROUND_SECONDS, work });
      if (round > 0) medians[at]?.push(quantile(measured, 0.5));
    }
  }
  const single = median(medians[0] ?? []);
  for (const [at, { name }] of shapes.entries()) {
    const p50 = median(medians[at] ?? []);
    const ratio = (p50 / single).toFixed(2);
    console.log(
      `1000 keys, ${name.padEnd(17)} p50 ${p50.toFixed(2)} ms, ${ratio} Promise.all(get)`,
    );
  }
}

async function measureThroughput(kv: Client): Promise<void> {
  const zipf = zipfian(ACCOUNTS, SKEW);
  const uniform = () => Math.floor(Math.random() * ACCOUNTS);
  const shapes = [
    { name: 'put', work: () => kv.set(apartAtRandom(1)[0] ?? '', VALUE) },
    { name: 'atomic over 2 shards', work: () => setAll(kv, apartAtRandom(2)) },
    { name: 'transfer, uniform', work: () => transfer(kv, keysApart(2, SHARDS, uniform)) },
    { name: `transfer, zipf ${SKEW}`, work: () => transfer(kv, keysApart(2, SHARDS, zipf)) },
  ];
  for (const { name, work } of shapes) {
    const rounds: Times[] = [];
    for (let round = 0; round < 3; round++) {
      rounds.push(await run({ callers: CALLERS, seconds: SECONDS, work }));
    }
    rounds.sort((one, other) => rateOf(one) - rateOf(other));
    tell(`${CALLERS} callers, ${name}`, rounds[1] as Times);
  }
}

/** All callers read and write the same three keys: the result shows which of them commit. */
async function measureContention(urls: readonly string[]): Promise<void> {
  const keys = apartAtRandom(3);
  const rivals = await Promise.all(
    Array.from({ length: RIVALS }, () => connect(urls, { codec: bytes, timeout: 60_000 })),
  );
  const attempts: number[] = [];
  const done = rivals.map(() => 0);
  let failed = 0;
  const work = async (caller: number) => {
    let tries = 0;
    const one = rivals[caller] as Client;
    try {
      await one.transaction(
        async (tx) => {
          tries += 1;
          await tx.getMany(keys);
          for (const key of keys) tx.set(key, VALUE);
        },
        { attempts: 1024 },
      );
      done[caller] = (done[caller] ?? 0) + 1;
    } catch {
      failed += 1;
    }
    attempts.push(tries);
  };
  const measured = await run({ callers: RIVALS, seconds: 3 * SECONDS, work });
  tell(`${RIVALS} clients on 3 keys`, measured);
  const [least, most] = [Math.min(...done), Math.max(...done)];
  console.log(
    `  attempts: median ${median(attempts)}, at most ${Math.max(...attempts)}; failed ${failed}`,
  );
  console.log(`  done by a client: least ${least}, median ${median(done)}, most ${most}`);
  await Promise.all(rivals.map((one) => one.close()));
}

function setAll(kv: Client, keys: readonly string[]): Promise<unknown> {
  const atomic = kv.atomic();
  for (const key of keys) atomic.set(key, VALUE);
  return atomic.commit();
}

/** One key is only checked: that it does not exist. */
function setAndCheck(kv: Client, [first = '', second = '', third = '']: readonly string[]) {
  const check = { key: `absent-${third}`, version: 0 };
  return kv.atomic().set(first, VALUE).set(second, VALUE).check(check).commit();
}

async function transfer(kv: Client, keys: readonly string[]): Promise<void> {
  await kv.transaction(async (tx) => {
    await tx.getMany(keys);
    for (const key of keys) tx.set(key, VALUE);
  });
}

/** That many keys, no two in one shard. */
function apartAtRandom(count: number): readonly string[] {
  return keysApart(count, SHARDS, () => Math.floor(Math.random() * ACCOUNTS));
}
