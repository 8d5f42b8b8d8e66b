/** Requests of tools, to a real node and to servers that are not nodes. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import type { NodeInfo as InfoRead } from '../../cli/node-info.ts';
import type { PendingInfo } from '../../cli/pending-info.ts';
import { askInfo, askMap, askPending, settle, type Waiting } from '../../src/admin.ts';
import { bytes, connect, KvError } from '../../src/index.ts';
import type { PendingTransactions } from '../../src/node/pending.ts';
import type { NodeInfo as InfoSaid } from '../../src/node/status.ts';
import { startNode } from '../../src/runtime/node.ts';

/** The compiler checks that kvctl reads what a node reports. */
const asRead = (said: InfoSaid): InfoRead => said;
const pendingAsRead = (said: PendingTransactions): PendingInfo => said;

/** A cluster of one node, for as long as the test lasts. */
async function serve(context: TestContext, { weight, zone }: { weight: number; zone: string }) {
  const folder = mkdtempSync(join(tmpdir(), 'ringkv-admin-'));
  const node = await startNode({
    folder,
    listen: { host: '127.0.0.1', port: 0 },
    advertise: {},
    weight,
    name: 'lonely',
    zone,
    isInsecureAllowed: false,
    valueBytesMax: 1024,
    init: { shards: 2, replicas: 3 },
    join: [],
    logLevel: 'silent',
  });
  context.after(async () => {
    await node.stop();
    rmSync(folder, { recursive: true });
  });
  return node;
}

test('a node reports the cluster and its state, and any codec can be used', async (context) => {
  const node = await serve(context, { weight: 3, zone: 'west' });
  const kv = await connect(node.clientUrl, { codec: bytes });
  await kv.set('k', Uint8Array.of(0xc1));
  assert.deepEqual((await kv.get('k'))?.value, Uint8Array.of(0xc1), 'no MessagePack begins so');
  await kv.close();
  const map = await askMap(['kv://127.0.0.1:1', node.clientUrl]);
  assert.equal(map.clusterId, node.cluster);
  assert.deepEqual(
    map.nodes.map(({ name, clientUrl, weight, zone }) => [name, clientUrl, weight, zone]),
    [['lonely', node.clientUrl, 3, 'west']],
  );
  // Every shard elects its leader in its own time.
  const shards = 3;
  let info = asRead(JSON.parse(await askInfo(node.clientUrl)));
  while (info.replicas.filter(({ role }) => role === 'leader').length < shards) {
    await new Promise((resume) => setTimeout(resume, 20));
    info = asRead(JSON.parse(await askInfo(node.clientUrl)));
  }
  assert.deepEqual([info.node, info.cluster, info.isReadOnly], [1, node.cluster, false]);
  assert.deepEqual(
    info.replicas.map(({ shard, role }) => [shard, role]),
    [
      [0, 'leader'],
      [1, 'leader'],
      [2, 'leader'],
    ],
  );
});

async function urlOf(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `kv://127.0.0.1:${(server.address() as { port: number }).port}`;
}

test('a node that does not answer is named, with the reason, in time', async (context) => {
  const silent = createServer();
  const rude = createServer((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nhello'));
  context.after(() => {
    silent.close();
    rude.close();
  });
  const urls = [await urlOf(silent), await urlOf(rude), 'kv://127.0.0.1:1'];
  const began = performance.now();
  await assert.rejects(askMap(urls, { timeout: 300 }), (error) => {
    assert.ok(error instanceof KvError);
    assert.deepEqual([error.code, error.outcome], ['unreachable', 'notApplied']);
    assert.deepEqual(
      error.attempts.map(({ endpoint }) => endpoint),
      urls,
    );
    assert.equal(error.attempts[0]?.what, 'it did not answer in time');
    assert.match(error.attempts[2]?.what ?? '', /ECONNREFUSED/);
    return true;
  });
  assert.ok(performance.now() - began < 2000, 'one timeout for each that is silent, and no more');
  await assert.rejects(askInfo(urls[1] ?? '', { timeout: 300 }), { code: 'unreachable' });
  await assert.rejects(askInfo('http://127.0.0.1'), { code: 'invalid-argument' });
});

/** A transaction without a client. */
function waitingAt(home: number, deadline: number): Waiting {
  const id = `${home.toString(16).padStart(8, '0')}-${'ab'.repeat(16)}-7`;
  const participants = [home, 2 ** 31 + 5].map((position) => ({ position, deadline }));
  return { id, age: 1, participants };
}

test('pending transactions are reported, and an undecided one is aborted', async (context) => {
  const node = await serve(context, { weight: 1, zone: '' });
  const kv = await connect(node.clientUrl);
  await kv.atomic().set('a', 1).set('b', 2).commit();
  await kv.close();
  const urls = ['kv://127.0.0.1:1', node.clientUrl];
  const waiting = waitingAt(9, Date.now() + 60_000);
  assert.equal(await settle(urls, waiting), 'aborted');
  assert.equal(await settle(urls, waiting), 'aborted', 'for ever');
  const past = { ...waitingAt(9, 0), id: waiting.id.replace(/7$/, '9') };
  assert.equal(await settle(urls, past), 'over', 'it may have been committed');
  let pending = pendingAsRead(JSON.parse(await askPending(node.clientUrl)));
  while (pending.transactions.length > 0) {
    await new Promise((resume) => setTimeout(resume, 20));
    pending = pendingAsRead(JSON.parse(await askPending(node.clientUrl)));
  }
  assert.deepEqual(pending.transactions, []);
});

test('a node that cannot settle is named, and invalid ids are refused', async (context) => {
  const silent = createServer();
  context.after(() => silent.close());
  const url = await urlOf(silent);
  await assert.rejects(askPending(url, { timeout: 100 }), { code: 'unreachable' });
  await assert.rejects(settle(url, waitingAt(9, 0), { timeout: 100 }), { code: 'unreachable' });
  const unnamed = { ...waitingAt(9, 0), id: 'nonsense' };
  await assert.rejects(settle(url, unnamed), { code: 'invalid-argument' });
  const alone = { ...waitingAt(9, 0), participants: [] };
  await assert.rejects(settle(url, alone), { code: 'invalid-argument' });
});
