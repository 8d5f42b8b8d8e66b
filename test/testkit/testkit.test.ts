/** The cluster in memory that applications test with. */

import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import type { Client } from '../../src/index.ts';
import { type Testkit, testkit } from '../../src/testkit.ts';

test('a key expires when the clock is advanced, and not before', async () => {
  await using kit = await testkit();
  const kv = kit.kv();
  await kv.set('session', 'Ada', { ttl: 60_000 });
  await kit.clock.advance(59_000);
  equal((await kv.get('session'))?.value, 'Ada');
  await kit.clock.advance(2_000);
  equal(await kv.get('session'), undefined);
});

test('a year passes in no time', async () => {
  await using kit = await testkit({ nodes: 3 });
  const kv = kit.kv();
  const year = 365 * 24 * 3_600_000;
  await kv.set('short', 1, { ttl: year - 3_600_000 });
  await kv.set('long', 1, { ttl: year + 3_600_000 });
  await kit.clock.advance(year);
  equal(await kv.get('short'), undefined);
  ok(await kv.get('long'));
});

test('time stands still while the test does other things', async () => {
  await using kit = await testkit();
  await kit.kv().set('a', 1);
  await new Promise((resume) => setTimeout(resume, 30));
  const { now } = kit.clock;
  await new Promise((resume) => setTimeout(resume, 60));
  equal(kit.clock.now, now);
});

test('a transaction may wait for something outside, without losing its time', async () => {
  await using kit = await testkit();
  const kv = kit.kv();
  const { now } = kit.clock;
  await kv.transaction(async (tx) => {
    await tx.get('a');
    await new Promise((resume) => setTimeout(resume, 100));
    tx.set('a', 1);
  });
  ok(kit.clock.now - now < 1000);
});

test('transactions, scans and counters of a cluster with several shards', async () => {
  await using kit = await testkit({ nodes: 3, shards: 4 });
  const kv = kit.kv();
  await Promise.all(Array.from({ length: 50 }, (_, at) => kv.set(['account', at], 100)));
  await Promise.all(
    Array.from({ length: 20 }, (_, at) =>
      kv.transaction(async (tx) => {
        const from = ['account', at] as const;
        const to = ['account', (at * 7 + 1) % 50] as const;
        tx.set(from, Number((await tx.get(from))?.value) - 1);
        tx.set(to, Number((await tx.get(to))?.value) + 1);
      }),
    ),
  );
  let sum = 0;
  for await (const { value } of kv.scan({ prefix: ['account'] })) sum += Number(value);
  equal(sum, 5000);
  equal(await kv.add('visits'), 1n);
});

test('an acknowledged write survives the crash of its leader, and of all nodes', async () => {
  await using kit = await testkit({ nodes: 3 });
  const kv = kit.kv();
  await kv.set('a', 1);
  const crashed = await kit.faults.crashLeader('a');
  equal((await kv.get('a'))?.value, 1);
  ok(kit.leader('a') !== crashed);
  await kv.set('a', 2);
  for (const node of [1, 2, 3]) kit.faults.crash(node);
  equal(kit.leader('a'), undefined);
  kit.faults.heal();
  equal((await kv.get('a'))?.value, 2);
});

test('a leader that is cut off is replaced, and the cluster goes on', async () => {
  await using kit = await testkit({ nodes: 3 });
  const kv = kit.kv();
  await kv.set('a', 1);
  const leader = kit.leader('a') ?? 0;
  kit.faults.cut(leader);
  await kv.set('a', 2, { timeout: 30_000 });
  ok(kit.leader('a') !== leader);
  kit.faults.heal();
  await kit.clock.advance(5_000);
  equal((await kv.get('a'))?.value, 2);
});

test('a call without a majority fails at its timeout, in virtual time', async () => {
  await using kit = await testkit({ nodes: 3 });
  const kv = kit.kv();
  await kv.set('a', 1);
  kit.faults.crash(2);
  kit.faults.crash(3);
  const { now } = kit.clock;
  await rejects(kv.set('a', 2, { timeout: 5_000 }), { name: 'KvError' });
  ok(kit.clock.now - now >= 4_000 && kit.clock.now - now < 6_000);
  kit.faults.heal();
  ok(await kv.get('a', { timeout: 30_000 }));
});

test('a delay makes a call take as long', async () => {
  await using kit = await testkit();
  const kv = kit.kv();
  await kv.set('a', 1);
  kit.faults.delay(200);
  const { now } = kit.clock;
  await kv.get('a');
  const milliseconds = kit.clock.now - now;
  ok(milliseconds >= 400 && milliseconds < 1000, `${milliseconds} ms`);
  const other = await kit.connect();
  equal((await other.get('a'))?.value, 1);
});

test('a watch of one client sees what another one does, and what expires', async () => {
  await using kit = await testkit({ nodes: 3 });
  const seen: string[] = [];
  const watch = kit.kv().watch({ prefix: 'w', changesOnly: true });
  const watching = (async () => {
    for await (const event of watch) {
      seen.push(`${event.type} ${String(event.key)}`);
      if (event.type === 'expire') return;
    }
  })();
  await kit.clock.advance(100);
  const other = await kit.connect();
  await other.set('w1', 1);
  await other.set('w2', 2, { ttl: 1000 });
  await kit.clock.advance(3000);
  await watching;
  deepEqual(seen, ['set w1', 'set w2', 'expire w2']);
});

test('a lock lives while its owner is heard, and passes on when it is cut off', async () => {
  await using kit = await testkit({ nodes: 3 });
  const [owner, other] = [kit.kv(), await kit.connect()];
  const lock = await owner.lock('job', { ttl: 10_000 });
  await kit.clock.advance(60_000);
  equal(lock.isOwned, true);
  equal(await other.tryLock('job'), undefined);
  kit.faults.cut(owner);
  await using next = await other.lock('job', { wait: 60_000 });
  equal(next.isOwned, true);
  await kit.clock.advance(1000);
  equal(lock.isOwned, false);
});

/** Everything that a test could see of one run. */
async function story(seed: number): Promise<readonly unknown[]> {
  const seen: unknown[] = [];
  await using kit: Testkit = await testkit({ nodes: 3, shards: 2, seed });
  const kv: Client = kit.kv();
  for (let round = 0; round < 5; round++) {
    seen.push(await kv.set(['k', round], round));
    seen.push(await kit.faults.crashLeader(['k', round]));
    seen.push((await kv.get(['k', round]))?.version, kit.clock.now);
    kit.faults.heal();
    await kit.clock.advance(1000);
  }
  const adds = Array.from({ length: 10 }, () =>
    kv.transaction(async (tx) => {
      tx.set('n', Number((await tx.get('n'))?.value ?? 0) + 1);
    }),
  );
  await Promise.all(adds);
  seen.push((await kv.get('n'))?.value, kit.clock.now);
  return seen;
}

test('the same seed tells the same story, another one another', async () => {
  const [one, same, other] = [await story(7), await story(7), await story(8)];
  deepEqual(one, same);
  ok(JSON.stringify(one, text) !== JSON.stringify(other, text));
});

function text(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}` : value;
}

test('options and faults that make no sense are refused', async () => {
  const two = 2 as 3;
  await rejects(testkit({ nodes: two }), { code: 'invalid-argument' });
  await rejects(testkit({ shards: 0 }), { code: 'invalid-argument' });
  await using kit = await testkit();
  await rejects(kit.clock.advance(-1), { code: 'invalid-argument' });
  await rejects(async () => kit.faults.cut(2), { code: 'invalid-argument' });
  await using another = await testkit();
  await rejects(async () => kit.faults.cut(another.kv()), { code: 'invalid-argument' });
  await rejects(async () => kit.faults.delay(1e6), { code: 'invalid-argument' });
});
