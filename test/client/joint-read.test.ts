/** Reads of several shards at one moment: how many rounds they take, and what they cost. */

import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { CLIENT_LIMITS } from '../../src/client/limits.ts';
import { encodeReply } from '../../src/machine/reply.ts';
import { clusterOf, connectLocally, keysApart } from './model/local.ts';

/**
 * A client, and a rival that writes before each of the first validations of the client: as many as
 * the test says.
 */
async function disturbed(timesOf: number) {
  const cluster = clusterOf();
  const { client: kv, frames } = await connectLocally({}, cluster);
  const { client: rival } = await connectLocally({}, cluster);
  const [a, b] = keysApart('k');
  await kv.atomic().set(a, 0).set(b, 0).commit();
  let times = timesOf;
  const serve = cluster.serve.bind(cluster);
  let writing = Promise.resolve();
  cluster.serve = (node, request, reply, isForwarded) => {
    if (request.type !== 'validate' || times === 0) return serve(node, request, reply, isForwarded);
    times -= 1;
    const write = rival.atomic().add(a, 1).add(b, 1).commit();
    writing = Promise.all([writing, write]).then(() => serve(node, request, reply, isForwarded));
  };
  const kinds = () => frames.flatMap((requests) => requests.map(({ type }) => type));
  const close = async () => {
    await Promise.all([kv.close(), rival.close()]);
  };
  return { kv, keys: [a, b], kinds, frames, close };
}

test('keys of several shards are read and then validated, of one only read', async () => {
  const { kv, keys, kinds, frames, close } = await disturbed(0);
  frames.length = 0;
  deepEqual(
    (await kv.snapshot(keys)).map((entry) => entry?.value),
    [0, 0],
  );
  deepEqual(kinds(), ['read', 'read', 'validate', 'validate']);
  frames.length = 0;
  await kv.snapshot(['{t}1', '{t}2', '{t}1']);
  deepEqual(kinds(), ['read']);
  await close();
});

test('a batch of reads asks the leader of each shard once, and validates nothing', async () => {
  const cluster = clusterOf();
  const { client: kv, frames } = await connectLocally({}, cluster);
  const { client: rival } = await connectLocally({}, cluster);
  const keys: string[] = ['v', 'w', 'x', 'y', 'z'].flatMap((text) => keysApart(text));
  await Promise.all(keys.map((key) => rival.set(key, key)));
  // The leaders are known after this.
  await kv.getMany(keys);
  frames.length = 0;
  deepEqual(
    (await kv.getMany([...keys, 'absent', ...keys])).map((entry) => entry?.value),
    [...keys, undefined, ...keys],
  );
  const asked = frames.flat();
  equal(asked.length, 4);
  equal(new Set(asked.map((request) => 'shard' in request && request.shard)).size, 4);
  for (const request of asked) {
    equal(request.type, 'read');
    deepEqual('level' in request && request.level, { type: 'linearizable' });
  }
  await Promise.all([kv.close(), rival.close()]);
});

test('a snapshot is never stale, also if the client reads stale by default', async () => {
  const { client: kv, frames } = await connectLocally({ read: { stale: { maxMs: 1000 } } });
  const keys = keysApart('k');
  await kv.getMany(keys);
  const levelsOf = () => frames.flat().flatMap((one) => ('level' in one ? [one.level.type] : []));
  ok(levelsOf().includes('stale'));
  frames.length = 0;
  await kv.snapshot(keys);
  deepEqual(new Set(levelsOf()), new Set(['linearizable']));
  const read = { stale: { maxMs: 5 } } as never;
  await rejects(kv.snapshot(keys, { read }), { code: 'invalid-argument' });
  await kv.close();
});

test('keys that were written meanwhile are read again until all are valid', async () => {
  for (const times of [1, 2, 3, 5]) {
    const { kv, keys, close } = await disturbed(times);
    const [one, other] = await kv.snapshot(keys);
    equal(one?.value, other?.value, `after ${times} writes`);
    ok(Number(one?.value) > 0);
    await close();
  }
});

test('keys that are written all the time are locked for the read', async () => {
  const { kv, keys, kinds, frames, close } = await disturbed(1000);
  frames.length = 0;
  const [one, other] = await kv.snapshot(keys);
  equal(one?.value, other?.value);
  const { jointReadRounds } = CLIENT_LIMITS;
  equal(kinds().filter((type) => type === 'validate').length, 2 * jointReadRounds);
  equal(kinds().at(-1), 'transact');
  await close();
});

test('values that are too large to be locked are read in more rounds', async () => {
  const { kv, keys, kinds, frames, close } = await disturbed(9);
  const large = ['x', 'y'].map((text) => keysApart(text)[0]);
  await Promise.all(large.map((key) => kv.set(key, 'x'.repeat(10_000))));
  frames.length = 0;
  const entries = await kv.snapshot([...keys, ...large]);
  equal(entries[0]?.value, entries[1]?.value);
  ok(!kinds().includes('transact'));
  await close();
});

test('the backoff grows between rounds that keep failing', async () => {
  const cluster = clusterOf();
  const { client: kv, frames } = await connectLocally({}, cluster);
  const keys = keysApart('x').slice(0, 2);
  await Promise.all(keys.map((key) => kv.set(key, 'x'.repeat(10_000))));
  const changed = encodeReply({ type: 'check-failed', position: 0, version: 1 });
  const serve = cluster.serve.bind(cluster);
  cluster.serve = (node, request, reply, isForwarded) => {
    if (request.type !== 'validate') return serve(node, request, reply, isForwarded);
    reply({ type: 'written', id: request.id, time: 1_000_000, replies: [changed] });
  };
  frames.length = 0;
  await rejects(kv.snapshot(keys, { timeout: 300 }), { outcome: 'notApplied' });
  const rounds = frames.flat().filter(({ type }) => type === 'validate').length / keys.length;
  ok(rounds > CLIENT_LIMITS.jointReadRounds && rounds < 15, `${rounds} rounds`);
  await kv.close();
});

test('an answer to a locking read that has no rows is not taken for them', async () => {
  const cluster = clusterOf();
  const { client: kv, frames } = await connectLocally({}, cluster);
  const [one, other] = keysApart('k');
  const keys = [one, other];
  await kv.atomic().set(one, 1).set(other, 1).commit();
  const changed = encodeReply({ type: 'check-failed', position: 0, version: 1 });
  const serve = cluster.serve.bind(cluster);
  let isLocked = false;
  cluster.serve = (node, request, reply, isForwarded) => {
    const isWrong = !isLocked && (request.type === 'validate' || request.type === 'transact');
    if (!isWrong) return serve(node, request, reply, isForwarded);
    isLocked = request.type === 'transact';
    reply({ type: 'written', id: request.id, time: 1_000_000, replies: [changed] });
  };
  frames.length = 0;
  const entries = await kv.snapshot(keys);
  equal(isLocked, true);
  equal(frames.flat().at(-1)?.type, 'validate');
  deepEqual(
    entries.map((entry) => entry?.value),
    [1, 1],
  );
  await kv.close();
});

test('a joint read without an answer to its validation ends by its timeout', async () => {
  const { kv, keys, close } = await disturbed(0);
  const { client: silent, fallSilent, cluster } = await connectLocally();
  const serve = cluster.serve.bind(cluster);
  cluster.serve = (node, request, reply, isForwarded) => {
    if (request.type !== 'validate') serve(node, request, reply, isForwarded);
  };
  await rejects(silent.snapshot(keys, { timeout: 50 }), { code: 'timeout', outcome: 'notApplied' });
  const controller = new AbortController();
  const reading = silent.snapshot(keys, { signal: controller.signal });
  setTimeout(() => controller.abort(), 20);
  await rejects(reading, { code: 'aborted', outcome: 'notApplied' });
  fallSilent();
  await silent.close();
  await kv.close();
  await close();
});

test('an abort ends a joint read that reads again, though one shard has answered', async () => {
  const cluster = clusterOf();
  const { client: kv } = await connectLocally({}, cluster);
  const keys = keysApart('k').slice(0, 2);
  await Promise.all(keys.map((key) => kv.set(key, 1)));
  const changed = encodeReply({ type: 'check-failed', position: 0, version: 1 });
  const controller = new AbortController();
  let readsAgain = 0;
  const serve = cluster.serve.bind(cluster);
  cluster.serve = (node, request, reply, isForwarded) => {
    if (request.type === 'validate') {
      readsAgain = 1;
      return reply({ type: 'written', id: request.id, time: 1_000_000, replies: [changed] });
    }
    // Of the second round only the last shard answers.
    if (request.type === 'read' && readsAgain > 0 && readsAgain++ === 1) return;
    serve(node, request, reply, isForwarded);
    if (readsAgain > 2) setTimeout(() => controller.abort(), 20);
  };
  const reading = kv.snapshot(keys, { signal: controller.signal, timeout: 5_000 });
  await rejects(reading, { code: 'aborted', outcome: 'notApplied' });
  await kv.close();
});
