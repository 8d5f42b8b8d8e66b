/** Limits of users on real nodes: by kvctl, over sockets, at each node, and through its restart. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { tokenBytes } from '../../src/access/token.ts';
import { askMap, changeAccess, type ShardId } from '../../src/admin.ts';
import { type Client, connect } from '../../src/index.ts';
import { ClientConnection } from '../../src/transport/client-connection.ts';
import { TIMERS } from '../../src/transport/timers.ts';
import { WebDialler } from '../../src/transport/web-dialler.ts';
import { encodeRequests, type Request } from '../../src/wire/request.ts';
import { decodeResponses, type Response } from '../../src/wire/response.ts';
import { ChildNode, freePort, pause } from './child-node.ts';

const LONG = { timeout: 120_000 };

class Place {
  readonly folder = mkdtempSync(join(tmpdir(), 'ringkv-limits-'));
  readonly nodes: ChildNode[] = [];
  readonly clients: Client[] = [];
  ports: number[] = [];

  path(name: string): string {
    return join(this.folder, name);
  }

  url(at = 0): string {
    return `kv://127.0.0.1:${this.ports[at]}`;
  }

  async start(at: number, ...words: readonly string[]): Promise<ChildNode> {
    const own = ['--data', this.path(`n${at}`), '--listen', `127.0.0.1:${this.ports[at]}`];
    const node = await ChildNode.start([...own, '--secret-file', this.path('secret'), ...words]);
    this.nodes[at] = node;
    return node;
  }

  /** Nodes with access control, and a user `app` of all keys. */
  async open(nodes: number): Promise<void> {
    writeFileSync(this.path('secret'), 'a'.repeat(64), { mode: 0o600 });
    for (let at = 0; at < nodes; at++) this.ports.push(await freePort());
    await this.start(0, '--init', '--shards', '2');
    for (let at = 1; at < nodes; at++) await this.start(at, '--join', `127.0.0.1:${this.ports[0]}`);
    const secure = ['access', 'enable', '--out', this.path('root.token')];
    assert.equal((await this.kvctl(secure, '')).exit, 0);
    assert.equal((await this.kvctl(['user', 'set', 'app', 'writer'])).exit, 0);
    const made = await this.kvctl(['token', 'create', 'app', '--out', this.path('app.token')]);
    assert.equal(made.exit, 0, made.notes);
  }

  kvctl(words: readonly string[], tokenFile = 'root.token') {
    const env: NodeJS.ProcessEnv = { ...process.env, XDG_CONFIG_HOME: this.folder };
    env.RINGKV_URL = this.url();
    if (tokenFile !== '') env.RINGKV_TOKEN_FILE = this.path(tokenFile);
    const program = join('build', 'cli', 'kvctl.js');
    return new Promise<{ exit: number; data: string; notes: string }>((resolve) => {
      execFile(process.execPath, [program, ...words], { env }, (error, data, notes) => {
        const exit = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        resolve({ exit, data, notes });
      });
    });
  }

  token(name: string): string {
    return readFileSync(this.path(`${name}.token`), 'utf8').trim();
  }

  async client(name = 'app', timeout = 10_000): Promise<Client> {
    const kv = await connect(this.url(), { token: () => this.token(name), timeout });
    this.clients.push(kv);
    return kv;
  }

  async end(): Promise<void> {
    await Promise.all(this.clients.map((kv) => kv.close()));
    for (const node of this.nodes) node.kill('SIGKILL');
    await Promise.all(this.nodes.map(({ exited }) => exited));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

test('a user is held to its limits, and an administrator never is', LONG, async (t) => {
  const place = new Place();
  t.after(() => place.end());
  await place.open(1);
  const limit = ['user', 'limit', 'app', '--requests', '20', '--connections', '2'];
  assert.equal((await place.kvctl(limit)).exit, 0);
  assert.match(
    (await place.kvctl(['user', 'list'])).data,
    /app\t.*\t20 requests\/s, 2 connections/,
  );
  const kv = await place.client();
  const began = performance.now();
  for (let at = 0; at < 60; at++) await kv.set(`k${at}`, at);
  const seconds = (performance.now() - began) / 1000;
  assert.ok(seconds > 1.8, `60 requests took ${seconds} s`);
  // One frame for one shard.
  await Promise.all(Array.from({ length: 400 }, (_, at) => kv.set(`{t}${at}`, at)));
  await assert.rejects(kv.get('k1', { timeout: 1000 }), {
    code: 'limit-exceeded',
    outcome: 'notApplied',
  });
  const late = await place.kvctl(['get', 'k1', '--timeout', '1s'], 'app.token');
  assert.equal(late.exit, 5, late.notes);
  assert.match(late.notes, /may make 20 requests a second at this node \(requestsPerSecond\)/);
  assert.match(late.notes, /kvctl user limit/);
  await place.client();
  await assert.rejects(place.client(), {
    code: 'limit-exceeded',
    message: /may have 2 connections at this node \(connections\)/,
  });
  assert.equal((await place.kvctl(['user', 'limit', 'root', '--requests', '1'])).exit, 0);
  for (let at = 0; at < 5; at++) assert.equal((await place.kvctl(['status'])).exit <= 1, true);
  assert.equal((await place.kvctl(['user', 'limit', 'app', '--none'])).exit, 0);
  assert.equal((await place.kvctl(['user', 'limit', 'none', '--none'])).exit, 5);
  for (let at = 0; at < 60; at++) await kv.set(`k${at}`, at, { timeout: 2000 });
  await place.client();
});

/** A client on one connection that does not follow leaders, and does not wait. */
async function rawClient(place: Place, at: number) {
  const sockets = new WebDialler();
  const answers = new Map<number, (response: Response) => void>();
  let onUp = () => {};
  const up = new Promise<void>((resolve) => {
    onUp = resolve;
  });
  const line = new ClientConnection({
    ...{ sockets, schedule: TIMERS, cluster: '', features: [] },
    url: place.url(at).replace('kv:', 'ws:'),
    token: tokenBytes(place.token('app')),
    onEvent: (event) => {
      if (event.type === 'up') onUp();
      if (event.type !== 'frame') return;
      for (const response of decodeResponses(event.bytes) ?? []) {
        answers.get(response.id)?.(response);
        answers.delete(response.id);
      }
    },
  });
  await up;
  let id = 0;
  const ask = (request: Request) => {
    id += 1;
    const sent = { ...request, id };
    return new Promise<Response>((resolve) => {
      answers.set(sent.id, resolve);
      line.send(encodeRequests([sent]));
    });
  };
  const end = () => {
    line.close();
    sockets.close();
  };
  return { ask, end };
}

const LEVEL = { type: 'linearizable' } as const;

test(
  'requests that are forwarded count where they arrive, at each node by itself',
  LONG,
  async (t) => {
    const place = new Place();
    t.after(() => place.end());
    await place.open(2);
    await changeAccess(
      place.url(),
      { type: 'limit-user', name: 'app', limits: { requestsPerSecond: 5 } },
      { token: place.token('root') },
    );
    await pause(1000);
    const map = await askMap(place.url(), { token: place.token('root') });
    const shard = 1 as ShardId;
    const about = { id: 0, shard, epoch: map.shards[shard]?.epoch ?? 0, level: LEVEL };
    const request = { type: 'read', ...about, patienceMilliseconds: 5000, keys: [] } as const;
    const raws = [await rawClient(place, 0), await rawClient(place, 1)];
    t.after(() => raws.forEach(({ end }) => void end()));
    for (const [at, { ask }] of raws.entries()) {
      const kinds: Record<string, number> = {};
      for (let count = 0; count < 12; count++) {
        // One of the two nodes does not lead the shard, and forwards it.
        const answer = await ask(request);
        const kind = answer.type === 'failed' ? answer.failure : answer.type;
        kinds[kind] = (kinds[kind] ?? 0) + 1;
      }
      assert.ok((kinds.limited ?? 0) >= 5, `node ${at}: ${JSON.stringify(kinds)}`);
      assert.ok((kinds.rows ?? 0) >= 5, `node ${at}: ${JSON.stringify(kinds)}`);
    }
    // The limits are in the catalog, so a node that starts again knows them.
    place.nodes[1]?.kill('SIGKILL');
    await place.nodes[1]?.exited;
    await place.start(1);
    await pause(1000);
    const again = await rawClient(place, 1);
    t.after(again.end);
    const answers = await Promise.all(Array.from({ length: 12 }, () => again.ask(request)));
    assert.ok(answers.some(({ type }) => type === 'limited'));
  },
);
