/** What callers pass to the calls for leases, locks and elections: wrong types, and callbacks. */

import { deepEqual, equal, ok, rejects, throws } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Client, open } from '../../src/index.ts';
import { failureOf, until } from './settled.ts';

let kv: Client;

before(async () => {
  kv = await open(':memory:', { shards: 4 });
});

after(() => kv.close());

test('what onWait throws ends the call, and the lock passes by it', async () => {
  const first = await kv.lock('thrown');
  const thrown = new Error('of the caller');
  const onWait = () => {
    throw thrown;
  };
  const { signal } = new AbortController();
  for (const more of [{}, { signal }]) {
    const failure = await kv
      .lock('thrown', { onWait, wait: 60_000, ...more })
      .catch((error) => error);
    equal(failure, thrown);
  }
  const ending = new AbortController();
  const positions: number[] = [];
  const aborted = failureOf(
    kv.lock('thrown', { onWait: (at) => positions.push(at), signal: ending.signal }),
  );
  await until(() => positions.length > 0);
  deepEqual(positions, [1], 'those that threw have left the queue');
  ending.abort();
  equal(await aborted, 'aborted notApplied');
  await first.release();
});

test('arguments of other types are refused by their names', async () => {
  const lease = await kv.lease();
  const lock = await kv.lock('typed');
  const election = kv.elect('typed too', { value: 1 });
  const strange = kv as unknown as Record<string, (...all: unknown[]) => Promise<unknown>>;
  const call = (name: string, ...all: unknown[]) => {
    const method = strange[name] ?? (() => Promise.resolve());
    return async () => method.apply(kv, all);
  };
  const calls: readonly (readonly [RegExp, () => Promise<unknown>])[] = [
    [/lease takes its options as an object/, call('lease', 5000)],
    [/lease takes its options/, call('lease', null)],
    [/ttl of a lease.*5s/, call('lease', { ttl: '5s' })],
    [/note/, call('lease', { note: 7 })],
    [/signal of lease must be/, call('lease', { signal: {} })],
    [/timeout/, call('lease', { timeout: '5' })],
    [/a key must be/, call('lock')],
    [/a key must be/, call('lock', 7)],
    [/lock takes its options/, call('lock', 'a', null)],
    [/wait must/, call('lock', 'a', { wait: '5' })],
    [/ttl of a lease/, call('lock', 'a', { ttl: '5000' })],
    [/signal of lock must be an AbortSignal .got object/, call('lock', 'a', { signal: {} })],
    [/signal of lock must be/, call('lock', 'a', { signal: {}, onWait: () => {} })],
    [/onWait of lock must be a function .got "told"/, call('lock', 'a', { onWait: 'told' })],
    [/shared of lock must be/, call('lock', 'a', { shared: 'yes' })],
    [/got Promise/, call('lock', 'a', { lease: kv.lease() })],
    [/got string/, call('set', 'a', 1, { lease: lease.id })],
    [/tryLock takes its options/, call('tryLock', 'a', 5)],
    [/wait is no option of tryLock/, call('tryLock', 'a', { wait: 5 })],
    [/second argument of withLock must be a function .got undefined/, call('withLock', 'a')],
    [/second argument of withLock/, call('withLock', 'a', {}, () => {})],
    [/permits must/, call('semaphore', 'a')],
    [/permits must/, call('semaphore', 'a', { wait: 3 })],
    [/permits must/, call('semaphore', 'a', '3')],
    [/shared is no option of semaphore/, call('semaphore', 'a', 3, { shared: true })],
    [/elect takes its options/, call('elect', 'a')],
    [/tll is no option of lease: did you mean ttl/, call('lease', { tll: 5 })],
    [/elect needs the option value/, call('elect', 'a', {})],
    [/elect takes its options/, call('elect', 'a', 'value')],
    [/ttl of a lease/, call('elect', 'a', { value: 1, ttl: '5' })],
    [/wait must/, () => election.lead({ wait: 'x' } as never)],
    [/lead takes its options/, () => election.lead(null as never)],
    [/signal of lead must be/, () => election.lead({ signal: {} } as never)],
    [/guard takes an array/, () => lock.guard('a' as never)],
    [/guard takes an array/, () => lock.guard(undefined as never)],
    [/guard takes its options/, () => lock.guard(['a'], 5 as never)],
    [/timeout/, () => lock.guard(['a'], { timeout: '5' } as never)],
  ];
  for (const [message, run] of calls) {
    await rejects(run, { code: 'invalid-argument', outcome: 'notApplied', message });
  }
  for (const fence of [7, {}, null, { name: 'a', token: 1 }, { token: 1 }]) {
    equal(await failureOf(kv.set('a', 1, { fence: fence as never })), 'bad-fence notApplied');
  }
  await Promise.all([lock.release(), lease.release()]);
});

test('arguments that are not allowed are refused before anything is sent', async () => {
  const other = await open(':memory:');
  const strange = await other.lease();
  const asked = kv.stats().endedCalls;
  const lease = await kv.lease();
  const failures = [
    kv.lease({ ttl: 999 }),
    kv.lease({ ttl: 3_600_001 }),
    kv.lease({ ttl: 1500.5 }),
    kv.lease({ note: 'x'.repeat(257) }),
    kv.lock('a', { wait: -1 }),
    kv.lock('a', { wait: Number.NaN }),
    kv.lock('a', { wait: 86_400_001 }),
    kv.lock('a', { ttl: 0 }),
    kv.lock('x'.repeat(1025)),
    kv.lock('a', { lease: strange }),
    kv.lock('a', { lease: {} as never }),
    kv.semaphore('a', 0),
    kv.semaphore('a', 257),
    kv.set('a', 1, { lease, ttl: 1000 } as never),
    kv.set('a', 1, { lease: strange }),
  ].map(failureOf);
  const told = new Set(await Promise.all(failures));
  deepEqual([...told], ['invalid-argument notApplied']);
  throws(() => kv.elect('x'.repeat(1025), { value: 1 }), { code: 'invalid-argument' });
  equal(await failureOf(kv.lock('')), 'empty-key notApplied');
  equal(kv.stats().retries, 0);
  ok(kv.stats().endedCalls >= asked);
  await Promise.all([lease.release(), other.close()]);
});
