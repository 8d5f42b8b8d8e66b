/** Access control as processes: enabled, a node that joins, a crash, a token that is revoked. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect } from '../../src/index.ts';
import { ChildNode, freePort, pause } from './child-node.ts';

const LONG = { timeout: 120_000 };
const SECRET = 'a'.repeat(64);

interface Ended {
  readonly exit: number;
  readonly data: string;
  readonly notes: string;
}

class Place {
  readonly folder = mkdtempSync(join(tmpdir(), 'ringkv-access-'));
  readonly children: ChildNode[] = [];
  ports: readonly number[] = [];
  /** Everything that any process has printed. */
  said = '';

  path(name: string): string {
    return join(this.folder, name);
  }

  url(at: number): string {
    return `kv://127.0.0.1:${this.ports[at]}`;
  }

  async start(at: number, ...words: readonly string[]): Promise<ChildNode> {
    const own = ['--data', this.path(`n${at}`), '--listen', `127.0.0.1:${this.ports[at]}`];
    const node = await ChildNode.start([...own, '--secret-file', this.path('secret'), ...words]);
    this.children.push(node);
    return node;
  }

  kvctl(words: readonly string[], { input = '', tokenFile = '', at = 0 } = {}): Promise<Ended> {
    const env: NodeJS.ProcessEnv = { ...process.env, XDG_CONFIG_HOME: this.folder };
    env.RINGKV_URL = this.url(at);
    if (tokenFile !== '') env.RINGKV_TOKEN_FILE = this.path(tokenFile);
    const program = join('build', 'cli', 'kvctl.js');
    return new Promise((resolve) => {
      const child = execFile(
        process.execPath,
        [program, ...words],
        { env },
        (error, data, notes) => {
          const exit = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
          this.said += data + notes;
          resolve({ exit, data, notes });
        },
      );
      child.stdin?.end(input);
    });
  }

  async end(): Promise<void> {
    for (const node of this.children) node.kill('SIGKILL');
    await Promise.all(this.children.map(({ exited }) => exited));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

test('a cluster that is guarded, grows, loses a node and revokes a token', LONG, async (t) => {
  const place = new Place();
  t.after(() => place.end());
  place.ports = [await freePort(), await freePort()];
  writeFileSync(place.path('secret'), SECRET, { mode: 0o600 });
  await place.start(0, '--init', '--shards', '2');
  assert.equal((await place.kvctl(['set', 'orders/1', 'x'])).exit, 0);
  const enabled = await place.kvctl(['access', 'enable', '--out', place.path('root.token')]);
  assert.equal(enabled.exit, 0, enabled.notes);
  assert.equal(statSync(place.path('root.token')).mode & 0o777, 0o600);
  const root = readFileSync(place.path('root.token'), 'utf8').trim();
  for (const words of [['get', 'orders/1'], ['scan'], ['status'], ['locks'], ['user', 'list']]) {
    assert.equal((await place.kvctl(words)).exit, 4, words.join(' '));
  }
  const wrong = root.replace(/.$/, (digit) => (digit === '0' ? '1' : '0'));
  assert.equal((await place.kvctl(['login'], { input: wrong })).exit, 4);
  assert.equal((await place.kvctl(['login'], { input: `${root}\n` })).exit, 0);
  assert.match((await place.kvctl(['whoami'])).data, /^root \(token /);

  await place.kvctl(['role', 'set', 'orders', 'read,write:orders/', 'lock:orders/']);
  await place.kvctl(['user', 'set', 'billing', 'orders']);
  const made = await place.kvctl(['token', 'create', 'billing', '--out', place.path('b.token')]);
  assert.equal(made.exit, 0, made.notes);
  const billing = { tokenFile: 'b.token' };
  assert.equal((await place.kvctl(['get', 'orders/1'], billing)).data.trim(), 'x');
  assert.equal((await place.kvctl(['set', 'other', 'x'], billing)).exit, 4);
  assert.equal((await place.kvctl(['nodes'], billing)).exit, 4);

  // The node joins by the cluster secret, and learns the users from its peer.
  const second = await place.start(1, '--join', `127.0.0.1:${place.ports[0]}`);
  while ((await place.kvctl(['get', 'orders/1'], { ...billing, at: 1 })).exit !== 0) {
    await pause(200);
  }
  assert.equal((await place.kvctl(['set', 'other', 'x'], { ...billing, at: 1 })).exit, 4);
  second.kill('SIGKILL');
  await second.exited;
  await place.start(1);

  const token = () => readFileSync(place.path('b.token'), 'utf8');
  const kv = await connect([place.url(0), place.url(1)], { token, timeout: 20_000 });
  t.after(() => kv.close());
  await kv.set('orders/1', 'y');
  const id = token().slice(0, 16);
  let revoked = await place.kvctl(['token', 'revoke', id, '--timeout', '30s']);
  // The node that was killed may still be on its way back.
  while (revoked.exit === 6) revoked = await place.kvctl(['token', 'revoke', id]);
  assert.equal(revoked.exit, 0, revoked.notes);
  await assert.rejects(kv.set('orders/1', 'z'), { code: 'unauthenticated' });
  assert.equal((await place.kvctl(['get', 'orders/1'], billing)).exit, 4);
  const spoken = place.said + place.children.map(({ said }) => said).join('');
  for (const text of [root, root.slice(17), token().trim().slice(17)]) {
    assert.equal(spoken.includes(text), false, 'no secret was printed or logged');
  }
  chmodSync(place.path('b.token'), 0o644);
  assert.equal((await place.kvctl(['get', 'orders/1'], billing)).exit, 2, 'others may read it');
});

test('without a cluster secret it is not enabled unless it is forced', LONG, async (t) => {
  const place = new Place();
  t.after(() => place.end());
  place.ports = [await freePort()];
  const own = ['--data', place.path('n0'), '--listen', `127.0.0.1:${place.ports[0]}`];
  place.children.push(await ChildNode.start([...own, '--init', '--shards', '1']));
  const refused = await place.kvctl(['access', 'enable']);
  assert.equal(refused.exit, 5);
  assert.match(refused.notes, /have no cluster secret/);
  assert.equal((await place.kvctl(['get', 'a'])).exit, 1, 'still open');
  const forced = await place.kvctl(['access', 'enable', '--force']);
  assert.equal(forced.exit, 0, forced.notes);
  assert.match(forced.data, /^[0-9a-f]{16}\.[0-9a-f]{64}\n$/);
  assert.equal((await place.kvctl(['get', 'a'])).exit, 4);
});
