/** A few small frames of any client cannot harm a cluster: on real sockets. */

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { askMap } from '../../src/admin.ts';
import type { MemberId } from '../../src/base/ids.ts';
import { CATALOG_LIMITS } from '../../src/base/limits.ts';
import type { ClusterMap } from '../../src/catalog/cluster-map.ts';
import type { CatalogCommand } from '../../src/catalog/command.ts';
import { decodeReply, encodeCommand } from '../../src/catalog/command.ts';
import { connect } from '../../src/index.ts';
import { type RunningNode, startNode } from '../../src/runtime/node.ts';
import { ClientConnection } from '../../src/transport/client-connection.ts';
import { TIMERS } from '../../src/transport/timers.ts';
import { WebDialler } from '../../src/transport/web-dialler.ts';
import { proofOfJoining } from '../../src/wire/proof.ts';
import { encodeRequests } from '../../src/wire/request.ts';
import { decodeResponses } from '../../src/wire/response.ts';

const LONG = { timeout: 60_000 };
const URLS = { peerUrl: 'ws://127.0.2.1:9', clientUrl: 'ws://127.0.2.1:9' };
const DESCRIPTION = { name: '', ...URLS, weight: 1, zone: '' };

async function pair(context: TestContext, secret?: Uint8Array): Promise<readonly RunningNode[]> {
  const root = mkdtempSync(join(tmpdir(), 'ringkv-door-'));
  const nodes: RunningNode[] = [];
  context.after(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    rmSync(root, { recursive: true, force: true });
  });
  for (const at of [0, 1]) {
    const [first] = nodes;
    const node = await startNode({
      folder: join(root, `n${at}`),
      listen: { host: '127.0.0.1', port: 0 },
      advertise: {},
      weight: 1,
      name: '',
      zone: '',
      isInsecureAllowed: false,
      valueBytesMax: 1024 * 1024,
      join: first === undefined ? [] : [first.clientUrl],
      logLevel: 'silent',
      init: first === undefined ? { shards: 2, replicas: 3 } : undefined,
      secret,
    });
    nodes.push(node);
  }
  return nodes;
}

/** The map once each node has announced its life: before that, it still changes without attacks. */
async function settledMap(urls: readonly string[]) {
  for (;;) {
    const map = await askMap(urls);
    if (map.nodes.every(({ life }) => life !== 0)) return map;
    await new Promise((resume) => setTimeout(resume, 50));
  }
}

/** A client that sends arbitrary requests, and returns the node's responses. */
async function say(context: TestContext, url: string) {
  const sockets = new WebDialler();
  const waiting = new Map<number, (answer: string) => void>();
  let id = 0;
  const line = await new Promise<ClientConnection>((resolve, reject) => {
    const dialled: ClientConnection = new ClientConnection({
      sockets,
      schedule: TIMERS,
      url,
      cluster: '',
      features: [],
      onEvent: (event) => {
        if (event.type === 'up') return resolve(dialled);
        if (event.type === 'down') return reject(new Error(event.reason));
        for (const response of decodeResponses(event.bytes) ?? []) {
          const reply = response.type === 'commanded' ? decodeReply(response.reply) : undefined;
          const failure = response.type === 'failed' ? response.failure : response.type;
          const refusal = reply?.type === 'refused' ? reply.reason : reply?.type;
          waiting.get(response.id)?.(refusal ?? failure);
        }
      },
    });
  });
  context.after(() => {
    line.close();
    sockets.close();
  });
  const ask = (command: CatalogCommand): Promise<string> => {
    id += 1;
    const mine = id;
    line.send(encodeRequests([{ type: 'command', id: mine, command: encodeCommand(command) }]));
    return new Promise((resolve) => waiting.set(mine, resolve));
  };
  return async (command: CatalogCommand): Promise<string> => {
    for (;;) {
      const answer = await ask(command);
      // A node that has just started knows no leader yet.
      if (answer !== 'not-leader' && answer !== 'lost') return answer;
      await new Promise((resume) => setTimeout(resume, 50));
    }
  };
}

/** What an attacker needs to know is in the map, which every client gets. */
function attacksOn({ nodes, shards, aimedAt }: ClusterMap): readonly CatalogCommand[] {
  const victim = nodes[1] ?? nodes[0];
  const row = shards[1];
  const [member] = row?.members ?? [];
  ok(victim !== undefined && row !== undefined && member !== undefined);
  const { node, name, peerUrl, clientUrl, weight, zone } = victim;
  const description = { name, peerUrl, clientUrl, weight, zone };
  const joinToken = victim.tokenDigest.slice(0, 16);
  const { shard, revision } = row;
  const term = 2 ** 51;
  return [
    // A life of the node that never was: the real one would be refused as an old copy for ever.
    { type: 'announce', node, joinToken, lineage: { incarnation: term, words: [7] }, description },
    { type: 'lose', shard, member: member.member },
    { type: 'report', shard, revision, term, voters: [99 as MemberId], learners: [] },
    { type: 'place', shard, revision, members: [] },
    { type: 'aim', aimedAt, nodes: [], shards: [] },
  ];
}

test('no client can act as a node, at the leader of the catalog or elsewhere', LONG, async (t) => {
  const nodes = await pair(t);
  const urls = nodes.map(({ clientUrl }) => clientUrl);
  const kv = await connect(urls);
  t.after(() => kv.close());
  await kv.set('a', 1);
  const before = await settledMap(urls);
  for (const { joinToken } of before.nodes as readonly { joinToken?: unknown }[]) {
    equal(joinToken, undefined, 'no token is in the map');
  }
  for (const url of urls) {
    const command = await say(t, url);
    const answers = [];
    for (const attack of attacksOn(before)) answers.push(await command(attack));
    deepEqual(
      answers,
      Array.from(answers, () => 'nodes-only'),
      url,
    );
  }
  const after = await askMap(urls);
  deepEqual(
    after.nodes.map(({ node, life, membership }) => [node, life, membership]),
    before.nodes.map(({ node, life, membership }) => [node, life, membership]),
  );
  ok(after.shards.every(({ term }) => term < 2 ** 51));
  await kv.set('a', 2);
});

test(
  'a client that joins makes nodes dial only nodes, and never fills the map',
  LONG,
  async (t) => {
    const nodes = await pair(t);
    const urls = nodes.map(({ clientUrl }) => clientUrl);
    const heard: string[] = [];
    const victim = createServer((socket) => {
      socket.once('data', (data) => heard.push(data.toString('latin1').split('\r\n')[0] ?? ''));
      socket.on('error', () => {});
    }).listen(0);
    t.after(() => victim.close());
    await new Promise((resolve) => victim.once('listening', resolve));
    const { port } = victim.address() as { port: number };
    const command = await say(t, urls[1] ?? '');
    const joining = (token: number, peerUrl: string, zone = ''): CatalogCommand => ({
      type: 'join',
      joinToken: new Uint8Array(16).fill(token),
      description: { name: '', peerUrl, clientUrl: 'ws://127.0.0.1:1', weight: 1, zone },
      proof: undefined,
    });
    equal(await command(joining(1, `ws://127.0.0.1:${port}/admin?x=`)), 'unsound');
    equal(await command(joining(1, `http://127.0.0.1:${port}`)), 'unsound');
    equal(await command(joining(1, 'ws://127.0.0.1:2', '\u001b]0;owned\u0007')), 'unsound');
    const answers: string[] = [];
    for (let token = 2; token < CATALOG_LIMITS.newcomersMax + 6; token++) {
      answers.push(await command(joining(token, `ws://127.0.1.${token}:${port}`)));
    }
    equal(answers.at(-1), 'too-many-newcomers');
    const { nodes: known } = await askMap(urls);
    ok(known.length <= nodes.length + CATALOG_LIMITS.newcomersMax, `${known.length}`);
    ok(
      heard.every((line) => line === 'GET /peer HTTP/1.1'),
      heard.join(),
    );
  },
);

test('a node without the secret of the cluster cannot join', LONG, async (t) => {
  const secret = new Uint8Array(32).fill(3);
  const nodes = await pair(t, secret);
  const urls = nodes.map(({ clientUrl }) => clientUrl);
  const { clusterId: cluster } = await askMap(urls);
  for (const [at, url] of urls.entries()) {
    const command = await say(t, url);
    const joinToken = new Uint8Array(16).fill(40 + at);
    const description = { ...DESCRIPTION, peerUrl: `ws://127.0.2.${at + 1}:9` };
    const joining = { type: 'join', joinToken, description, proof: undefined } as const;
    equal(await command(joining), 'wrong-secret', url);
    const other = new Uint8Array(32).fill(4);
    const lie = proofOfJoining(other, { cluster, joinToken });
    equal(await command({ ...joining, proof: lie }), 'wrong-secret');
    const elsewhere = proofOfJoining(secret, { cluster: 'another', joinToken });
    equal(await command({ ...joining, proof: elsewhere }), 'wrong-secret');
    const proof = proofOfJoining(secret, { cluster, joinToken });
    equal(await command({ ...joining, proof }), 'done');
  }
  const open = await pair(t);
  const command = await say(t, open[0]?.clientUrl ?? '');
  const joinToken = new Uint8Array(16).fill(50);
  const proof = proofOfJoining(secret, { cluster, joinToken });
  const joining = { type: 'join', joinToken, description: DESCRIPTION, proof } as const;
  equal(await command(joining), 'wrong-secret', 'its peers would refuse it ever after');
});

test('a node does not start with an invalid description of itself', LONG, async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'ringkv-door-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const started = startNode({
    folder: join(root, 'n'),
    listen: { host: '127.0.0.1', port: 0 },
    advertise: {},
    weight: 1,
    name: '',
    zone: 'a\u001b[2J',
    isInsecureAllowed: false,
    valueBytesMax: 1024,
    join: [],
    logLevel: 'silent',
    init: { shards: 1, replicas: 1 },
  });
  const error = await started.then(
    () => undefined,
    (reason: Error) => reason,
  );
  match(error?.message ?? '', /^the zone "a\\u\{1b\}\[2J" has control characters/);
});
