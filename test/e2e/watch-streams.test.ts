/** Streams of changes on real sockets and disks, by raw requests. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Client, connect, utf8 } from '../../src/index.ts';
import { temporaryFolder } from '../storage/temporary.ts';
import { LoneNode } from './lone-node.ts';
import { StreamClient } from './stream-client.ts';

const LONG = { timeout: 120_000 };
/** The first shard of users' data. */
const SHARD = 1;

async function fill(kv: Client, count: number, text = 'x'): Promise<void> {
  for (let at = 0; at < count; at++) await kv.set(`k${at % 20}`, `${text}${at}`);
}

/** The copy of each watcher is what the store has. */
async function areEqual(kv: Client, watchers: readonly StreamClient[]): Promise<void> {
  const stored = new Map<string, number>();
  for await (const { key, version } of kv.scan({ prefix: '' })) stored.set(String(key), version);
  for (const { copy } of watchers) {
    assert.deepEqual(new Map([...copy].sort()), new Map([...stored].sort()));
  }
}

test('two watchers of one node see every change, and a slow one delays none', LONG, async () => {
  const node = await LoneNode.start(temporaryFolder());
  const kv = await connect([node.url], { codec: utf8 });
  const watchers: StreamClient[] = [];
  try {
    await fill(kv, 30);
    for (let count = 0; count < 3; count++) watchers.push(await StreamClient.open(node.port));
    const [one, other, slow] = watchers as [StreamClient, StreamClient, StreamClient];
    slow.grants = false;
    for (const watcher of watchers) {
      const atLeast = await watcher.barrier(SHARD);
      await watcher.watch(SHARD, { atLeast, credit: watcher === slow ? 1 : 100_000 });
      await watcher.until(() => watcher.isSynced);
    }
    await areEqual(kv, watchers);
    await fill(kv, 200, 'y');
    await kv.delete('k3');
    const index = await one.barrier(SHARD);
    for (const watcher of [one, other]) {
      watcher.reach(index);
      await watcher.until(() => watcher.position >= index);
      assert.equal(watcher.changes.length, 201);
    }
    await areEqual(kv, [one, other]);
    assert.ok(slow.changes.length < 201, 'the slow one has not granted what it takes');
    slow.grants = true;
    slow.grant(100_000);
    await slow.until(() => slow.position >= index);
    assert.equal(slow.changes.length, 201);
    await areEqual(kv, [slow]);
    slow.cancel();
    await kv.set('k1', 'z');
    await one.until(() => one.values.get('k1') === 'z');
    assert.equal(slow.changes.length, 201, 'a cancelled stream is told nothing more');
  } finally {
    for (const watcher of watchers) watcher.raw.end();
    await kv.close();
    await node.end();
  }
});

test('a client that stops reading its socket keeps no other from its changes', LONG, async () => {
  const node = await LoneNode.start(temporaryFolder());
  const kv = await connect([node.url], { codec: utf8 });
  const [stuck, quick] = [await StreamClient.open(node.port), await StreamClient.open(node.port)];
  try {
    for (const watcher of [stuck, quick]) {
      const atLeast = await watcher.barrier(SHARD);
      await watcher.watch(SHARD, { atLeast, credit: 64 * 1024 * 1024 });
      await watcher.until(() => watcher.isSynced);
    }
    stuck.raw.listen(false);
    const value = 'v'.repeat(500_000);
    for (let at = 0; at < 40; at++) await kv.set(`k${at}`, value);
    await quick.until(() => quick.changes.length === 40);
    assert.ok(stuck.changes.length < 40);
    stuck.raw.listen(true);
    await stuck.until(() => stuck.changes.length === 40);
    await areEqual(kv, [stuck, quick]);
  } finally {
    stuck.raw.end();
    quick.raw.end();
    await kv.close();
    await node.end();
  }
});

test('a watcher whose node is killed goes on at another one, from its position', LONG, async () => {
  const folder = temporaryFolder();
  const first = await LoneNode.start(`${folder}/1`);
  const join = `ws://127.0.0.1:${first.port}`;
  const nodes = [first];
  for (const name of ['2', '3']) {
    nodes.push(await LoneNode.start(`${folder}/${name}`, { shards: 0, join }));
  }
  const kv = await connect(
    nodes.map(({ url }) => url),
    { codec: utf8 },
  );
  const watchers: StreamClient[] = [];
  try {
    await fill(kv, 20);
    for (const { port } of nodes) {
      const watcher = await StreamClient.open(port);
      watchers.push(watcher);
      await openUntilServed(watcher);
    }
    const [victim, ...others] = nodes.toReversed() as [LoneNode, ...LoneNode[]];
    const [moved] = watchers.toReversed() as [StreamClient];
    const writing = fill(kv, 300, 'w');
    await moved.until(() => moved.changes.length > 50);
    await victim.end();
    await moved.move((others[0] as LoneNode).port);
    await moved.watch(SHARD);
    await writing;
    const index = await moved.barrier(SHARD);
    for (const watcher of watchers) {
      watcher.reach(index);
      await watcher.until(() => watcher.position >= index);
      assert.equal(watcher.failure, undefined);
      assert.equal(watcher.changes.length, 300);
    }
    await areEqual(kv, watchers);
  } finally {
    for (const watcher of watchers) watcher.raw.end();
    await kv.close();
    for (const node of nodes) await node.end();
  }
});

/** A replica of the shard may still be on its way to the node. */
async function openUntilServed(watcher: StreamClient): Promise<void> {
  for (;;) {
    const atLeast = await watcher.barrier(SHARD);
    await watcher.watch(SHARD, { atLeast });
    await watcher.until(() => watcher.isSynced || watcher.failure !== undefined);
    if (watcher.isSynced) return;
    watcher.failure = undefined;
  }
}
