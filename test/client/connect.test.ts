/** Connecting by WebSocket: hello, calls, a node that goes away, and no node at the other end. */

import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { WebSocketServer } from 'ws';
import type { NodeId } from '../../src/base/ids.ts';
import { Random } from '../../src/base/random.ts';
import { encodeMap } from '../../src/catalog/map-bytes.ts';
import { connect, KvError } from '../../src/index.ts';
import { encodeHello } from '../../src/wire/hello.ts';
import { decodeRequests } from '../../src/wire/request.ts';
import { encodeResponses } from '../../src/wire/response.ts';
import { ModelCluster } from './model/cluster.ts';
import { mapOf } from './model/map.ts';

const LIMITS = {
  keyBytesMax: 4096,
  valueBytesMax: 1024,
  frameBytesMax: 2 ** 20,
  batchBytesMax: 2 ** 20,
};

const FAST = { timeout: 60_000 };

/** A cluster of one node that listens on a port of its own, or on that of an earlier one. */
async function listen({ port = 0, named = 'model' } = {}) {
  const server = new WebSocketServer({ port, host: '127.0.0.1', path: '/client' });
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const cluster = new ModelCluster({
    nodes: 1,
    shards: 2,
    world: { after: (milliseconds, run) => void setTimeout(run, milliseconds) },
    random: new Random(1),
    faults: {
      overload: 0,
      wrongEpoch: 0,
      notHere: 0,
      notFresh: 0,
      tooMuch: 0,
      survival: 0,
      forward: 0,
      giveWay: 0,
      mute: 0,
      commitMax: 1,
    },
    onEffect: () => {},
  });
  const model = mapOf({ nodes: 1, shards: 2, version: 1 });
  const nodes = model.nodes.map((node) => ({ ...node, clientUrl: url }));
  const map = encodeMap({ ...model, clusterId: named, nodes }, 0);
  server.on('connection', (socket) => {
    let isGreeted = false;
    socket.on('message', (data: Buffer) => {
      if (!isGreeted) {
        isGreeted = true;
        const hello = { versionMin: 1, versionMax: 1, features: [], cluster: named } as const;
        const node = { type: 'node', node: 1 as NodeId, incarnation: 1, limits: LIMITS } as const;
        socket.send(encodeHello({ ...hello, ...node }));
        return;
      }
      for (const request of decodeRequests(new Uint8Array(data)) ?? []) {
        if (request.type === 'map') {
          socket.send(encodeResponses([{ type: 'map', id: request.id, map }]));
        } else {
          cluster.serve(1, request, (response) => socket.send(encodeResponses([response])));
        }
      }
    });
  });
  const cut = () => {
    for (const socket of server.clients) socket.terminate();
  };
  return { url, cut, close: () => new Promise((resolve) => server.close(resolve)) };
}

test('a client connects, and reconnects when its connection breaks', async () => {
  const { url, cut, close } = await listen();
  const kv = await connect(url.replace('ws:', 'kv:'));
  equal((await kv.set('k', { n: 1 })).ok, true);
  for (let round = 0; round < 5; round++) {
    const writing = kv.add('n');
    cut();
    equal(await writing, BigInt(round + 1));
  }
  deepEqual((await kv.get('k'))?.value, { n: 1 });
  await rejects(kv.set('k', 'x'.repeat(2000)), { code: 'value-too-large', message: /1024/ });
  await kv.close();
  cut();
  await close();
});

test('a host and a port are enough, and commas separate several', async (context) => {
  const { url, cut, close } = await listen();
  const dead = await listen();
  await dead.close();
  const [host, deadHost] = [url, dead.url].map((one) => one.replace('ws://', ''));
  const forms = [host, `${deadHost},${host}`, `kv://${deadHost}, ${host}`, [`kv://${host}/`]];
  for (const form of forms) {
    const kv = await connect(form as string);
    equal((await kv.set('k', 1)).ok, true);
    await kv.close();
  }
  context.after(async () => {
    cut();
    await close();
  });
});

// The timeout of the calls is longer than that of the test.
test('if all urls refuse, connect fails at once and names them as given', FAST, async () => {
  const dead = await Promise.all([listen(), listen(), listen()]);
  for (const { close } of dead) await close();
  const urls = dead.map(({ url }) => url.replace('ws://', ''));
  const failure = await connect(urls, { timeout: 200_000 }).catch((error: unknown) => error);
  ok(failure instanceof KvError);
  deepEqual([failure.code, failure.outcome], ['unreachable', 'notApplied']);
  deepEqual(failure.attempts.map(({ endpoint }) => endpoint).sort(), [...urls].sort());
  match(failure.message, /no node can be reached at any url; last error from 127.*ECONNREFUSED/);
});

test('with `wait` connect is patient until a node listens', async (context) => {
  const early = await listen();
  const { port } = new URL(early.url);
  await early.close();
  let isConnected = false;
  const connecting = connect(`127.0.0.1:${port}`, { wait: true }).then((kv) => {
    isConnected = true;
    return kv;
  });
  await new Promise((resume) => setTimeout(resume, 100));
  equal(isConnected, false);
  const late = await listen({ port: Number(port) });
  const kv = await connecting;
  context.after(async () => {
    await kv.close();
    late.cut();
    await late.close();
  });
  equal((await kv.set('k', 1)).ok, true);
});

test('no node at the other end is an error that names the address and the cause', async () => {
  const { url, close } = await listen();
  await close();
  const failure = await connect([url], { timeout: 300 }).catch((error: unknown) => error);
  ok(failure instanceof KvError);
  equal(failure.code, 'unreachable');
  equal(failure.outcome, 'notApplied');
  match(failure.attempts.at(-1)?.endpoint ?? '', /127\.0\.0\.1/);
  match(failure.message, /127\.0\.0\.1.*ECONNREFUSED/);
});

test('only the named cluster is used, and another one fails at once', async () => {
  const { url, cut, close } = await listen();
  const kv = await connect(url, { cluster: 'model' });
  await kv.set('k', 1);
  await kv.close();
  const failure = await connect([url], { cluster: 'c0ffee', timeout: 30_000 }).catch((e) => e);
  ok(failure instanceof KvError);
  deepEqual([failure.code, failure.outcome], ['wrong-cluster', 'notApplied']);
  match(failure.message, /no url leads to cluster c0ffee/);
  equal(failure.attempts.at(-1)?.what, 'it belongs to another cluster');
  await rejects(connect(url, { cluster: 'two words' }), { code: 'invalid-argument' });
  cut();
  await close();
});

test('a client stays with the first cluster that answered', async (context) => {
  const first = await listen();
  const kv = await connect(first.url);
  await kv.set('k', 1);
  const { port } = new URL(first.url);
  first.cut();
  await first.close();
  const second = await listen({ port: Number(port), named: 'other' });
  context.after(async () => {
    await kv.close();
    second.cut();
    await second.close();
  });
  const reading = kv.get('k', { timeout: 1500 });
  await rejects(reading, { code: 'wrong-cluster', outcome: 'notApplied' });
});

test('an invalid url is refused at once', async () => {
  const wrong = ['http://a:1', '', 'kv://', 'a:1,,b:1', 'a:port', 'a:99999', 'kv://a:1,x://b:1'];
  for (const url of [...wrong, 7400, null, [null], []]) {
    const connecting = connect(url as string);
    await rejects(connecting, { code: 'invalid-argument', message: /kv:\/\/host:port/ }, `${url}`);
  }
});
