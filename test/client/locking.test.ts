/** Leases, locks, elections and fences, as applications call them, on a store in memory. */

import { deepEqual, equal, match, notEqual, ok, rejects, throws } from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { after, before, test } from 'node:test';
import { type Client, type KvError, type LeaseNotification, open } from '../../src/index.ts';
import { testkit } from '../../src/testkit.ts';
import { failureOf, until } from './settled.ts';

let kv: Client;

before(async () => {
  kv = await open(':memory:', { shards: 4 });
});

after(() => kv.close());

test('a lock has one owner, and passes to the next in the queue', async () => {
  const first = await kv.lock('passes');
  equal(first.isOwned, true);
  equal(await kv.tryLock('passes'), undefined);
  const positions: number[] = [];
  const waiting = kv.lock('passes', { onWait: (position) => positions.push(position) });
  await until(() => positions.length > 0);
  deepEqual(positions, [1]);
  await first.release();
  await first.release();
  deepEqual([first.isOwned, first.signal.aborted], [false, true]);
  const second = await waiting;
  ok(second.fence.token > first.fence.token);
  notEqual(second.owner, '');
  await second.release();
});

test('a lock is given up when its wait is over, and when its signal is aborted', async () => {
  await using owner = await kv.lock('given up');
  const reason = await failureOf(kv.lock('given up', { wait: 30 }));
  equal(reason, 'lock-unavailable notApplied');
  const ending = new AbortController();
  const waiting = kv.lock('given up', { signal: ending.signal });
  setTimeout(() => ending.abort('enough'), 20);
  await rejects(waiting, { code: 'aborted', cause: 'enough' });
  await owner.release();
  const next = await kv.lock('given up', { wait: 0 });
  await next.release();
});

test('owners that share a lock have one token, and shut out who wants it alone', async () => {
  const [one, two] = await Promise.all([
    kv.lock('shared', { shared: true }),
    kv.lock('shared', { shared: true }),
  ]);
  equal(one.fence.token, two.fence.token);
  equal(await kv.tryLock('shared'), undefined);
  await Promise.all([one.release(), two.release()]);
  const alone = await kv.tryLock('shared');
  equal(alone?.isOwned, true);
  await alone?.release();
});

test('a semaphore has as many owners as permits, and no fence', async () => {
  const permits = await Promise.all([kv.semaphore('two', 2), kv.semaphore('two', 2)]);
  equal(await failureOf(kv.semaphore('two', 2, { wait: 0 })), 'lock-unavailable notApplied');
  equal(await failureOf(kv.semaphore('two', 3)), 'lock-kind notApplied');
  await rejects(kv.lock('two'), /lock "two" was not taken: others use this name with another kind/);
  throws(() => permits[0].fence, { code: 'bad-fence' });
  equal(await failureOf(kv.set('a', 1, { fence: permits[0] })), 'bad-fence notApplied');
  await Promise.all(permits.map((permit) => permit.release()));
});

test('a function owns its lock, which is released whatever it does', async () => {
  const value = await kv.withLock('function', async (lock) => {
    await lock.guard(['guarded', 'also guarded']);
    await kv.set('guarded', 1, { fence: lock });
    return lock.fence.token;
  });
  ok(value > 0);
  const failing = kv.withLock('function', () => {
    throw new Error('its own');
  });
  await rejects(failing, /its own/);
  await (await kv.lock('function', { wait: 0 })).release();
});

test('a function whose lock was lost meanwhile ends with that', async () => {
  const lease = await kv.lease();
  const work = kv.withLock(
    'lost',
    async (lock) => {
      await lease.release();
      await until(() => lock.signal.aborted);
      return 'done';
    },
    { lease },
  );
  await rejects(work, (error: KvError) => {
    deepEqual([error.code, error.outcome, error.retryable], ['lock-lost', 'unknown', false]);
    match(String(error.cause), /its lease has ended: released/);
    return true;
  });
});

test('writes of a former owner are refused where a newer one has written', async () => {
  const former = await kv.lock('{guards}');
  const text = String(former.fence);
  const copy = { name: former.fence.name, token: former.fence.token };
  await kv.set('{guards}:a', 'former', { fence: text });
  await former.release();
  const newer = await kv.lock('{guards}');
  await newer.guard(['{guards}:a']);
  const writes = [
    kv.set('{guards}:a', 'late', { fence: text }),
    kv.set('{guards}:a', 'late', { fence: copy }),
    kv.delete('{guards}:a', { fence: text }),
    kv.add('{guards}:count', 1, { fence: text }),
    kv.append('{guards}:log', new Uint8Array(1), { fence: text }),
    kv.atomic().set('{guards}:a', 'late').set('elsewhere', 'late').fence(text).commit(),
    kv.transaction(async (tx) => {
      await tx.get('{guards}:a');
      tx.fence(text).set('{guards}:a', 'late');
    }),
    kv.transaction((tx) => void tx.fence(text).set('{guards}:a', 'late')),
  ];
  const told = await Promise.all(writes.map(failureOf));
  deepEqual([...new Set(told)], ['fenced notApplied']);
  equal((await kv.get('{guards}:a'))?.value, 'former');
  equal(await kv.get('elsewhere'), undefined);
  // It was given back, not lost.
  equal(former.signal.reason.code, 'lock-released');
  const late = kv.set('{guards}:a', 'late', { fence: former });
  equal(await failureOf(late), 'lock-released notApplied');
  equal(await failureOf(former.guard(['{guards}:a'])), 'lock-released notApplied');
  const result = await kv.atomic().set('{guards}:a', 'newer').set('b', 1).fence(newer).commit();
  equal(result.ok, true);
  await newer.release();
});

test('the text of a fence is refused if it was changed, or is of another cluster', async () => {
  const other = await open(':memory:');
  const lock = await kv.lock('text');
  const text = String(lock.fence);
  const changed = `${text.slice(0, 14)}${text[14] === 'A' ? 'B' : 'A'}${text.slice(15)}`;
  for (const fence of ['', 'x', changed, `${text}AAAA`]) {
    equal(await failureOf(kv.set('a', 1, { fence })), 'bad-fence notApplied');
  }
  await rejects(other.set('a', 1, { fence: text }), { code: 'bad-fence', message: /another clus/ });
  const empty = { name: new Uint8Array(0), token: 1 };
  equal(await failureOf(kv.set('a', 1, { fence: empty })), 'bad-fence notApplied');
  await lock.release();
  await other.close();
});

test('keys of a lease, in whatever shards, are gone when it is released', async () => {
  const lease = await kv.lease({ ttl: 5000, note: 'a test' });
  match(lease.id, /^[0-9a-f]{32}$/);
  const keys = Array.from({ length: 12 }, (_, at) => `leased:${at}`);
  await Promise.all(keys.slice(0, 6).map((key) => kv.set(key, 1, { lease })));
  const command = kv.atomic();
  for (const key of keys.slice(6, 9)) command.set(key, 2, { lease });
  await command.commit();
  await kv.transaction((tx) => {
    for (const key of keys.slice(9)) tx.set(key, 3, { lease });
  });
  equal(await kv.count({ prefix: 'leased:' }), 12);
  await kv.set('leased:0', 'on its own');
  deepEqual([lease.state, lease.signal.aborted, lease.ttl], ['held', false, 5000]);
  const { signal } = lease;
  await lease.release();
  deepEqual([lease.state, signal.aborted], ['ended', true]);
  deepEqual(await lease.ended, { reason: 'released' });
  await until(async () => (await kv.count({ prefix: 'leased:' })) === 1);
  equal((await kv.get('leased:0'))?.value, 'on its own');
  equal(await failureOf(kv.set('a', 1, { lease })), 'lease-ended notApplied');
  equal(await failureOf(kv.lock('a', { lease })), 'lease-ended notApplied');
});

test('a key that is on its way when its lease is released goes with it', async () => {
  const lease = await kv.lease({ ttl: 3_600_000 });
  const keys = Array.from({ length: 12 }, (_, at) => `on its way:${at}`);
  const sets = keys.map((key) => kv.set(key, 1, { lease }));
  await lease.release();
  await Promise.allSettled(sets);
  await until(async () => (await kv.count({ prefix: 'on its way:' })) === 0);
});

test('what is on its way when its client is closed is given up', async () => {
  await using kit = await testkit({ shards: 4 });
  const [leaving, staying] = [await kit.connect(), kit.kv()];
  const lease = await leaving.lease({ ttl: 3_600_000 });
  const keys = Array.from({ length: 6 }, (_, at) => `leaving:${at}`);
  const calls = [
    ...keys.map((key) => leaving.set(key, 1, { lease })),
    ...keys.map((key) => leaving.lock(key, { ttl: 3_600_000 })),
  ];
  const closing = leaving.close();
  equal(await failureOf(leaving.set('leaving:late', 1)), 'closed notApplied');
  equal(await failureOf(leaving.lock('leaving:late')), 'closed notApplied');
  await rejects(leaving.lease(), { code: 'closed' });
  await closing;
  await Promise.allSettled(calls);
  const { now } = kit.clock;
  for (const key of keys) await (await staying.lock(key, { wait: 600_000 })).release();
  await until(async () => (await staying.count({ prefix: 'leaving:' })) === 0);
  ok(kit.clock.now - now < 600_000, 'no lease had to run out');
});

test('a client that no node hears does not wait long for its leases when it closes', async () => {
  await using kit = await testkit();
  const leaving = await kit.connect();
  await leaving.set('cut off', 1, { lease: await leaving.lease() });
  kit.faults.crash(1);
  await kit.clock.advance(100);
  const { now } = kit.clock;
  await leaving.close();
  ok(kit.clock.now - now < 2000, 'none of them can be ended');
});

test('a client that is closed at once waits for the release of a lease', async () => {
  await using kit = await testkit();
  const [leaving, staying] = [await kit.connect(), kit.kv()];
  const lease = await leaving.lease({ ttl: 3_600_000 });
  await leaving.set('released', 1, { lease });
  const released = lease.release();
  await leaving.close();
  await released;
  await until(async () => (await staying.get('released')) === undefined);
});

test('a lease is kept alive for longer than its time to live', async () => {
  const lease = await kv.lease({ ttl: 1000 });
  await kv.set('kept', 1, { lease });
  await new Promise((resume) => setTimeout(resume, 2500));
  equal(lease.state, 'held');
  equal((await kv.get('kept'))?.value, 1);
  await lease.release();
});

test('a client that is closed gives its leases and locks up', async () => {
  const own = await open(':memory:');
  const lease = await own.lease();
  await own.set('closed', 1, { lease });
  const lock = await own.lock('closed');
  await own.close();
  deepEqual(await lease.ended, { reason: 'closed' });
  deepEqual([lease.state, lock.isOwned, lock.signal.aborted], ['ended', false, true]);
  await rejects(own.lease(), { code: 'closed' });
});

test('a client that is closed while it waits leaves the queue', async () => {
  await using kit = await testkit();
  const [owner, waiting, next] = [kit.kv(), await kit.connect(), await kit.connect()];
  const lock = await owner.lock('queued');
  const positions: number[] = [];
  const onWait = (position: number) => positions.push(position);
  const call = failureOf(waiting.lock('queued', { wait: 600_000, onWait }));
  await until(() => positions.length > 0);
  const { now } = kit.clock;
  await waiting.close();
  equal(await call, 'closed notApplied');
  const passed = next.lock('queued', { wait: 600_000 });
  await lock.release();
  equal((await passed).isOwned, true);
  ok(kit.clock.now - now < 5000, 'no lease had to run out');
});

test('a candidate that resigns while it waits never leads', async () => {
  const first = kv.elect('resigned', { value: 'first' });
  await first.lead();
  const second = kv.elect('resigned', { value: 'second' });
  const leading = failureOf(second.lead({ wait: 600_000 }));
  await second.resign();
  equal(await leading, 'aborted notApplied');
  await first.resign();
  await (await kv.lock('resigned', { wait: 5000 })).release();
  equal(await kv.get('resigned'), undefined);
});

test('one of several candidates leads, and the key shows which', async () => {
  const ada = kv.elect('leader', { value: 'Ada' });
  const bo = kv.elect('leader', { value: 'Bo' });
  const first = await ada.lead();
  equal(await ada.lead(), first);
  deepEqual([(await kv.get('leader'))?.value, first.isLeader], ['Ada', true]);
  const waiting = bo.lead();
  await first.proclaim('Ada the first');
  equal((await kv.get('leader'))?.value, 'Ada the first');
  await ada.resign();
  deepEqual([first.isLeader, first.signal.aborted], [false, true]);
  const second = await waiting;
  deepEqual([(await kv.get('leader'))?.value, second.isLeader], ['Bo', true]);
  ok(second.fence.token > first.fence.token);
  equal(await failureOf(first.proclaim('late')), 'lock-released notApplied');
  await bo.resign();
  equal(await kv.get('leader'), undefined);
  await rejects(ada.lead({ signal: AbortSignal.abort() }), { code: 'aborted' });
});

test('observers are told of each leader, and when there is none', async () => {
  const candidate = kv.elect('observed', { value: 'first' });
  const told: (string | undefined)[] = [];
  const ending = new AbortController();
  const observing = (async () => {
    for await (const value of candidate.observe({ signal: ending.signal })) told.push(value);
  })();
  await until(() => told.length === 1);
  const leadership = await candidate.lead();
  await until(() => told.length === 2);
  await leadership.proclaim('second');
  await until(() => told.length === 3);
  await candidate.resign();
  await until(() => told.length === 4);
  deepEqual(told, [undefined, 'first', 'second', undefined]);
  ending.abort();
  await rejects(observing, { code: 'aborted' });
});

test('tools are told of leases, and how many there are', async () => {
  const own = await open(':memory:');
  const told: string[] = [];
  const hear = (event: unknown) => {
    const { id, state, reason } = event as LeaseNotification;
    if (id === lease.id) told.push(`${state} ${reason}`);
  };
  subscribe('ringkv:lease', hear);
  const lease = await own.lease();
  await own.set('told', 1, { lease });
  const lock = await own.lock('told', { lease });
  deepEqual([own.stats().leases, own.stats().locks], [1, 1]);
  await lock.release();
  await lease.release();
  deepEqual([own.stats().leases, own.stats().locks], [0, 0]);
  deepEqual(told, ['ended released']);
  unsubscribe('ringkv:lease', hear);
  await own.close();
});

test('names of locks lie in their space', async () => {
  const [users, orders] = [kv.space('user'), kv.space('order')];
  const lock = await users.lock('7');
  equal(await users.tryLock('7'), undefined);
  const other = await orders.tryLock('7');
  equal(other?.isOwned, true);
  equal(await kv.tryLock('user:7'), undefined);
  await Promise.all([lock.release(), other?.release()]);
});
