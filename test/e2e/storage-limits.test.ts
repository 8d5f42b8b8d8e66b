/** Limits of what is stored, on three real nodes: by kvctl, over sockets, and through restarts. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Client, connect } from '../../src/index.ts';
import { ChildNode, freePort, pause } from './child-node.ts';

const LONG = { timeout: 300_000 };
const NODES = [0, 1, 2];

interface Listed {
  readonly name: string;
  readonly stored: { readonly usedKeys?: number; readonly isComplete?: boolean };
}

class Place {
  readonly folder = mkdtempSync(join(tmpdir(), 'ringkv-stored-'));
  readonly nodes: ChildNode[] = [];
  readonly clients: Client[] = [];
  ports: number[] = [];
  health: number[] = [];

  path(name: string): string {
    return join(this.folder, name);
  }

  url(at = 0): string {
    return `kv://127.0.0.1:${this.ports[at]}`;
  }

  async start(at: number, ...words: readonly string[]): Promise<void> {
    const own = ['--data', this.path(`n${at}`), '--listen', `127.0.0.1:${this.ports[at]}`];
    const ports = ['--health-listen', `127.0.0.1:${this.health[at]}`];
    const secret = ['--secret-file', this.path('secret')];
    this.nodes[at] = await ChildNode.start([...own, ...ports, ...secret, ...words]);
  }

  async open(...words: readonly string[]): Promise<void> {
    writeFileSync(this.path('secret'), 'a'.repeat(64), { mode: 0o600 });
    for (const _ of NODES) {
      this.ports.push(await freePort());
      this.health.push(await freePort());
    }
    await this.start(0, '--init', '--shards', '4', ...words);
    for (const at of [1, 2]) await this.start(at, '--join', `127.0.0.1:${this.ports[0]}`);
    await this.must('access', 'enable', '--out', this.path('root.token'));
    await this.must('role', 'set', 'shop', 'read,write:shop/');
    await this.must('user', 'set', 'app', 'shop');
    await this.must('token', 'create', 'app', '--out', this.path('app.token'));
  }

  kvctl(words: readonly string[], { token = 'root', at = 0 } = {}) {
    const env: NodeJS.ProcessEnv = { ...process.env, XDG_CONFIG_HOME: this.folder };
    env.RINGKV_URL = this.url(at);
    env.RINGKV_TOKEN_FILE = token === '' ? undefined : this.path(`${token}.token`);
    const program = join('build', 'cli', 'kvctl.js');
    return new Promise<{ exit: number; data: string; notes: string }>((resolve) => {
      execFile(process.execPath, [program, ...words], { env }, (error, data, notes) => {
        const exit = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        resolve({ exit, data, notes });
      });
    });
  }

  async must(...words: readonly string[]): Promise<void> {
    const token = words[0] === 'access' ? '' : 'root';
    const { exit, notes } = await this.kvctl(words, { token });
    assert.equal(exit, 0, `${words.join(' ')}: ${notes}`);
  }

  async client(name: string): Promise<Client> {
    const token = () => readFileSync(this.path(`${name}.token`), 'utf8').trim();
    const urls = NODES.map((at) => this.url(at)).join(',');
    const kv = await connect(urls, { token, timeout: 20_000 });
    this.clients.push(kv);
    return kv;
  }

  /** Until the node has counted all, or the time is over: what it shows of the user. */
  async countedAt(at: number, keys: number): Promise<void> {
    let shown = '';
    for (let round = 0; round < 60; round++) {
      const { data } = await this.kvctl(['user', 'list', '-o', 'json'], { at });
      shown = data;
      const app = (JSON.parse(data || '[]') as Listed[]).find(({ name }) => name === 'app');
      if (app?.stored.isComplete === true && app.stored.usedKeys === keys) return;
      await pause(250);
    }
    assert.fail(`node ${at} does not show ${keys} keys: ${shown}`);
  }

  async end(): Promise<void> {
    await Promise.all(this.clients.map((kv) => kv.close()));
    for (const node of this.nodes) node.kill('SIGKILL');
    await Promise.all(this.nodes.map(({ exited }) => exited));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

test('a tenant stores what it may in the whole cluster, and no more', LONG, async (t) => {
  const place = new Place();
  t.after(() => place.end());
  await place.open();
  const root = await place.client('root');
  const app = await place.client('app');
  await Promise.all(Array.from({ length: 300 }, (_, at) => root.set(`shop/${at}`, at)));
  await Promise.all(Array.from({ length: 50 }, (_, at) => root.set(`other/${at}`, at)));
  await place.must('user', 'limit', 'app', '--keys', '400', '--stored-bytes', '1mb');
  for (const at of NODES) await place.countedAt(at, 300);
  for (let at = 300; at < 400; at++) await app.set(`shop/${at}`, at);
  for (const at of NODES) await place.countedAt(at, 400);
  await assert.rejects(app.set('shop/x', 1), {
    code: 'storage-limit-exceeded',
    outcome: 'notApplied',
    message: /400 keys are stored .* adds 1; the limit is 400 keys \(storedKeys\)/,
  });
  const put = await place.kvctl(['set', 'shop/x', '1'], { token: 'app' });
  assert.equal(put.exit, 5, put.notes);
  assert.match(put.notes, /storage-limit-exceeded/);
  assert.match(put.notes, /kvctl user limit NAME --keys or --stored-bytes/);
  await app.set('shop/1', 'another value');
  await assert.rejects(app.set('shop/1', new Uint8Array(1_000_000)), /storedBytes/);
  const wide = app.transaction(async (tx) => {
    for (let at = 0; at < 5; at++) tx.set(`shop/new${at}`, 1);
  });
  await assert.rejects(wide, { code: 'storage-limit-exceeded', outcome: 'notApplied' });
  const table = (await place.kvctl(['user', 'list'])).data;
  assert.match(table, /app\t.*\t400 of 400 keys, \d+ of 1000000 bytes/);
  const metrics = await (await fetch(`http://127.0.0.1:${place.health[1]}/metrics`)).text();
  assert.match(metrics, /^ringkv_user_stored_keys\{user="app"\} 400$/m);
  assert.match(metrics, /^ringkv_user_stored_known\{user="app"\} 1$/m);

  // A node that is killed: its leaders' counts are those of the replicas that are left.
  place.nodes[1]?.kill('SIGKILL');
  await place.nodes[1]?.exited;
  for (let at = 0; at < 8; at++) {
    await assert.rejects(app.set(`shop/y${at}`, 1), { code: 'storage-limit-exceeded' });
  }
  for (let at = 0; at < 20; at++) await app.delete(`shop/${at}`);
  await place.countedAt(0, 380);
  await place.start(1);
  for (const at of NODES) await place.countedAt(at, 380);
  for (let at = 0; at < 20; at++) await app.set(`shop/z${at}`, at);
  for (const at of NODES) await place.countedAt(at, 400);
  await assert.rejects(app.set('shop/x', 1), { code: 'storage-limit-exceeded' });
  await place.must('user', 'limit', 'app', '--none');
  await app.set('shop/x', 1);
});

test(
  'nodes tell each other what is stored in shards that only one of them has',
  LONG,
  async (t) => {
    const place = new Place();
    t.after(() => place.end());
    await place.open('--replicas', '1');
    await place.must('user', 'limit', 'app', '--keys', '100');
    const app = await place.client('app');
    for (let at = 0; at < 100; at++) await app.set(`shop/${at}`, at);
    for (const at of NODES) await place.countedAt(at, 100);
    for (let at = 0; at < 12; at++) {
      await assert.rejects(app.set(`shop/x${at}`, 1), { code: 'storage-limit-exceeded' });
    }
    await app.clear({ prefix: 'shop/' });
    for (const at of NODES) await place.countedAt(at, 0);
    await app.set('shop/x', 1);
  },
);
