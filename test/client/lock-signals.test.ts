/** Signals of leases, locks and leaderships: in a loop that stood still, and in listeners. */

import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { isKvError, type KvError, open } from '../../src/index.ts';
import { failureOf, until } from './settled.ts';

test('what was held while the loop stood still is lost before anything else runs', async () => {
  const own = await open(':memory:');
  const lease = await own.lease({ ttl: 1000 });
  await own.set('stood still', 1, { lease });
  const lock = await own.lock('stood still', { ttl: 1000 });
  const { signal } = lease;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 900);
  deepEqual([lock.isOwned, lock.signal.aborted], [false, true]);
  deepEqual([lease.state, signal.aborted], ['unsure', true]);
  equal(await failureOf(own.set('stood still', 2, { lease })), 'lease-ended notApplied');
  equal(await failureOf(own.set('stood still', 2, { fence: lock })), 'lock-lost notApplied');
  // On a busy machine its time may be over before the next message arrives.
  await until(() => lease.state !== 'unsure');
  equal(lease.signal.aborted, lease.state === 'ended');
  equal(lock.isOwned, false);
  await own.close();
});

test('signals that were read before the loop stood still are aborted when asked', async () => {
  const own = await open(':memory:');
  const lease = await own.lease({ ttl: 1000 });
  await own.set('asked', 1, { lease });
  const lock = await own.lock('asked', { ttl: 1000 });
  const led = await own.elect('led', { value: 1, ttl: 1000 }).lead();
  const signals = [lease.signal, lock.signal, led.signal];
  deepEqual(
    signals.map(({ aborted }) => aborted),
    [false, false, false],
  );
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 900);
  deepEqual(
    signals.map(({ aborted, reason }) => [aborted, (reason as KvError).code]),
    [
      [true, 'lease-ended'],
      [true, 'lock-lost'],
      [true, 'lock-lost'],
    ],
  );
  for (const signal of signals) throws(() => signal.throwIfAborted(), isKvError);
  await own.close();
});

test('signals abort before timers that were set after the owner began', async () => {
  const own = await open(':memory:');
  const lock = await own.lock('timers', { ttl: 1000 });
  const told: string[] = [];
  lock.signal.addEventListener('abort', () => told.push('lost'));
  const passed = new Promise<void>((resolve) => {
    setTimeout(() => {
      told.push('timer');
      resolve();
    }, 300);
  });
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 900);
  await passed;
  deepEqual(told, ['lost', 'timer']);
  await own.close();
});

test('a listener of a signal finds all that hangs on the lease lost', async () => {
  const own = await open(':memory:');
  const lease = await own.lease();
  const locks = [await own.lock('first', { lease }), await own.lock('second', { lease })];
  const signals = [lease.signal, ...locks.map(({ signal }) => signal)];
  const told: (readonly boolean[])[] = [];
  for (const signal of signals) {
    signal.addEventListener('abort', () => {
      told.push([
        lease.state === 'held',
        ...locks.map(({ isOwned }) => isOwned),
        ...signals.map(({ aborted }) => !aborted),
      ]);
    });
  }
  await lease.release();
  equal(told.length, 3);
  ok(told.flat().every((isHeld) => !isHeld));
  await own.close();
});
