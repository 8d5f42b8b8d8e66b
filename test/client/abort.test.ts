/** Many calls with one signal: what an abort costs, and how each call fails. */

import { deepEqual, equal } from 'node:assert/strict';
import { setMaxListeners } from 'node:events';
import { test } from 'node:test';
import { ShardRequest } from '../../src/client/core/shard-request.ts';
import { onAbort } from '../../src/client/signals.ts';
import { connectLocally } from './model/local.ts';

const COUNT = 500;

test('calls with one signal share a listener, and an abort fails each once', async (context) => {
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

test('the listener of a signal is removed with its last call', async (context) => {
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

test('transactions with one signal share its listener', async (context) => {
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

test('a removed listener is not called, and others still are', () => {
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
