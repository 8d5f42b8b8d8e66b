/** Three nodes with certificates, as processes: they form a cluster, and keep everyone else out. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { askMap } from '../../src/admin.ts';
import type { TlsTexts } from '../../src/certificates/reading.ts';
import { type Client, connect, isKvError } from '../../src/index.ts';
import { askPlainly } from '../../src/transport/plain-question.ts';
import { TestAuthority } from '../support/certificates.ts';
import { ChildNode, freePort, pause } from './child-node.ts';

const LONG = { timeout: 240_000 };
const call = promisify(execFile);
const AUTHORITY = new TestAuthority();
const ADMIN = AUTHORITY.client('admin');

/** A folder with files, nodes in it, and what ends them. */
class Stage {
  readonly folder = mkdtempSync(join(tmpdir(), 'ringkv-tls-'));
  readonly children: ChildNode[] = [];
  readonly clients: Client[] = [];

  write(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }

  /** The words of a call that has these files. */
  words(name: string, { ca, cert, key }: TlsTexts): string[] {
    return [
      ...['--tls-ca', this.write(`${name}.ca`, ca), '--tls-cert', this.write(`${name}.pem`, cert)],
      ...['--tls-key', this.write(`${name}.key`, key)],
    ];
  }

  node(name: string, port: number, ...words: readonly string[]): ChildNode {
    const where = ['--data', join(this.folder, name), '--listen', `127.0.0.1:${port}`];
    const node = new ChildNode([...where, ...words]);
    this.children.push(node);
    return node;
  }

  async started(name: string, port: number, ...words: readonly string[]): Promise<ChildNode> {
    const node = this.node(name, port, ...words);
    while (!/ is up: kvs?:/.test(node.said)) {
      assert.equal(node.child.exitCode, null, node.said);
      await pause(20);
    }
    return node;
  }

  async connect(...[url, options]: Parameters<typeof connect>): Promise<Client> {
    const client = await connect(url, options);
    this.clients.push(client);
    return client;
  }

  async end(): Promise<void> {
    for (const client of this.clients) await client.close();
    for (const node of this.children) node.kill('SIGKILL');
    await Promise.all(this.children.map(({ exited }) => exited));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function kvctl(...words: readonly string[]): Promise<{ code: number; said: string }> {
  const told = call(process.execPath, ['build/cli/kvctl.js', ...words]);
  const { code = 0, stdout, stderr } = await told.catch((error) => error);
  return { code, said: `${stdout}${stderr}` };
}

test('three nodes with certificates are a cluster that lets in who has one', LONG, async (t) => {
  const stage = new Stage();
  t.after(() => stage.end());
  const ports = [await freePort(), await freePort(), await freePort()];
  const [first = 0] = ports;
  const texts = ['n1', 'n2', 'n3'].map((name) => AUTHORITY.node(name, { cluster: 'prod' }));
  const wordsOf = (at: number) => stage.words(`n${at + 1}`, texts[at] as TlsTexts);
  const required = ['--tls-clients', 'required'];
  const one = await stage.started(
    'n1',
    first,
    '--init',
    '--shards',
    '2',
    ...wordsOf(0),
    ...required,
  );
  assert.match(one.said, /node 1 of cluster prod\.[0-9a-f]{16} is up: kvs:\/\/127/);
  assert.doesNotMatch(one.said, /peer authentication is off/);
  const joining = ['--join', `127.0.0.1:${first}`, '--join-timeout', '3s'];
  await keepOut(stage, first, joining);
  for (const at of [1, 2]) {
    await stage.started(`n${at + 1}`, ports[at] ?? 0, ...joining, ...wordsOf(at), ...required);
  }
  const tls = ADMIN;
  const urls = ports.map((port) => `kvs://127.0.0.1:${port}`);
  const kv = await stage.connect(urls, { tls, cluster: '' });
  await kv.set('a', 1, { timeout: 20_000 });
  const isSpread = async () => {
    const { shards } = await askMap(urls, { tls });
    return shards.every(({ members }) => members.filter(({ isVoter }) => isVoter).length === 3);
  };
  while (!(await isSpread())) await pause(100);
  const { nodes } = await askMap(urls, { tls });
  assert.deepEqual(
    nodes.map(({ name, peerUrl }) => [name, peerUrl.slice(0, 6)]),
    ['n1', 'n2', 'n3'].map((name) => [name, 'wss://']),
  );
  await clientsAre(stage, urls, first);
  await renewed(stage, { kv, one, port: first });
  const { code, said } = await kvctl(
    ...['status', '--url', urls.join(), ...stage.words('admin', ADMIN)],
  );
  assert.equal(code, 0, said);
});

/** Newcomers that are not of this cluster do not join, and learn why. */
async function keepOut(stage: Stage, first: number, joining: readonly string[]): Promise<void> {
  const port = await freePort();
  const cases: readonly (readonly [string, readonly string[], RegExp])[] = [
    ['plain', [], /this port uses TLS: use kvs:\/\//],
    [
      'old',
      stage.words('old', AUTHORITY.node('n2', { cluster: 'prod', hours: -1 })),
      /has expired/,
    ],
    [
      'other',
      stage.words('other', AUTHORITY.node('n2', { cluster: 'test' })),
      /is for cluster test/,
    ],
    ['nameless', stage.words('nameless', ADMIN), /the certificate names no node/],
    [
      'stolen',
      stage.words('stolen', { ...new TestAuthority().node('n2', { cluster: 'prod' }) }),
      /not signed by the expected authority/,
    ],
    [
      'named',
      [...stage.words('named', AUTHORITY.node('n2', { cluster: 'prod' })), '--node', 'n3'],
      /no node has the name|the certificate is for node n2/,
    ],
  ];
  for (const [name, words, reason] of cases) {
    const refused = stage.node(name, port, ...joining, ...words);
    const { code } = await refused.exited;
    assert.notEqual(code, 0);
    assert.match(refused.said, reason);
  }
  const open = stage.words('open', AUTHORITY.node('n2', { cluster: 'prod' }));
  chmodSync(join(stage.folder, 'open.key'), 0o644);
  const refused = stage.node('open', port, ...joining, ...open);
  await refused.exited;
  assert.match(refused.said, /other users of this machine can read or write the private key/);
  const { nodes } = await askMap(`kvs://127.0.0.1:${first}`, { tls: ADMIN });
  assert.equal(nodes.length, 1, 'none of them has joined');
}

async function clientsAre(stage: Stage, urls: readonly string[], port: number): Promise<void> {
  const refusalOf = async (...[url, options]: Parameters<typeof connect>) => {
    const error = await stage.connect(url, { timeout: 3000, ...options }).catch((cause) => cause);
    assert.ok(isKvError(error) && error.code === 'unreachable');
    return error.message + JSON.stringify(error.attempts);
  };
  const plain = `kv://127.0.0.1:${port}`;
  assert.match(await refusalOf(plain), /this port uses TLS: use kvs:/);
  assert.match(await refusalOf(urls), /not signed by the expected authority/);
  assert.match(
    await refusalOf(urls, { tls: { ca: ADMIN.ca } }),
    /needs a certificate of the client/,
  );
  const expired = AUTHORITY.client('admin', { hours: -1 });
  assert.match(await refusalOf(urls, { tls: expired }), /it has expired/);
  const invalid = await stage.connect(urls, { tls: { cert: 'x' } }).catch((cause) => cause);
  assert.match(invalid.message, /tls.key is missing/);
  const words = [...stage.words('kvctl', ADMIN), '--url', `kvs://127.0.0.1:${port}`];
  assert.match((await kvctl('get', 'a', ...words)).said, /1/);
  const { code, said } = await kvctl('get', 'a', '--url', plain);
  assert.notEqual(code, 0);
  assert.match(said, /this port uses TLS: use kvs:/);
}

/** The files change, a signal comes, and no connection ends. */
async function renewed(
  stage: Stage,
  { kv, one, port }: { readonly kv: Client; readonly one: ChildNode; readonly port: number },
): Promise<void> {
  const expiry = async () => {
    const question = { url: `wss://127.0.0.1:${port}`, path: '/metrics', tls: { ca: ADMIN.ca } };
    const reply = await askPlainly({ ...question, timeoutMilliseconds: 5000, bytesMax: 1e6 });
    assert.ok(reply.type === 'answered');
    return Number(/^ringkv_certificate_expiry_seconds (\d+)$/m.exec(reply.body)?.[1]);
  };
  const before = await expiry();
  const { dials } = kv.stats();
  const files = stage.words('n1', AUTHORITY.node('n1', { cluster: 'prod', hours: 48 }));
  assert.equal(files.length, 6);
  one.kill('SIGHUP');
  while ((await expiry()) === before) await pause(50);
  assert.ok((await expiry()) > before + 35 * 3600);
  await kv.set('a', 1);
  assert.equal(kv.stats().dials, dials, 'no connection has ended');
  while (!/the certificate was renewed/.test(one.said)) await pause(20);
  stage.words('n1', AUTHORITY.node('n2', { cluster: 'prod', hours: 48 }));
  one.kill('SIGHUP');
  while (!/the new certificate names another node/.test(one.said)) await pause(20);
}

test(
  'init --secure, up: a cluster of this machine with certificates, and a client of it',
  LONG,
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'ringkv-secure-'));
    const config = join(folder, 'cluster.config.json');
    const nodes = [];
    for (const name of ['n1', 'n2']) {
      nodes.push({ name, data: name, listen: `127.0.0.1:${await freePort()}` });
    }
    writeFileSync(config, JSON.stringify({ settings: { shards: 2 }, nodes }));
    const run = (...words: readonly string[]) => kvctl(...words, '--config', config);
    t.after(async () => {
      await run('down');
      rmSync(folder, { recursive: true, force: true });
    });
    assert.equal((await run('init', '--secure', '--name', 'shop')).code, 0);
    const { code, said } = await run('up');
    assert.equal(code, 0, said);
    assert.match(said, /kvs:\/\/127.0.0.1/);
    assert.equal((await run('set', 'a', '1')).code, 0);
    assert.match((await run('get', 'a')).said, /1/);
    assert.match((await run('status')).said, /cluster +shop\.[0-9a-f]{16}/);
    await run('cert', 'client', 'app');
    const textOf = (name: string) => readFileSync(join(folder, 'certs', name), 'utf8');
    const tls = { ca: textOf('ca.pem'), cert: textOf('app.pem'), key: textOf('app.key') };
    const kv = await connect(`kvs://${nodes[0]?.listen}`, { tls });
    assert.equal((await kv.get('a'))?.value, '1', 'kvctl stores a text');
    await kv.close();
  },
);
