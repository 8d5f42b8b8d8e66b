/** The library by its public API, on a model cluster. */

import { deepEqual, equal, ok, rejects, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as after } from 'node:timers/promises';
import { bytes, json, utf8 } from '../../src/client/codec.ts';
import type { Entry } from '../../src/client/encoding.ts';
import { connectLocally } from './model/local.ts';

interface User {
  readonly name: string;
  readonly visits?: number;
}

test('a value that was set can be read, with a version for conditions', async () => {
  const { client: kv } = await connectLocally();
  const set = await kv.set('user:7', { name: 'Ada' });
  const entry = await kv.get<User>('user:7');
  ok(entry !== undefined && set.ok);
  deepEqual({ ...entry }, { key: 'user:7', value: { name: 'Ada' }, version: set.version });
  equal((await kv.set('user:7', { name: 'Eve' }, { ifVersion: entry.version })).ok, true);
  const refused = await kv.set('user:7', { name: 'Bob' }, { ifVersion: entry.version });
  ok(!refused.ok && refused.version > entry.version);
  equal(await kv.get('missing'), undefined);
  equal((await kv.set('fresh', 1, { ifVersion: 0 })).ok, true);
  equal((await kv.set('fresh', 2, { ifVersion: 0 })).ok, false);
  await kv.close();
});

test('an atomic command takes effect as a whole or not at all', async () => {
  const { client: kv } = await connectLocally();
  await kv.set('{u}a', 'old');
  const entry = (await kv.get('{u}a')) as Entry<string>;
  const command = () => kv.atomic().check(entry).set('{u}a', 1).add('{u}n', 1n).delete('{u}b');
  const done = await command().commit();
  ok(done.ok);
  deepEqual(await command().commit(), { ok: false, key: '{u}a', version: done.versionOf('{u}a') });
  equal((await kv.get('{u}n'))?.value, 1);
  await kv
    .atomic()
    .max('{u}n', 7)
    .append('{u}log', new Uint8Array([0xa1, 0x61]))
    .commit();
  deepEqual(
    (await kv.getMany(['{u}n', '{u}log', '{u}b'])).map((found) => found?.value),
    [7, 'a', undefined],
  );
  await rejects(kv.atomic().check(entry).commit(), { code: 'invalid-argument' });
  await kv.close();
});

test('a touch changes when a key expires, and conditions on its version still hold', async () => {
  const { client: kv } = await connectLocally();
  const { version } = await kv.set('a', 1, { ttl: 60_000 });
  equal(await kv.touch('a', 120_000), true);
  equal(await kv.touch('a', null), true);
  equal(await kv.touch('missing', 1000), false);
  equal(await kv.get('missing'), undefined);
  equal((await kv.get('a'))?.version, version);
  equal((await kv.set('a', 2, { ifVersion: version })).ok, true);
  equal(await kv.space('s').touch('a', 1000), false);
  const done = await kv.atomic().touch('{a}', 1000).add('{a}n', 1).touch('a', 60_000).commit();
  ok(done.ok && done.versionOf('{a}n') > 0);
  throws(() => done.versionOf('a'), { code: 'invalid-argument' });
  const faulty = [0, -1, 1.5, 2 ** 52, Number.NaN, undefined as unknown as number];
  for (const ttl of faulty) {
    await rejects(kv.touch('a', ttl), { code: 'invalid-argument' });
    await rejects(kv.atomic().touch('a', ttl).commit(), { code: 'invalid-argument' });
  }
  await rejects(kv.set('a', 1, { ttl: 2 ** 52 }), { code: 'invalid-argument' });
  await kv.close();
});

test('a time to live of add and append holds where they create the key', async () => {
  const { client: kv } = await connectLocally();
  equal(await kv.add('n', 2, { ttl: 60_000 }), 2n);
  equal(await kv.add('n', 2, { ttl: 60_000 }), 4n);
  equal(await kv.append('t', new Uint8Array([0xa1]), { ttl: 60_000 }), 1);
  equal(await kv.space('s').append('t', new Uint8Array([0xa1, 0x61])), 2);
  equal((await kv.space('s').get('t'))?.value, 'a');
  await rejects(kv.add('n', 1, { ttl: 0 }), { code: 'invalid-argument' });
  await rejects(kv.append('t', 'text' as never), { code: 'invalid-argument' });
  const both = kv.atomic().max('n', 9, { ttl: 60_000 }).append('t', new Uint8Array(), { ttl: 1 });
  ok((await both.commit()).ok);
  await rejects(kv.atomic().min('n', 9, { ttl: -1 }).commit(), { code: 'invalid-argument' });
  await kv.close();
});

test('counters count once and stay integers', async () => {
  const { client: kv } = await connectLocally();
  const sums = await Promise.all([kv.add('n'), kv.add('n'), kv.add('n', 40n)]);
  equal(sums.at(-1), 42n);
  await kv.set('large', 2 ** 40);
  equal(await kv.add('large', -1), 2n ** 40n - 1n);
  equal((await kv.get('large'))?.value, 2 ** 40 - 1);
  await kv.set('text', 'none');
  await rejects(kv.add('text'), { code: 'not-a-number', outcome: 'notApplied' });
  await kv.close();
});

test('spaces have keys and values of their own', async () => {
  const { client: kv } = await connectLocally();
  const users = kv.space<User>('user', { codec: json });
  await users.set('7', { name: 'Ada', visits: 3 });
  equal((await users.get('7'))?.value.visits, 3);
  equal((await users.delete('7')).ok, true);
  await kv.space('raw', { codec: bytes }).set('k', new Uint8Array([1, 2]));
  await kv.space('raw', { codec: utf8 }).set('t', 'é');
  deepEqual((await kv.space('raw', { codec: bytes }).get('t'))?.value, new Uint8Array([195, 169]));
  await rejects(kv.get('raw:k'), { code: 'damaged-value' });
  await kv.close();
});

test('a scan gives entries in order, can be left, and continues from its cursor', async () => {
  const { client: kv } = await connectLocally();
  const keys = Array.from({ length: 40 }, (_, at) => `user:${String(at).padStart(2, '0')}`);
  await Promise.all([...keys.map((key) => kv.set(key, { name: key })), kv.set('other', 1)]);
  const scan = kv.scan<User>({ prefix: 'user:', keysOnly: false });
  const seen: string[] = [];
  for await (const { key, value } of scan) {
    equal(value?.name, key);
    seen.push(key as string);
    if (seen.length === 15) break;
  }
  const { cursor } = scan;
  for await (const { key } of kv.scan({ prefix: 'user:', cursor })) seen.push(key as string);
  deepEqual(seen, keys);
  const users = kv.space<User>('user');
  const last: unknown[] = [];
  for await (const { key } of users.scan({ reverse: true, limit: 2, keysOnly: true }))
    last.push(key);
  deepEqual(last, ['39', '38']);
  const reading = users.keys({ reverse: true, limit: 2 });
  const first: unknown[] = [];
  for await (const key of reading) first.push(key);
  for await (const key of users.keys({ reverse: true, limit: 1, cursor: reading.cursor }))
    first.push(key);
  deepEqual(first, ['39', '38', '37']);
  for await (const entry of users.scan({ limit: 1, keysOnly: true }))
    deepEqual({ ...entry }, { key: '00' });
  equal(await users.count(), 40);
  equal(await kv.count({ from: 'user:10', to: 'user:20' }), 10);
  const empty = [users.isEmpty(), kv.isEmpty({ prefix: 'no' }), users.isEmpty({ from: '4' })];
  deepEqual(await Promise.all(empty), [false, true, true]);
  await rejects(kv.isEmpty({ prefix: 'a', from: 'b' }), { code: 'invalid-argument' });
  await rejects(kv.scan({ cursor: 'nonsense' })[Symbol.asyncIterator]().next(), {
    code: 'bad-cursor',
  });
  await kv.close();
});

test('tuples are keys that sort by their parts', async () => {
  const { client: kv } = await connectLocally();
  const keys = [
    ['job', -5, 'x'],
    ['job', 2, 'a'],
    ['job', 2, 'b'],
    ['job', 10],
    ['job', 300n, true],
  ];
  await Promise.all(keys.map((key) => kv.set(key as never, 0)));
  const seen: unknown[] = [];
  for await (const { key } of kv.scan({ prefix: ['job'], keys: 'tuple' })) seen.push(key);
  deepEqual(seen, [...keys.slice(0, 4), ['job', 300, true]]);
  await kv.close();
});

test('a space says once in which form its keys are returned', async () => {
  const { client: kv } = await connectLocally();
  const orders = kv.space<number>('order', { keys: 'tuple' });
  await orders.set([2026, 'a'], 1);
  const inner = orders.space<number>('open');
  await inner.set([7], 1);
  const found: unknown[] = [];
  for await (const key of orders.keys({ prefix: [2026] })) found.push(key);
  for await (const { key } of inner.scan()) found.push(key);
  for await (const { key } of inner.scan({ keys: 'bytes' })) found.push(key instanceof Uint8Array);
  await kv.transaction(async (tx) => {
    for await (const { key } of tx.in(inner).scan()) found.push(key);
  });
  deepEqual(found, [[2026, 'a'], [7], true, [7]]);
  await kv.close();
});

test('calls of one turn share one frame, even if a hundred answers caused them', async () => {
  const { client: kv, frames } = await connectLocally();
  const tags = Array.from({ length: 100 }, (_, at) => `{one}${at}`);
  await Promise.all(tags.map((key) => kv.set(key, 0)));
  const before = frames.length;
  await Promise.all(
    tags.map(async (key) => {
      await kv.set(key, 1);
      await kv.set(key, 2);
    }),
  );
  equal(frames.length - before, 2);
  equal(frames.at(-1)?.length, 1);
  await kv.close();
});

test('a call ends by its timeout or its signal, with its outcome', async () => {
  const { client: kv, fallSilent } = await connectLocally();
  await kv.set('k', 1);
  const early = AbortSignal.abort(new Error('no'));
  await rejects(kv.set('k', 2, { signal: early }), { code: 'aborted', outcome: 'notApplied' });
  fallSilent();
  const late = new AbortController();
  const waiting = kv.set('k', 3, { signal: late.signal });
  const timing = kv.set('k', 4, { timeout: 40 });
  await after(20);
  late.abort();
  await rejects(waiting, { code: 'aborted', outcome: 'unknown' });
  await rejects(timing, { code: 'timeout', outcome: 'unknown', retryable: false });
  await rejects(kv.get('k', { timeout: 30 }), { code: 'timeout', outcome: 'notApplied' });
  const last = kv.get('k');
  await kv.close();
  await kv.close();
  await rejects(last, { code: 'closed' });
  await rejects(kv.get('k'), { code: 'closed', outcome: 'notApplied' });
});

test('invalid arguments reject the promise and name the allowed values', async () => {
  const { client: kv } = await connectLocally();
  await rejects(kv.set('', 1), { code: 'empty-key', message: /empty/ });
  await rejects(kv.set('k'.repeat(5000), 1), { code: 'key-too-large', message: /5000.*4096/ });
  await rejects(kv.set('k', 'x'.repeat(2 ** 21)), { code: 'value-too-large', message: /1048576/ });
  await rejects(
    kv.set('k', () => {}),
    { code: 'unsupported-value' },
  );
  await rejects(kv.set('k', 1, { ttl: -1 }), { code: 'invalid-argument' });
  await rejects(kv.get('k', { timeout: Number.NaN }), { code: 'invalid-argument' });
  await rejects(kv.get('k', { read: { stale: { maxMs: 0.5 } } }), { code: 'invalid-argument' });
  await rejects(connectLocally({ timeout: -1 }), { code: 'invalid-argument' });
  await kv.close();
});

test('a rejected promise that the caller ignores has no effect', async () => {
  const { client: kv } = await connectLocally();
  const complaints: unknown[] = [];
  const complain = (reason: unknown) => complaints.push(reason);
  process.on('unhandledRejection', complain);
  kv.set('', 1).finally;
  kv.atomic().commit().finally;
  await after(20);
  process.off('unhandledRejection', complain);
  deepEqual(complaints, []);
  await kv.close();
});

test('await using closes the client', async () => {
  const { client } = await connectLocally();
  await client[Symbol.asyncDispose]();
  await rejects(client.get('k'), { code: 'closed' });
});
