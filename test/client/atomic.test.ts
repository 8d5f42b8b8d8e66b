/** Atomic commands over several shards, by the public API. */

import { deepEqual, equal, match, ok, rejects, throws } from 'node:assert/strict';
import { test } from 'node:test';
import type { Entry } from '../../src/client/encoding.ts';
import { type Committed, type CommittedTogether, type Conflict, KvError } from '../../src/index.ts';
import { clusterOf, connectLocally, keysApart } from './model/local.ts';

test('a command takes effect in all shards or in none, and names the failed key', async () => {
  const { client: kv } = await connectLocally();
  const [a, b, c, d] = keysApart('k');
  const done = await kv.atomic().set(c, 'c').set(a, 'a').add(d, 5).commit();
  ok(done.ok);
  const entries = await kv.getMany([a, b, c, d]);
  deepEqual(
    entries.map((entry) => entry?.value),
    ['a', undefined, 'c', 5],
  );
  const late = kv.atomic().set(b, 1).check({ key: a, version: 77 }).delete(c);
  deepEqual(await late.commit(), {
    ok: false,
    key: a,
    version: (entries[0] as Entry<string>).version,
  });
  equal(await kv.get(b), undefined);
  await kv.close();
});

test('every key that was written has its own version, in whatever shard it is', async () => {
  const { client: kv } = await connectLocally();
  const [a, b, c] = keysApart('k');
  await Promise.all([1, 2, 3].map((at) => kv.set(b, at)));
  const done = await kv
    .atomic()
    .check({ key: c, version: 0 })
    .set(b, 'b')
    .set(a, 'a')
    .delete(c)
    .commit();
  ok(done.ok);
  const [one, other] = (await kv.getMany([a, b])) as readonly Entry<string>[];
  deepEqual([done.versionOf(a), done.versionOf(b)], [one?.version, other?.version]);
  equal(done.versionOf(c), 0);
  throws(() => done.versionOf('another'), { code: 'invalid-argument' });
  const again = kv.atomic().set('x', 1);
  for (const key of [a, b, c]) again.check({ key, version: done.versionOf(key) });
  equal((await again.commit()).ok, true);
  const near = await kv.atomic().set('{n}1', 1).delete('{n}2').commit();
  ok(near.ok);
  equal(near.versionOf('{n}1'), (await kv.get('{n}1'))?.version);
  equal(near.versionOf('{n}2'), 0);
  await kv.close();
});

test('keys of one shard are one write', async () => {
  const { client: kv, frames } = await connectLocally();
  await kv.set('{n}0', 0);
  frames.length = 0;
  await kv.atomic().set('{n}1', 1).set('{n}2', 2).commit();
  deepEqual(
    frames.map((requests) => requests.map(({ type }) => type)),
    [['write']],
  );
  await kv.close();
});

test('a key that transactions hold until the timeout is named in the failure', async () => {
  const { client: kv } = await connectLocally({}, clusterOf({ giveWay: 1 }));
  const [a, b] = keysApart('k');
  const failure = await kv.atomic().set(a, 1).set(b, 2).commit({ timeout: 150 }).catch(String);
  ok(typeof failure === 'string');
  const error = await kv
    .atomic()
    .set(a, 1)
    .set(b, 2)
    .commit({ timeout: 150 })
    .catch((e: unknown) => e);
  ok(error instanceof KvError);
  // The last attempt may have been in flight.
  ok(error.code === 'contended' || error.outcome === 'unknown', error.message);
  if (error.code === 'contended') match(error.message, new RegExp(`"${a}"`));
  await kv.close();
});

test('a command that is too large fails with its size and the limit', async () => {
  const { client: kv } = await connectLocally();
  const value = 'x'.repeat(1_000_000);
  const large = kv.atomic();
  for (let at = 0; at < 20; at++) large.set(`k${at}`, value);
  await rejects(large.commit(), {
    code: 'command-too-large',
    outcome: 'notApplied',
    message: /\d{8}.*17825792/,
  });
  const [a, b] = keysApart('k');
  await rejects(
    kv
      .atomic()
      .set(a, 1)
      .set(b, 'x'.repeat(2 ** 21))
      .commit(),
    {
      code: 'value-too-large',
    },
  );
  await rejects(kv.atomic().set(a, 1).set(b, 1).set(b, 2).commit(), { code: 'key-twice' });
  await rejects(
    (async () => {
      await kv.set(b, 'text');
      return kv.atomic().set(a, 1).add(b, 1).commit();
    })(),
    { code: 'not-a-number', outcome: 'notApplied' },
  );
  await kv.close();
});

test('a returned version can be a condition, whether one key was written or several', async () => {
  const { client: kv } = await connectLocally();
  const [a, b] = keysApart('v');
  const shapes: (() => Promise<number>)[] = [
    async () => ((await kv.set(b, 1)) as Committed).version,
    async () => versionIn(await kv.atomic().set(b, 1).commit(), b),
    async () => versionIn(await kv.atomic().set(a, 1).set(b, 1).commit(), b),
    async () => versionIn(await kv.atomic().set(b, 1).set(a, 1).commit(), b),
  ];
  for (const write of shapes) {
    // Versions of the two shards drift apart.
    await kv.set(a, 0);
    const version = await write();
    equal((await kv.set(b, 2, { ifVersion: version })).ok, true);
    equal((await kv.set(b, 3, { ifVersion: version })).ok, false);
  }
  await kv.close();
});

test('an undefined condition is refused, not ignored', async () => {
  const { client: kv } = await connectLocally();
  const missing = await kv.get('missing');
  const options = { ifVersion: missing?.version } as { ifVersion: number };
  await rejects(kv.set('missing', 1, options), { code: 'invalid-argument' });
  await rejects(kv.delete('missing', options), { code: 'invalid-argument' });
  equal(await kv.get('missing'), undefined);
  await kv.close();
});

function versionIn(told: CommittedTogether | Conflict, key: string): number {
  ok(told.ok);
  return told.versionOf(key);
}

test('results of additions and appends are those of their keys', async () => {
  const { client: kv } = await connectLocally();
  const [a, b, c, d] = keysApart('k');
  const tagged = ['{n}a', '{n}b', '{n}c', '{n}d'] as const;
  for (const [one, two, three, four] of [[a, b, c, d] as const, tagged]) {
    await kv.atomic().add(one, 40).add(two, 5).append(three, Uint8Array.of(1, 2)).commit();
    const done = await kv
      .atomic()
      .delete(four)
      .absent('absent')
      .add(one, 2)
      .append(three, Uint8Array.of(3))
      .set('{n}e', 1)
      .touch('{n}f', 1000)
      .min(two, 3)
      .commit();
    ok(done.ok);
    deepEqual([done.resultOf(one), done.resultOf(two), done.lengthOf(three)], [42n, 3n, 3]);
    throws(() => done.resultOf(three), { code: 'invalid-argument' });
    throws(() => done.resultOf('absent'), { code: 'invalid-argument' });
    throws(() => done.lengthOf(one), { code: 'invalid-argument' });
  }
  await kv.close();
});

test('one command has keys of several spaces, and each is asked for in its own', async () => {
  const { client: kv } = await connectLocally();
  const { client: stranger } = await connectLocally();
  const users = kv.space<{ readonly name: string }>('user');
  const totals = kv.space<number>('total');
  const command = kv.atomic().set('7', 'of the client').in(users).set('7', { name: 'Ada' });
  const done = await command.in(totals).absent('users').add('users', 3).commit();
  ok(done.ok);
  deepEqual((await users.get('7'))?.value, { name: 'Ada' });
  equal((await kv.get('7'))?.value, 'of the client');
  equal(done.resultOf('users'), 3n);
  throws(() => done.versionOf('7'), { code: 'invalid-argument' });
  equal(done.in(users).versionOf('7'), (await users.get('7'))?.version);
  equal(done.in(kv).versionOf('7'), (await kv.get('7'))?.version);
  throws(() => done.in(stranger), { code: 'invalid-argument' });
  const conflict = await kv.atomic().in(users).absent('7').set('7', { name: 'Eve' }).commit();
  ok(!conflict.ok);
  deepEqual([conflict.key, conflict.version], ['7', done.in(users).versionOf('7')]);
  const strange = kv.atomic().in(stranger.space('user')).set('7', 1).commit();
  await rejects(strange, { code: 'invalid-argument', outcome: 'notApplied' });
  await Promise.all([kv.close(), stranger.close()]);
});

test('a check takes a key and a version, and no version that was left out', async () => {
  const { client: kv } = await connectLocally();
  const { version } = await kv.set(['seat', 12], 'Ada');
  equal((await kv.atomic().check(['seat', 12], version).set('x', 1).commit()).ok, true);
  equal((await kv.atomic().check(['seat', 12], 0).set('x', 2).commit()).ok, false);
  const forgotten = kv
    .atomic()
    .check('x', undefined as never)
    .set('x', 2);
  await rejects(forgotten.commit(), { code: 'invalid-argument', outcome: 'notApplied' });
  await kv.close();
});
