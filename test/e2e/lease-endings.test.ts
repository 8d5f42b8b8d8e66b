/** Three real nodes: what is on its way when a lease or a client ends is ended too. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import { askLeases, askMap, askTickets } from '../../src/admin.ts';
import { type Client, connect } from '../../src/index.ts';
import { temporaryFolder } from '../storage/temporary.ts';
import { NodeCluster } from './node-cluster.ts';

/** No lease runs out in this test: what is gone was ended. */
const TTL = 3_600_000;
const LIMIT = { timeout: 180_000 };
const KEYS = Array.from({ length: 40 }, (_, at) => `instance:${at}`);

async function clusterOf(context: TestContext): Promise<NodeCluster> {
  const cluster = new NodeCluster(temporaryFolder());
  context.after(() => cluster.end());
  await cluster.grow(4);
  return cluster;
}

/** Which keys are acknowledged is of no interest. */
function setAll(kv: Client, lease: Awaited<ReturnType<Client['lease']>>): void {
  for (const key of KEYS) kv.set(key, process.pid, { lease }).catch(() => {});
}

/** The test's own timeout ends it. */
async function untilNothingIsLeft(kv: Client, urls: readonly string[]): Promise<void> {
  while ((await kv.count({ prefix: 'instance:' })) > 0) await pause(50);
  while ((await askTickets(urls)).length > 0) await pause(50);
  while ((await askLeases(urls)).length > 0) await pause(50);
}

test('keys that are on their way when their lease is released go with it', LIMIT, async (t) => {
  const { urls } = await clusterOf(t);
  const kv = await connect(urls);
  t.after(() => kv.close());
  for (const turns of [0, 1, 2, 3, 4]) {
    const lease = await kv.lease({ ttl: TTL });
    setAll(kv, lease);
    const locks = KEYS.map((key) => kv.lock(key, { lease }).catch(() => undefined));
    for (let turn = 0; turn < turns; turn++) await nextTurn();
    await lease.release();
    await Promise.all(locks);
    await untilNothingIsLeft(kv, urls);
  }
});

test('a thousand locks on their way when their client closes are free', LIMIT, async (t) => {
  const { urls } = await clusterOf(t);
  const kv = await connect(urls);
  t.after(() => kv.close());
  for (const turns of [0, 2, 4]) {
    const leaving = await connect(urls);
    setAll(leaving, await leaving.lease({ ttl: TTL }));
    const names = Array.from({ length: 1000 }, (_, at) => `lock:${at}`);
    const calls = names.map((name) => leaving.lock(name, { ttl: TTL }));
    for (let turn = 0; turn < turns; turn++) await nextTurn();
    await leaving.close();
    await Promise.allSettled(calls);
    await untilNothingIsLeft(kv, urls);
  }
});

test('a lease that is released while a leader is killed ends in its shards', LIMIT, async (t) => {
  const cluster = await clusterOf(t);
  const kv = await connect(cluster.urls);
  t.after(() => kv.close());
  const lease = await kv.lease({ ttl: TTL });
  await kv.set('instance:first', 1, { lease });
  const { shards } = await askMap(cluster.urls[0] ?? '');
  const victim = cluster.members[shards.length % 3] ?? assert.fail('there are three nodes');
  setAll(kv, lease);
  await nextTurn();
  await cluster.kill(victim);
  await lease.release({ timeout: 60_000 });
  await untilNothingIsLeft(
    kv,
    cluster.urls.filter((url) => !url.endsWith(`:${victim.port}`)),
  );
});
