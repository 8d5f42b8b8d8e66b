/** Limits of what is stored, in whole clusters: what counts, who is refused, and what passes. */

import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { principalNamed } from '../../src/access/principal.ts';
import { isKvError, type KvError } from '../../src/base/errors.ts';
import type { ShardId } from '../../src/base/ids.ts';
import { Random } from '../../src/base/random.ts';
import type { Client } from '../../src/client/client.ts';
import { encodeBatch } from '../../src/machine/batch.ts';
import { Flow } from '../../src/shard/fair-queue.ts';
import type { Response } from '../../src/wire/response.ts';
import { StorageRig } from './storage-rig.ts';

const SHARD = 1 as ShardId;
const FULL = { code: 'storage-limit-exceeded', outcome: 'notApplied' } as const;

async function failureOf(call: Promise<unknown>): Promise<KvError> {
  const failure = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  ok(isKvError(failure));
  return failure;
}

async function setAll(kv: Client, keys: readonly string[], value: unknown = 1): Promise<void> {
  for (const key of keys) await kv.set(key, value);
}

function numbered(prefix: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, at) => `${prefix}${at}`);
}

test('a user stores as many keys as its limit allows, and the refusal tells all', async () => {
  const rig = await StorageRig.open();
  const ann = await rig.user('ann', 'a/', { storedKeys: 10 });
  await setAll(ann, numbered('a/', 10));
  const began = rig.cluster.now;
  const failure = await failureOf(ann.set('a/x', 1));
  ok(rig.cluster.now - began < 100, 'it is not tried again');
  deepEqual([failure.code, failure.outcome, failure.retryable], [FULL.code, FULL.outcome, false]);
  match(failure.message, /10 keys are stored where the user may write, and the request adds 1; /);
  match(failure.message, /the limit is 10 keys \(storedKeys\)/);
  match(failure.hint, /delete keys, or .* kvctl user limit NAME --keys or --stored-bytes/);
  equal(await ann.get('a/x'), undefined);
  await ann.set('a/3', 'another value, and a longer one');
  await ann.add('a/4', 5n);
  await ann.delete('a/0');
  await ann.set('a/x', 1);
  await rejects(ann.set('a/y', 1), FULL);
  equal(rig.use('ann')?.refused, 2);
  await rig.cluster.close();
});

test('bytes of keys and values are limited, and what shrinks is stored', async () => {
  const rig = await StorageRig.open();
  const ann = await rig.user('ann', 'a/', { storedBytes: 1000 });
  await ann.set('a/1', new Uint8Array(900));
  await rejects(ann.set('a/2', new Uint8Array(200)), FULL);
  await rejects(ann.set('a/1', new Uint8Array(1000)), FULL);
  await ann.set('a/1', new Uint8Array(500));
  await ann.set('a/2', new Uint8Array(200));
  deepEqual((await rig.recount('a/')).bytes, rig.use('ann')?.usedBytes);
  await rig.limit('ann', { storedBytes: 300 });
  await ann.set('a/1', new Uint8Array(400));
  await rejects(ann.set('a/1', new Uint8Array(401)), FULL);
  await ann.delete('a/1');
  await ann.set('a/1', new Uint8Array(20));
  await rig.cluster.close();
});

test('calls of one turn are refused one by one, and what adds nothing is served', async () => {
  const rig = await StorageRig.open();
  const ann = await rig.user('ann', 'a/', { storedKeys: 4 });
  await setAll(ann, numbered('a/', 4));
  const calls = [
    ann.set('a/9', 1),
    ann.set('a/1', 'again'),
    ann.set('a/8', 1),
    ann.add('a/2', 1n),
    ann.atomic().set('a/7', 1).commit(),
  ];
  const outcomes = (await Promise.allSettled(calls)).map(({ status }) => status);
  deepEqual(outcomes, ['rejected', 'fulfilled', 'rejected', 'fulfilled', 'rejected']);
  const together = await Promise.allSettled([ann.set('a/5', 1), ann.delete('a/3')]);
  equal(together[1].status, 'fulfilled');
  deepEqual([(await ann.get('a/1'))?.value, (await ann.get('a/2'))?.value], ['again', 2]);
  await rig.cluster.close();
});

test('who may write the same keys without a limit is not refused, and is counted', async () => {
  const rig = await StorageRig.open();
  const ann = await rig.user('ann', 'a/', { storedKeys: 3 });
  const bob = await rig.user('bob', 'a/');
  const root = await rig.root();
  await setAll(bob, numbered('a/', 3));
  await rejects(ann.set('a/x', 1), FULL);
  await setAll(root, ['a/y', 'a/z', 'b/1']);
  equal(rig.use('ann')?.usedKeys, 5);
  await rig.cluster.close();
});

test('what was stored before is counted, and counted anew for another role', async () => {
  const rig = await StorageRig.open();
  const root = await rig.root();
  await Promise.all(numbered('a/', 1500).map((key) => root.set(key, 1)));
  await Promise.all(numbered('c/', 20).map((key) => root.set(key, 1)));
  const ann = await rig.user('ann', 'a/', { storedKeys: 1000 });
  await rig.settle();
  deepEqual([rig.use('ann')?.usedKeys, rig.use('ann')?.isComplete], [1500, true]);
  await rejects(ann.set('a/x', 1), FULL);
  await rig.rig.user('ann', 9, [{ ...grantOf('c/') }]);
  await rig.settle();
  equal(rig.use('ann')?.usedKeys, 20);
  await rig.cluster.close();
});

function grantOf(prefix: string) {
  const from = new TextEncoder().encode(prefix);
  const to = from.slice();
  to[to.length - 1] = (to.at(-1) ?? 0) + 1;
  return { from, to, verbs: ['read', 'write'] as const };
}

test('limits hold with access control only, and go when they are lifted', async () => {
  const rig = await StorageRig.open();
  const ann = await rig.user('ann', 'a/', { storedKeys: 1 });
  await ann.set('a/1', 1);
  await rejects(ann.set('a/2', 1), FULL);
  await rig.rig.say({ type: 'disable-access' });
  await ann.set('a/2', 1);
  equal(rig.use('ann'), undefined);
  await rig.rig.say({ type: 'enable-access', token: undefined, isForced: true });
  await rejects(ann.set('a/3', 1), FULL);
  await rig.limit('ann', {});
  await ann.set('a/3', 1);
  equal(rig.cluster.coreOf(1)?.state.replicas.get(1 as never)?.counts.all.length, 0);
  await rig.cluster.close();
});

test('keys that expire or are cleared make room', async () => {
  const rig = await StorageRig.open(1, 2);
  const ann = await rig.user('ann', 'a/', { storedKeys: 8 });
  for (const key of numbered('a/', 4)) await ann.set(key, 1, { ttl: 5000 });
  await setAll(ann, numbered('a/b', 4));
  await rejects(ann.set('a/x', 1), FULL);
  await rig.cluster.advance(8000);
  equal(rig.use('ann')?.usedKeys, 4);
  await setAll(ann, numbered('a/c', 4));
  await rejects(ann.set('a/x', 1), FULL);
  await ann.clear({ prefix: 'a/b' });
  equal(rig.use('ann')?.usedKeys, 4);
  await ann.set('a/x', 1);
  await rig.cluster.close();
});

test('the shards of all nodes count together', async () => {
  const rig = await StorageRig.open(3, 6);
  const ann = await rig.user('ann', 'a/', { storedKeys: 60 });
  await setAll(ann, numbered('a/', 60));
  await rig.settle();
  for (const node of [1, 2, 3]) {
    deepEqual([rig.use('ann', node)?.usedKeys, rig.use('ann', node)?.isComplete], [60, true]);
  }
  for (const key of numbered('a/x', 12)) await rejects(ann.set(key, 1), FULL);
  await rig.cluster.close();
});

test('a transaction that adds too much is refused before a part is prepared', async () => {
  const rig = await StorageRig.open(3, 6);
  const ann = await rig.user('ann', 'a/', { storedKeys: 30 });
  const keys = numbered('a/', 30);
  await setAll(ann, keys);
  await rig.settle();
  const proposed = () => {
    return rig.cores.map(({ state }) => {
      return [...state.replicas.all].map(({ shard, applied }) => (shard > 0 ? applied : 0));
    });
  };
  const before = proposed();
  const wide = async () => {
    await ann.transaction(async (tx) => {
      for (const key of numbered('a/new', 8)) tx.set(key, 1);
    });
  };
  const failure = await failureOf(wide());
  deepEqual([failure.code, failure.outcome], [FULL.code, FULL.outcome]);
  match(failure.message, /30 keys are stored .* adds 8; the limit is 30/);
  deepEqual(proposed(), before, 'no shard has an entry of it');
  await ann.transaction(async (tx) => {
    for (const key of keys) tx.delete(key);
  });
  await rig.settle();
  await wide();
  await rig.settle();
  equal((await rig.recount('a/')).keys, 8);
  await rig.cluster.close();
});

test('a request that another node forwards is refused by the leader that serves it', async () => {
  const rig = await StorageRig.open(3, 1);
  const ann = await rig.user('ann', 'a/', { storedKeys: 2 });
  await setAll(ann, numbered('a/', 2));
  const leader = await rig.cluster.leaderSoon('a/0');
  const door = rig.cluster.coreOf(leader === 1 ? 2 : 1);
  const { access, shards } = rig.rig.map;
  const principal = access && principalNamed(access, { user: 'ann', expiresAt: 0 }, 0);
  ok(door !== undefined && principal !== undefined);
  const share = new Flow({ client: 7, mayGoOn: () => true });
  const deadline = (door.state.replicas.get(SHARD)?.logTime ?? 0) + 5000;
  const about = { client: new Uint8Array(16).fill(3), deadline };
  const answerTo = async (sequence: number, key: string) => {
    const operation = { type: 'set', key: Buffer.from(key), value: Buffer.from('1') } as const;
    const commands = [[{ ...operation, lifeMilliseconds: 0 }]];
    const batch = encodeBatch({ ...about, sequence, commands });
    const epoch = shards[SHARD]?.epoch ?? 0;
    const answers: Response[] = [];
    const respond = (response: Response) => void answers.push(response);
    const request = { type: 'write', id: 1, shard: SHARD, epoch, batch } as const;
    door.ask(request, { respond, isClient: true, principal, share });
    for (let step = 0; step < 50 && answers.length === 0; step++) await rig.cluster.advance(20);
    return answers.find(({ id }) => id === 1);
  };
  const excess = { limit: 'storedKeys', allowed: 2, used: 2, added: 1 } as const;
  deepEqual(await answerTo(1, 'a/x'), { type: 'storage-limited', id: 1, ...excess });
  equal((await answerTo(2, 'a/1'))?.type, 'written');
  await rig.cluster.close();
});

test('a leader that is lost takes no count with it, and none counts twice', async () => {
  const rig = await StorageRig.open(3, 3);
  const ann = await rig.user('ann', 'a/', { storedKeys: 90 });
  await setAll(ann, numbered('a/', 90));
  await rig.settle();
  const lost = await rig.cluster.leaderSoon('a/0');
  rig.cluster.crash(lost);
  await rig.cluster.advance(3000);
  const left = [1, 2, 3].filter((node) => node !== lost);
  for (const node of left) equal(rig.use('ann', node)?.usedKeys, 90);
  await rejects(ann.set('a/x', 1), FULL);
  rig.cluster.heal();
  await rig.cluster.advance(6000);
  for (const node of [1, 2, 3]) {
    deepEqual([rig.use('ann', node)?.usedKeys, rig.use('ann', node)?.isComplete], [90, true]);
  }
  await ann.delete('a/0');
  await rig.settle();
  for (const node of [1, 2, 3]) equal(rig.use('ann', node)?.usedKeys, 89);
  await rig.cluster.close();
});

test('what goes beyond the limit is bounded by what arrives within an exchange', async () => {
  const rig = await StorageRig.open(3, 6);
  const ann = await rig.user('ann', 'a/', { storedKeys: 100 });
  let stored = 0;
  let refusedAt = Number.POSITIVE_INFINITY;
  const began = rig.cluster.now;
  // Ten keys in each tenth of a second: a hundred in a second.
  for (let round = 0; round < 60; round++) {
    const calls = numbered(`a/${round}-`, 10).map((key) => ann.set(key, 1));
    for (const { status } of await Promise.allSettled(calls)) {
      if (status === 'fulfilled') stored += 1;
      else refusedAt = Math.min(refusedAt, rig.cluster.now - began);
    }
    await rig.cluster.advance(100);
  }
  equal((await rig.recount('a/')).keys, stored);
  ok(refusedAt < 3500, `it is refused at ${refusedAt} ms`);
  ok(stored >= 100 && stored <= 100 + 150, `${stored} keys`);
  await rig.cluster.close();
});

test('on every node the counts are those of a recount, whatever happens', async () => {
  const rig = await StorageRig.open(3, 4);
  const random = new Random(5);
  const ann = await rig.user('ann', 'a/', { storedKeys: 1e6, storedBytes: 1e9 });
  const bob = await rig.user('bob', 'a/1', { storedKeys: 1e6 });
  const root = await rig.root();
  const key = () => `a/${random.below(60)}`;
  const act = (kv: Client): Promise<unknown> => {
    const value = new Uint8Array(random.below(300));
    switch (random.below(7)) {
      case 0:
        return kv.delete(key());
      case 1:
        return kv.set(key(), value, { ttl: 500 + random.below(3000) });
      case 2:
        return kv.transaction(async (tx) => {
          for (let at = 0; at < 4; at++) tx.set(key(), value);
          tx.delete(key());
        });
      case 3:
        return kv.clear({ prefix: `a/${random.below(6)}` });
      default:
        return kv.set(key(), value);
    }
  };
  for (let round = 0; round < 24; round++) {
    const calls = Array.from({ length: 12 }, () => act(random.pick([ann, root])));
    await Promise.allSettled(calls);
    if (round % 6 === 3) rig.cluster.crash(1 + random.below(3));
    if (round % 6 === 5) rig.cluster.heal();
    await rig.cluster.advance(300);
  }
  await bob.set('a/1', 1);
  rig.cluster.heal();
  await rig.cluster.advance(10_000);
  for (const [user, prefix] of [
    ['ann', 'a/'],
    ['bob', 'a/1'],
  ] as const) {
    const { keys, bytes } = await rig.recount(prefix);
    ok(keys > 0);
    for (const node of [1, 2, 3]) {
      const use = rig.use(user, node);
      deepEqual([use?.usedKeys, use?.usedBytes, use?.isComplete], [keys, bytes, true], user);
    }
  }
  await rig.cluster.close();
});
