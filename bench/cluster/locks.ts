/**
 * Locks and leases beside etcd's locks and the usual lock of Redis, in turns: the time of taking
 * and giving back a free lock, how fast a contended one changes hands, and what leases cost while
 * nothing else happens.
 */

import { type Client, connect, type Lease } from '../../src/index.ts';
import { EtcdClient, startEtcd } from '../peers/etcd.ts';
import { RedisClient, startRedis } from '../peers/redis.ts';
import { keyNumbered } from './keys.ts';
import { median, quantile, rateOf, run } from './loop.ts';
import { pause, processorTimeOf, startThreeNodes } from './three-nodes.ts';

const SHARDS = 16;
const ROUNDS = 5;
const ROUND_SECONDS = 2;
const RIVALS = 100;
const LEASES = 10_000;
const LEASE_SECONDS = 15;
const KEEP_MILLISECONDS = 30_000;
const VALUE = new Uint8Array(256).fill(7);
/** Deletes the key only for its owner, as Redis' documentation advises. */
const UNLOCK = "if redis.call('get',KEYS[1]) == ARGV[1] then return redis.call('del',KEYS[1]) end";

interface Shape {
  readonly name: string;
  readonly work: (caller: number) => Promise<unknown>;
}

export async function measureLocks(): Promise<void> {
  const cluster = await startThreeNodes(SHARDS);
  const etcdNodes = await startEtcd();
  const redisServer = await startRedis();
  const kv = await connect(cluster.urls);
  const etcd = new EtcdClient(etcdNodes.ports[0] ?? 0);
  const redis = new RedisClient(redisServer.port);
  // One lease for all locks of a client, as all three would be used.
  const lease = await etcd.grantLease(600);
  await measureFree([
    { name: 'put', work: () => kv.set(anyKey(), VALUE) },
    { name: 'lock and release', work: () => takeAndRelease(kv, anyKey()) },
    { name: 'etcd put', work: () => etcd.put(anyKey(), VALUE) },
    {
      name: 'etcd lock and unlock',
      work: async () => etcd.unlock(await etcd.lock(anyKey(), lease)),
    },
    { name: 'Redis SET NX PX, compare and delete', work: () => takeInRedis(redis, anyKey()) },
  ]);
  const leases = await Promise.all(Array.from({ length: RIVALS }, () => etcd.grantLease(600)));
  await measureContended([
    { name: 'lock and release', work: () => takeAndRelease(kv, 'contended') },
    {
      name: 'etcd lock and unlock',
      work: async (caller) => {
        return etcd.unlock(await etcd.lock('contended', leases[caller] ?? 0n));
      },
    },
  ]);
  redis.close();
  etcd.close();
  await redisServer.end();
  await etcdNodes.end();
  await measureLeases(kv, cluster.pids);
  await kv.close();
  await cluster.end();
}

async function takeAndRelease(kv: Client, name: string): Promise<void> {
  const lock = await kv.lock(name, { wait: 60_000 });
  await lock.release();
}

async function takeInRedis(redis: RedisClient, key: string): Promise<void> {
  const owner = String(Math.random());
  await redis.ask('SET', key, owner, 'NX', 'PX', '15000');
  await redis.ask('EVAL', UNLOCK, '1', key, owner);
}

/** One caller. */
async function measureFree(shapes: readonly Shape[]): Promise<void> {
  const medians = shapes.map((): number[] => []);
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [at, { work }] of shapes.entries()) {
      const measured = await run({ callers: 1, seconds: ROUND_SECONDS, work });
      // The first round warms up.
      if (round > 0) medians[at]?.push(quantile(measured, 0.5));
    }
  }
  const [put = 0] = medians.map(median);
  for (const [at, { name }] of shapes.entries()) {
    const p50 = median(medians[at] ?? []);
    console.log(
      `1 caller, ${name.padEnd(36)} p50 ${p50.toFixed(2)} ms, ${(p50 / put).toFixed(2)} puts`,
    );
  }
}

/** All callers want one lock. */
async function measureContended(shapes: readonly Shape[]): Promise<void> {
  const rates = shapes.map((): number[] => []);
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [at, { work }] of shapes.entries()) {
      const measured = await run({ callers: RIVALS, seconds: ROUND_SECONDS, work });
      if (round > 0) rates[at]?.push(rateOf(measured));
    }
  }
  for (const [at, { name }] of shapes.entries()) {
    const rate = median(rates[at] ?? []);
    const each = (1000 / rate).toFixed(2);
    console.log(`${RIVALS} callers, ${name.padEnd(28)} ${Math.round(rate)}/s, ${each} ms each`);
  }
}

/** Leases of one client that hold a key each, over all shards. */
async function measureLeases(kv: Client, pids: readonly number[]): Promise<void> {
  const leases: Lease[] = [];
  for (let from = 0; from < LEASES; from += 1000) {
    await Promise.all(
      Array.from({ length: 1000 }, async (_, at) => {
        const lease = await kv.lease({ ttl: LEASE_SECONDS * 1000 });
        await kv.set(`member-${from + at}`, 1, { lease });
        leases.push(lease);
      }),
    );
  }
  await pause(5000);
  const time = () => [...pids, process.pid].map(processorTimeOf);
  const before = time();
  await pause(KEEP_MILLISECONDS);
  const shares = time().map((spent, at) => ((spent - (before[at] ?? 0)) / KEEP_MILLISECONDS) * 100);
  const alive = leases.filter(({ state }) => state === 'held').length;
  const told = shares.map((share) => `${share.toFixed(1)} %`).join(', ');
  console.log(`${alive} of ${LEASES} leases kept, of a core for each node and the client: ${told}`);
}

function anyKey(): string {
  return keyNumbered(Math.floor(Math.random() * 100_000));
}
