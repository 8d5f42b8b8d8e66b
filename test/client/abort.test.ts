/** Many calls that hang on one signal: what one abort touches, and what each call is told. */

import { deepEqual, equal } from 'node:assert/strict';
import { setMaxListeners } from 'node:events';
import { test } from 'node:test';
import { ShardRequest } from '../../src/client/core/shard-request.ts';
import { onAbort } from '../../src/client/signals.ts';
import { connectLocally } from './model/local.ts';

const COUNT = 500;

test('an abort of many calls has one listener, and touches each call once', async (context) => {
  const { client: kv, fallSilent } = await connectLocally();
  await kv.set('a', 1);
  fallSilent();
  const { signal, abort } = newSignal();
  const added = context.mock.method(signal, 'addEventListener');
  const aborts = context.mock.method(ShardRequest.prototype, 'abort');
  // Writes of one key are batches of their own: each is a request.
  const calls = Array.from({ length: COUNT }, (_, at) => [
    kv.set('a', at, { signal }),
    kv.set(`b${at}`, at, { signal }),
    kv.get(`b${at}`, { signal }),
  ]).flat();
  await new Promise((resolve) => setImmediate(resolve));
  equal(added.mock.callCount(), 1);
  abort();
  const told = await Promise.all(calls.map((call) => call.then(() => 'ok', codeOf)));
  deepEqual(new Set(told), new Set(['aborted unknown', 'aborted notApplied']));
  equal(aborts.mock.callCount(), 3 * COUNT);
  await kv.close();
});

test('a signal is let go with the last call that hangs on it', async (context) => {
  const { client: kv } = await connectLocally();
  const { signal } = newSignal();
  const removed = context.mock.method(signal, 'removeEventListener');
  await Promise.all([kv.set('a', 1, { signal }), kv.get('b', { signal })]);
  equal(removed.mock.callCount(), 1);
  await kv.transaction(async (tx) => tx.set('c', await tx.get('a')), { signal });
  const added = context.mock.method(signal, 'addEventListener');
  await Promise.all([kv.get('a', { signal }), kv.get('b', { signal })]);
  equal(added.mock.callCount(), 1);
  await kv.close();
});

test('transactions that hang on one signal share its listener', async (context) => {
  const { client: kv } = await connectLocally();
  const { signal, abort } = newSignal();
  const added = context.mock.method(signal, 'addEventListener');
  const running = Array.from({ length: 50 }, () => {
    return kv.transaction(() => new Promise(() => {}), { signal }).then(() => 'ok', codeOf);
  });
  await new Promise((resolve) => setImmediate(resolve));
  equal(added.mock.callCount(), 1);
  abort();
  deepEqual(new Set(await Promise.all(running)), new Set(['aborted notApplied']));
  await kv.close();
});

test('a listener that is taken off is not called, and others still are', () => {
  const { signal, abort } = newSignal();
  const told: string[] = [];
  const forget = onAbort(signal, () => told.push('first'));
  onAbort(signal, () => told.push('second'));
  forget();
  forget();
  abort();
  deepEqual(told, ['second']);
});

function newSignal(): { readonly signal: AbortSignal; readonly abort: () => void } {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return { signal: controller.signal, abort: () => controller.abort() };
}

function codeOf({ code, outcome }: { readonly code: string; readonly outcome: string }): string {
  return `${code} ${outcome}`;
}
