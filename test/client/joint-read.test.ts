/** Reads of several shards at one moment: how many rounds they take, and what they cost. */

import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { CLIENT_LIMITS } from '../../src/base/client-limits.ts';
import { encodeReply } from '../../src/machine/reply.ts';
import { clusterOf, connectLocally, keysApart } from './model/local.ts';

/**
 * A client, and a rival that writes whenever the client is about to ask whether what it has read is
 * still so: as often as the test says.
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

test('keys of several shards are read and then validated, and those of one only read', async () => {
  const { kv, keys, kinds, frames, close } = await disturbed(0);
  frames.length = 0;
  deepEqual(
    (await kv.getMany(keys)).map((entry) => entry?.value),
    [0, 0],
  );
  deepEqual(kinds(), ['read', 'read', 'validate', 'validate']);
  frames.length = 0;
  await kv.getMany(['{t}1', '{t}2', '{t}1']);
  await kv.getMany(keys, { read: { stale: { maxMs: 100 } } });
  deepEqual(kinds(), ['read', 'read', 'read']);
  await close();
});

test('what was written meanwhile is read again, and in the end all is of one moment', async () => {
  for (const times of [1, 2, 3, 5]) {
    const { kv, keys, close } = await disturbed(times);
    const [one, other] = await kv.getMany(keys);
    equal(one?.value, other?.value, `after ${times} writes`);
    ok(Number(one?.value) > 0);
    await close();
  }
});

test('keys that are written all the time are locked for the read', async () => {
  const { kv, keys, kinds, frames, close } = await disturbed(1000);
  frames.length = 0;
  const [one, other] = await kv.getMany(keys);
  equal(one?.value, other?.value);
  const { jointReadRounds } = CLIENT_LIMITS;
  equal(kinds().filter((type) => type === 'validate').length, 2 * jointReadRounds);
  equal(kinds().at(-1), 'transact');
  await close();
});

test('values that are too large to be locked are read in rounds until time is over', async () => {
  const { kv, keys, kinds, frames, close } = await disturbed(9);
  const large = ['x', 'y'].map((text) => keysApart(text)[0]);
  await Promise.all(large.map((key) => kv.set(key, 'x'.repeat(10_000))));
  frames.length = 0;
  const entries = await kv.getMany([...keys, ...large]);
  equal(entries[0]?.value, entries[1]?.value);
  ok(!kinds().includes('transact'));
  await close();
});

test('between rounds that cannot come to an end there are rests, longer and longer', async () => {
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
  await rejects(kv.getMany(keys, { timeout: 300 }), { outcome: 'notApplied' });
  const rounds = frames.flat().filter(({ type }) => type === 'validate').length / keys.length;
  ok(rounds > CLIENT_LIMITS.jointReadRounds && rounds < 15, `${rounds} rounds`);
  await kv.close();
});

test('an answer to a lock that says nothing of the keys is not taken for one', async () => {
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
  const entries = await kv.getMany(keys);
  equal(isLocked, true);
  equal(frames.flat().at(-1)?.type, 'validate');
  deepEqual(
    entries.map((entry) => entry?.value),
    [1, 1],
  );
  await kv.close();
});

test('a read that is validated for ever ends by its timeout', async () => {
  const { kv, keys, close } = await disturbed(0);
  const { client: silent, fallSilent, cluster } = await connectLocally();
  const serve = cluster.serve.bind(cluster);
  cluster.serve = (node, request, reply, isForwarded) => {
    if (request.type !== 'validate') serve(node, request, reply, isForwarded);
  };
  await rejects(silent.getMany(keys, { timeout: 50 }), { code: 'timeout', outcome: 'notApplied' });
  const controller = new AbortController();
  const reading = silent.getMany(keys, { signal: controller.signal });
  setTimeout(() => controller.abort(), 20);
  await rejects(reading, { code: 'aborted', outcome: 'notApplied' });
  fallSilent();
  await silent.close();
  await kv.close();
  await close();
});
