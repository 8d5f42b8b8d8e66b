/** What entries know besides their value: their whole key, and when they expire. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Random } from '../../src/base/random.ts';
import type { Client } from '../../src/client/client.ts';
import type { Entry } from '../../src/client/encoding.ts';
import { encodeKey, type Key, keyFrom } from '../../src/client/key.ts';
import { clusterOf, connectLocally, keysApart } from './model/local.ts';

const MINUTE = 60_000;

/** The entry of a key, in each way in which it can be read. */
async function readAll(kv: Client, key: string): Promise<readonly (Entry<unknown> | undefined)[]> {
  const [first] = await kv.getMany([key]);
  // Two keys of different shards, so that it is a joint read.
  const [joint] = await kv.snapshot([key, ...keysApart('other')]);
  const found: (Entry<unknown> | undefined)[] = [await kv.get(key), first, joint];
  for await (const entry of kv.scan({ prefix: key })) found.push(entry);
  await kv.transaction(async (tx) => {
    found.push(await tx.get(key));
    for await (const entry of tx.scan({ prefix: key })) found.push(entry);
  });
  return found;
}

test('an entry tells what is left of its life, by the log time of its shard', async () => {
  const cluster = clusterOf();
  const { client: kv } = await connectLocally({ timeout: 30_000 }, cluster);
  await kv.set('lives', 1, { ttl: 10 * MINUTE });
  await kv.set('stays', 1);
  // Log time has nothing to do with the clock of the client.
  cluster.pass(4 * MINUTE);
  const before = Date.now();
  const entries = await readAll(kv, 'lives');
  equal(entries.length, 6);
  for (const entry of entries) {
    const { ttl = 0, expiresAt = 0 } = entry ?? {};
    ok(ttl > 0 && ttl <= 6 * MINUTE && Number.isSafeInteger(ttl), `${ttl}`);
    ok(expiresAt - ttl >= before && expiresAt - ttl <= Date.now(), `${expiresAt} ${before}`);
  }
  for (const entry of await readAll(kv, 'stays')) {
    deepEqual([entry?.ttl, entry?.expiresAt], [undefined, undefined]);
  }
  await kv.close();
});

test('an entry that waits in a page gets no younger', async () => {
  const { client: kv } = await connectLocally({ timeout: 30_000 });
  await Promise.all([kv.set('a', 1, { ttl: MINUTE }), kv.set('b', 1, { ttl: MINUTE })]);
  const ends: number[] = [];
  for await (const { expiresAt = 0 } of kv.scan({ from: 'a' })) {
    ends.push(expiresAt);
    await pause(400);
  }
  // Both were set in one turn: the second must not live the longer for the pause.
  ok(Math.abs((ends[1] ?? 0) - (ends[0] ?? 0)) < 400, String(ends));
  await kv.close();
});

test('an expired key that is still there has one millisecond to live, never none', async () => {
  const cluster = clusterOf();
  const { client: kv } = await connectLocally({ timeout: 30_000 }, cluster);
  await kv.set('a', 1, { ttl: 10 });
  cluster.pass(MINUTE);
  equal((await kv.get('a'))?.ttl, 1);
  await kv.close();
});

test('what a transaction wrote itself has no expiry before it commits', async () => {
  const { client: kv } = await connectLocally();
  await kv.transaction(async (tx) => {
    tx.set('a', 1, { ttl: MINUTE });
    const own = await tx.get('a');
    deepEqual([own?.version, own?.ttl, own?.expiresAt], [0, undefined, undefined]);
  });
  ok((await kv.get('a'))?.ttl !== undefined);
  await kv.close();
});

test('an entry knows the bytes of its whole key, with those of its spaces', async () => {
  const { client: kv } = await connectLocally();
  const users = kv.space<number>('user').space<number>('eu');
  const bytesOf = (key: Key) =>
    new Uint8Array([...new TextEncoder().encode('user:eu:'), ...encodeKey(key)]);
  const keys: readonly Key[] = ['plain', ['order', 7n, -0.5, true], new Uint8Array([0xff, 0])];
  for (const key of keys) {
    await users.set(key, 1);
    deepEqual((await users.get(key))?.fullKey, bytesOf(key));
  }
  for (const kind of ['text', 'bytes', 'tuple'] as const) {
    const whole = new Set<string>();
    for await (const entry of users.scan({ keys: kind })) whole.add(String(entry.fullKey));
    for await (const entry of users.scan({ keys: kind, keysOnly: true }))
      ok(whole.has(String(entry.fullKey)));
    await kv.transaction(async (tx) => {
      for await (const entry of tx.in(users).scan({ keys: kind, keysOnly: true }))
        ok(whole.has(String(entry.fullKey)) && entry.version > 0);
    });
    deepEqual(whole, new Set(keys.map((key) => String(bytesOf(key)))));
  }
  await kv.close();
});

test('whatever bytes a key has, the key that a scan returns leads back to them', () => {
  const random = new Random(6);
  const tags = [0x00, 0x01, 0x02, 0x0c, 0x13, 0x14, 0x15, 0x16, 0x1c, 0x21, 0x26, 0x7f, 0x80, 0xff];
  for (let round = 0; round < 50_000; round++) {
    const bytes = Uint8Array.from({ length: random.between(1, 12) }, () => random.pick(tags));
    for (const kind of ['text', 'bytes', 'tuple'] as const) {
      deepEqual(encodeKey(keyFrom(bytes, kind)), bytes, `${kind} ${bytes}`);
    }
  }
});

test('the console and JSON show key, value and version alone', async () => {
  const { client: kv } = await connectLocally();
  const { version } = await kv.set('a', 'x', { ttl: MINUTE });
  equal(JSON.stringify(await kv.get('a')), JSON.stringify({ key: 'a', value: 'x', version }));
  await kv.close();
});
