/** Observing a client: its channels and its counts. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type TestContext, test } from 'node:test';
import type { CallEvent, ConnectionEvent } from '../../src/client/observation.ts';
import { clusterOf, connectLocally, URL_OF_MODEL } from './model/local.ts';

/** What is published on a channel until the end of the test. */
function heardOn<Event>(context: TestContext, name: string): Event[] {
  const heard: Event[] = [];
  const listen = (event: unknown) => heard.push(event as Event);
  subscribe(name, listen);
  context.after(() => unsubscribe(name, listen));
  return heard;
}

test('each call is published once, with its time and why it failed', async (context) => {
  const heard = heardOn<CallEvent>(context, 'ringkv:call');
  const { client: kv } = await connectLocally();
  await kv.set('k', 1);
  await kv.get('k');
  await kv.set('', 1).catch(() => {});
  await kv.set('k', 1, { signal: AbortSignal.abort() }).catch(() => {});
  await kv.set('k', () => {}).catch(() => {});
  const texts = heard.map(({ type, code, outcome }) => [type, code, outcome]);
  deepEqual(texts, [
    ['ready', undefined, undefined],
    ['write', undefined, undefined],
    ['read', undefined, undefined],
    ['write', 'empty-key', 'notApplied'],
    ['write', 'aborted', 'notApplied'],
  ]);
  ok(heard.every(({ milliseconds }) => milliseconds >= 0));
  await kv.close();
});

test('a connection is published when it is dialled, up and down', async (context) => {
  const heard = heardOn<ConnectionEvent>(context, 'ringkv:connection');
  const { client: kv } = await connectLocally();
  await kv.close();
  const first = heard.filter(({ endpoint }) => endpoint === URL_OF_MODEL);
  deepEqual(
    first.map(({ state }) => state),
    ['dialling', 'up', 'down'],
  );
  deepEqual(first.at(-1)?.reason, 'the client ended it');
});

test('a retry is published and counted', async (context) => {
  const heard = heardOn<{ readonly what: string }>(context, 'ringkv:retry');
  const { client: kv } = await connectLocally({}, clusterOf({ overload: 0.5 }));
  for (let round = 0; round < 10; round++) await kv.get('k');
  ok(heard.length > 0);
  equal(kv.stats().retries, heard.length);
  ok(heard.some(({ what }) => what === 'overloaded'));
  await kv.close();
});

test('counts need no subscriber, and a call that has ended is not open', async () => {
  const { client: kv } = await connectLocally();
  const before = kv.stats();
  equal(before.openCalls, 0);
  const calls = [kv.set('a', 1), kv.get('b'), kv.set('', 1).catch(() => {})];
  equal(kv.stats().openCalls, 2, 'the empty key was refused at once');
  await Promise.all(calls);
  const after = kv.stats();
  deepEqual([after.openCalls, after.failedCalls], [0, 1]);
  equal(after.endedCalls, before.endedCalls + 3);
  ok(after.dials > 0 && after.connections.includes(URL_OF_MODEL), after.connections.join());
  await kv.close();
  deepEqual(kv.stats().connections, []);
});
