/** Passwords and certificates of users on real nodes with TLS: limits, crashes, deletion. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TlsTexts } from '../../src/certificates/reading.ts';
import { connect } from '../../src/index.ts';
import { TestAuthority } from '../support/certificates.ts';
import { ChildNode, freePort, pause } from './child-node.ts';

const LONG = { timeout: 240_000 };
const AUTHORITY = new TestAuthority();
const PASSWORD = 'correct horse battery staple';

interface Ended {
  readonly exit: number;
  readonly data: string;
  readonly notes: string;
}

interface How {
  readonly input?: string;
  /** The name of its certificate. */
  readonly as?: string;
  readonly at?: number;
}

class Place {
  readonly folder = mkdtempSync(join(tmpdir(), 'ringkv-login-'));
  readonly children: ChildNode[] = [];
  ports: readonly number[] = [];
  /** Everything that any process has printed. */
  said = '';

  path(name: string): string {
    return join(this.folder, name);
  }

  url(at: number): string {
    return `kvs://127.0.0.1:${this.ports[at]}`;
  }

  keep(name: string, { ca, cert, key }: TlsTexts): void {
    writeFileSync(this.path('ca.pem'), ca);
    writeFileSync(this.path(`${name}.pem`), cert);
    writeFileSync(this.path(`${name}.key`), key, { mode: 0o600 });
  }

  async start(at: number, ...words: readonly string[]): Promise<ChildNode> {
    const name = `n${at + 1}`;
    const own = ['--data', this.path(`d${at}`), '--listen', `127.0.0.1:${this.ports[at]}`];
    const tls = ['--tls-ca', this.path('ca.pem'), '--tls-cert', this.path(`${name}.pem`)];
    const node = new ChildNode([...own, ...tls, '--tls-key', this.path(`${name}.key`), ...words]);
    this.children.push(node);
    while (!/ is up: kvs:/.test(node.said)) {
      assert.equal(node.child.exitCode, null, node.said);
      await pause(20);
    }
    return node;
  }

  kvctl(words: readonly string[], { input = '', as = '', at = 0 }: How = {}): Promise<Ended> {
    // Each certificate is another person, with a home of its own.
    const home = { XDG_CONFIG_HOME: this.path(`home-${as}`) };
    const env: NodeJS.ProcessEnv = { ...process.env, ...home, RINGKV_URL: this.url(at) };
    env.RINGKV_TLS_CA = this.path('ca.pem');
    if (as !== '') {
      env.RINGKV_TLS_CERT = this.path(`${as}.pem`);
      env.RINGKV_TLS_KEY = this.path(`${as}.key`);
    }
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

  async must(words: readonly string[], how?: How): Promise<string> {
    const { exit, data, notes } = await this.kvctl(words, how);
    assert.equal(exit, 0, `${words.join(' ')}: ${notes}`);
    return data;
  }

  /** Files below a folder that have the text. */
  having(text: string, folder: string): readonly string[] {
    return readdirSync(folder, { recursive: true })
      .map((name) => join(folder, String(name)))
      .filter((path) => statSync(path).isFile() && readFileSync(path).includes(text));
  }

  async end(): Promise<void> {
    for (const node of this.children) node.kill('SIGKILL');
    await Promise.all(this.children.map(({ exited }) => exited));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Two nodes that are guarded, with users ann and bob, and a password of ann. */
async function open(t: { after(end: () => Promise<void>): void }): Promise<Place> {
  const place = new Place();
  t.after(() => place.end());
  place.ports = [await freePort(), await freePort()];
  for (const name of ['n1', 'n2']) place.keep(name, AUTHORITY.node(name, { cluster: 'prod' }));
  place.keep('ann', AUTHORITY.client('ann', { uris: ['ringkv://prod/user/ann'] }));
  place.keep('far', AUTHORITY.client('far', { uris: ['ringkv://test/user/ann'] }));
  await place.start(0, '--init', '--shards', '2');
  await place.start(1, '--join', `127.0.0.1:${place.ports[0]}`);
  await place.must(['access', 'enable', '--out', place.path('root.token')]);
  await place.must(['login'], { input: readFileSync(place.path('root.token'), 'utf8') });
  await place.must(['role', 'set', 'orders', 'read,write:orders/']);
  await place.must(['user', 'set', 'ann', 'orders']);
  writeFileSync(place.path('password'), `${PASSWORD}\n`, { mode: 0o600 });
  const file = ['--password-file', place.path('password')];
  assert.match(await place.must(['user', 'password', 'ann', ...file]), /^ann\n$/);
  return place;
}

/** A person without a certificate and with another home. */
const ANN = { as: '', at: 1 };

test('a password is a token for a while, at every node, over a crash', LONG, async (t) => {
  const place = await open(t);
  await place.must(['logout']);
  assert.equal((await place.kvctl(['whoami'])).data, 'anonymous\n');
  const input = `${PASSWORD}\n`;
  const login = ['login', '--user', 'ann', '--ttl', '1h'];
  assert.equal(await place.must(login, { ...ANN, input }), 'ann\n');
  assert.match(await place.must(['whoami'], ANN), /^ann \(token [0-9a-f]{16}, until /);
  await place.must(['set', 'orders/1', 'x'], ANN);
  const refused = await place.kvctl(['set', 'other', 'x'], ANN);
  assert.equal(refused.exit, 4);
  assert.match(refused.notes, /user ann lacks write on "other"; its roles: orders/);
  place.children[0]?.kill('SIGKILL');
  await place.children[0]?.exited;
  await place.start(0);
  const stored = readFileSync(place.path('home-/ringkv/tokens.json'), 'utf8');
  const token = (Object.values(JSON.parse(stored)) as string[])[0] ?? '';
  const tls = { ca: AUTHORITY.pair.cert };
  const kv = await connect([place.url(0), place.url(1)], { token, tls, timeout: 20_000 });
  t.after(() => kv.close());
  assert.equal((await kv.get('orders/1'))?.value, 'x');
  const out = await place.kvctl(['logout'], ANN);
  assert.match(out.notes, /removed from .*, and revoked/);
  await assert.rejects(kv.set('orders/1', 'y'), { code: 'unauthenticated' });
  const spoken = place.said + place.children.map(({ said }) => said).join('');
  for (const secret of [PASSWORD, token, token.slice(17)]) {
    assert.equal(spoken.includes(secret), false, 'no secret was printed or logged');
    for (const data of ['d0', 'd1']) assert.deepEqual(place.having(secret, place.path(data)), []);
  }
});

test('wrong passwords cost time, and answers do not tell who there is', LONG, async (t) => {
  const place = await open(t);
  const tries = (user: string, password: string) => {
    return place.kvctl(['login', '--user', user], { ...ANN, input: password });
  };
  const [wrong, unknown] = [await tries('ann', `${PASSWORD}!`), await tries('nemo', PASSWORD)];
  assert.deepEqual([wrong.exit, unknown.exit], [4, 4]);
  assert.equal(wrong.notes.replaceAll('ann', 'nemo'), unknown.notes);
  let early = await tries('ann', 'wrong horse');
  // A call takes longer than the first waits, if the machine is busy.
  for (let count = 0; count < 6 && early.exit === 4; count++) {
    early = await tries('ann', 'wrong horse');
  }
  assert.equal(early.exit, 5, early.notes);
  const [, seconds] = /error too-many-logins: .*wait (\d+) s/.exec(early.notes) ?? [];
  await pause(Number(seconds) * 1000 + 500);
  assert.equal((await tries('ann', PASSWORD)).exit, 0);
  // Another password, and the end of what the former one was exchanged for.
  const other = { input: 'another horse entirely\n' };
  await place.must(['login'], { input: readFileSync(place.path('root.token'), 'utf8') });
  await place.must(['user', 'password', 'ann', '--revoke-tokens'], other);
  assert.equal((await place.kvctl(['token', 'list', '-o', 'json'])).data.includes('login'), false);
  assert.equal((await tries('ann', PASSWORD)).exit, 4);
});

test('a certificate makes its client a user, until the user is deleted', LONG, async (t) => {
  const place = await open(t);
  const ann = { as: 'ann' };
  for (const at of [0, 1]) {
    assert.match(await place.must(['whoami'], { ...ann, at }), /^ann \(certificate, until /);
    await place.must(['set', `orders/${at}`, 'x'], { ...ann, at });
    assert.equal((await place.kvctl(['set', 'other', 'x'], { ...ann, at })).exit, 4);
  }
  for (const as of ['far', 'n2']) {
    assert.equal((await place.kvctl(['whoami'], { as })).data, 'anonymous\n', as);
    assert.equal((await place.kvctl(['get', 'orders/1'], { as })).exit, 4, as);
  }
  const [cert, key] = ['ann.pem', 'ann.key'].map((name) => readFileSync(place.path(name), 'utf8'));
  const tls = { ca: AUTHORITY.pair.cert, cert: cert ?? '', key: key ?? '' };
  // Both shards have one leader or two, so with this node alone some requests are forwarded.
  const kv = await connect(place.url(1), { tls, timeout: 20_000 });
  t.after(() => kv.close());
  for (let count = 0; count < 20; count++) await kv.set(`orders/${count}`, count);
  await assert.rejects(kv.set('other', 1), { code: 'forbidden' });
  await place.must(['user', 'delete', 'ann']);
  await assert.rejects(kv.set('orders/1', 2), { code: 'unauthenticated' });
  assert.equal((await place.kvctl(['whoami'], ann)).data, 'anonymous\n');
  const gone = await place.kvctl(['login', '--user', 'ann'], { ...ANN, input: PASSWORD });
  assert.equal(gone.exit, 4, 'with the user its password is gone');
});
