/** Releases whose options are wrong, whose signal is aborted, and in an outage. */

import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Client, open } from '../../src/index.ts';
import { testkit } from '../../src/testkit.ts';
import { failureOf, until } from './settled.ts';

let kv: Client;

before(async () => {
  kv = await open(':memory:', { shards: 2 });
});

after(() => kv.close());

/** Each is refused, and is no release. */
const WRONG = [{ timeout: -5 }, { timeout: '5' }, { signal: {} }, { tiemout: 5 }, 5] as never[];

test('a release of a lock that is refused for its options leaves the lock as it was', async () => {
  const lock = await kv.lock('wrong options', { ttl: 3_600_000 });
  for (const wrong of WRONG) {
    equal(await failureOf(lock.release(wrong)), 'invalid-argument notApplied');
    deepEqual([lock.isOwned, lock.signal.aborted], [true, false]);
  }
  await lock.release();
  const next = await kv.tryLock('wrong options');
  equal(next?.isOwned, true);
  equal(await failureOf(lock.release({ timeout: -5 })), undefined, 'it has been released');
  await next?.release();
});

test('a release of a lease that is refused for its options leaves the lease held', async () => {
  const lease = await kv.lease({ ttl: 3_600_000 });
  await kv.set('wrong options', 1, { lease });
  for (const wrong of WRONG) {
    equal(await failureOf(lease.release(wrong)), 'invalid-argument notApplied');
    deepEqual([lease.state, lease.signal.aborted], ['held', false]);
  }
  await lease.release();
  equal(lease.state, 'ended');
  await until(async () => (await kv.get('wrong options')) === undefined);
});

test('a lock that is released with an aborted signal is free soon', async () => {
  const lock = await kv.lock('aborted', { ttl: 3_600_000 });
  const signal = AbortSignal.abort('enough');
  await rejects(lock.release({ signal }), { code: 'aborted', cause: 'enough' });
  deepEqual([lock.isOwned, lock.signal.aborted], [false, true]);
  const next = await kv.lock('aborted', { wait: 60_000 });
  await next.release();
});

test('a lease that is released with an aborted signal ends, and its keys go', async () => {
  const lease = await kv.lease({ ttl: 3_600_000 });
  await kv.set('aborted', 1, { lease });
  equal(await failureOf(lease.release({ signal: AbortSignal.abort() })), 'aborted notApplied');
  deepEqual([lease.state, lease.signal.aborted], ['ended', true]);
  deepEqual(await lease.ended, { reason: 'released' });
  await until(async () => (await kv.get('aborted')) === undefined);
});

test('a signal that has aborted the work of withLock does not keep its lock', async () => {
  const ending = new AbortController();
  const { signal } = ending;
  const working = kv.withLock(
    'work',
    async (lock) => {
      ending.abort();
      equal(await failureOf(lock.release({ signal })), 'aborted notApplied');
      throw new Error('its own');
    },
    { signal, ttl: 3_600_000 },
  );
  await rejects(working, /its own/);
  await (await kv.lock('work', { wait: 60_000 })).release();
});

test('a leadership whose lead was aborted later is given up by resign', async () => {
  const ending = new AbortController();
  const election = kv.elect('resigned', { value: 1, ttl: 3_600_000 });
  const { signal } = await election.lead({ signal: ending.signal });
  ending.abort();
  equal(signal.aborted, false);
  await election.resign();
  equal(await kv.get('resigned'), undefined);
  await (await kv.lock('resigned', { wait: 60_000 })).release();
});

test('what is released while calls fail fast in an outage is given back after it', async () => {
  await using kit = await testkit();
  const [ada, bo] = [await kit.connect({ failFastAfter: 100 }), await kit.connect()];
  const ttl = 3_600_000;
  const [lock, lease] = [await ada.lock('outage', { ttl }), await ada.lease({ ttl })];
  await ada.set('outage', 1, { lease });
  kit.faults.crash(1);
  await kit.clock.advance(1000);
  const unreachable = 'unreachable notApplied';
  await until(async () => (await failureOf(ada.get('outage'))) === unreachable);
  const { now } = kit.clock;
  equal(await failureOf(lock.release()), unreachable);
  equal(await failureOf(lease.release()), unreachable);
  ok(kit.clock.now - now < 1000, 'they do not wait');
  deepEqual([lock.isOwned, lease.state], [false, 'ended']);
  kit.faults.heal();
  const next = await bo.lock('outage', { wait: 60_000 });
  await until(async () => (await bo.get('outage')) === undefined);
  ok(kit.clock.now - now < 60_000, 'no lease had to run out');
  await next.release();
});
