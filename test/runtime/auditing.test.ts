/** A node with its audit trail: what clients do is in it, and it decides what they may do. */

import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { askAccess, askInfo, changeAccess, enableAccess } from '../../src/admin.ts';
import type { AuditRecord } from '../../src/audit/record.ts';
import { Verification } from '../../src/audit/verification.ts';
import { type Client, connect } from '../../src/index.ts';
import { Auditing, type AuditOptions } from '../../src/runtime/auditing.ts';
import { type NodeOptions, startNode } from '../../src/runtime/node.ts';
import { TestAuthority } from '../support/certificates.ts';
import { MemoryAppendFolder } from '../support/twins/memory-append-folder.ts';

const LONG = { timeout: 60_000 };
const OPEN: AuditOptions = { isFailClosed: false, rules: [] };
const RULES = [{ prefix: new TextEncoder().encode('a/'), verbs: ['write'] }] as const;
const VALUE = 'a-value-that-no-line-may-have';

class Site {
  readonly root = mkdtempSync(join(tmpdir(), 'ringkv-audit-'));
  readonly logged: string[] = [];
  readonly #ends: (() => Promise<unknown>)[] = [];

  constructor(context: TestContext) {
    context.after(async () => {
      for (const end of this.#ends.reverse()) await end();
      rmSync(this.root, { recursive: true, force: true });
    });
  }

  async start(audit: AuditOptions | undefined, options: Partial<NodeOptions> = {}) {
    const node = await startNode({
      ...{ name: '', folder: join(this.root, 'n'), listen: { host: '127.0.0.1', port: 0 } },
      ...{ advertise: {}, weight: 1, zone: '', isInsecureAllowed: false },
      ...{ valueBytesMax: 1024 * 1024, join: [], logLevel: 'info' },
      init: { shards: 1, replicas: 3 },
      log: { write: (line) => void this.logged.push(String(line)) },
      audit,
      ...options,
    });
    this.#ends.push(() => node.stop());
    return node;
  }

  async connect(...[urls, options]: Parameters<typeof connect>): Promise<Client> {
    const kv = await connect(urls, options);
    this.#ends.push(() => kv.close());
    return kv;
  }

  get trail(): string {
    return join(this.root, 'n', 'audit');
  }

  text(folder = this.trail): string {
    return readdirSync(folder)
      .map((name) => readFileSync(join(folder, name), 'utf8'))
      .join('');
  }

  lines(): readonly Readonly<Record<string, unknown>>[] {
    return this.text()
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  }

  get isIntact(): boolean {
    const verification = new Verification();
    for (const name of readdirSync(this.trail).sort()) {
      verification.add({ name, bytes: readFileSync(join(this.trail, name)) });
    }
    return verification.end().isIntact;
  }

  has(what: string, outcome: string): boolean {
    return this.lines().some((line) => line.what === what && line.outcome === outcome);
  }

  async until(isSo: () => boolean): Promise<void> {
    for (let wait = 0; wait < 500 && !isSo(); wait++) await pause();
    ok(isSo(), this.text());
  }
}

const pause = () => new Promise((resume) => setTimeout(resume, 10));

test('administration, users and denials are in the trail, and no secret is', LONG, async (t) => {
  const site = new Site(t);
  const node = await site.start({ ...OPEN, rules: RULES });
  const url = node.clientUrl;
  const plain = await site.connect(url);
  await plain.set('a/1', VALUE);
  await plain.set('b/1', VALUE);
  const root = await enableAccess(url, { isForced: true });
  await rejects(plain.get('a/1'), { code: 'unauthenticated' });
  await changeAccess(
    url,
    { type: 'put-user', user: { name: 'ada', roles: ['reader'] } },
    {
      token: root,
    },
  );
  await askAccess(url, { token: root });
  const wrong = root.replace(/.$/, (digit) => (digit === '0' ? '1' : '0'));
  await rejects(askAccess(url, { token: wrong }));
  await site.until(() => site.has('hello', 'refused') && site.has('access', 'refused'));
  const info = JSON.parse(await askInfo(url, { token: root })) as { audit?: { head: string } };
  match(info.audit?.head ?? '', /^[0-9a-f]{64}$/);
  const metrics = await (await fetch(`${url.replace('ws:', 'http:')}/metrics`)).text();
  match(metrics, /^ringkv_audit_working 1$/m);
  match(metrics, /^ringkv_audit_lines_total [1-9]\d*$/m);
  match(metrics, /^ringkv_audit_dropped_total 0$/m);
  await node.stop();
  equal(site.isIntact, true);
  for (const [what, outcome] of [
    ['write', 'ok'],
    ['enable-access', 'ok'],
    ['put-user', 'ok'],
    ['access', 'ok'],
    ['read', 'refused'],
    ['hello', 'ok'],
  ] as const) {
    ok(site.has(what, outcome), `${what} ${outcome}\n${site.text()}`);
  }
  const lines = site.lines();
  const put = lines.find(({ what }) => what === 'put-user');
  deepEqual(put?.who, { user: 'root', token: root.slice(0, 16) });
  deepEqual(put?.on, { user: 'ada', roles: ['reader'] });
  match(String(put?.from), /^127\.0\.0\.1:\d+$/);
  equal(put?.node, 1);
  const writes = lines.filter(({ what, outcome }) => what === 'write' && outcome === 'ok');
  equal(writes.length, 1, 'of one prefix only');
  equal(lines.at(-1)?.kind, 'stop');
  for (const secret of [VALUE, root.slice(17), wrong.slice(17)]) {
    equal(site.text().includes(secret), false);
  }
  for (const name of readdirSync(site.trail)) {
    equal(statSync(join(site.trail, name)).mode & 0o777, 0o600);
  }
});

test('without the option there is no trail', LONG, async (t) => {
  const site = new Site(t);
  const node = await site.start(undefined);
  const kv = await site.connect(node.clientUrl);
  await kv.set('a/1', 1);
  equal(readdirSync(join(site.root, 'n')).includes('audit'), false);
  const metrics = await (await fetch(`${node.clientUrl.replace('ws:', 'http:')}/metrics`)).text();
  equal(metrics.includes('audit'), false);
});

test(
  'fail-closed: a request is served, and its line is there before its answer',
  LONG,
  async (t) => {
    const site = new Site(t);
    const node = await site.start({ rules: RULES, isFailClosed: true });
    const kv = await site.connect(node.clientUrl);
    for (let at = 0; at < 20; at++) {
      await kv.set(`a/${at}`, at);
      const begun = site.lines().filter(({ outcome }) => outcome === 'begun');
      ok(JSON.stringify(begun).includes(`"key":"a/${at}"`), site.text());
    }
    await Promise.all(Array.from({ length: 200 }, (_, at) => kv.set(`a/${at}`, at)));
    await node.stop();
    equal(site.isIntact, true);
  },
);

test(
  'a broken chain: an open trail goes on, a fail-closed node does not start',
  LONG,
  async (t) => {
    const site = new Site(t);
    await (await site.start(OPEN)).stop();
    const [name = ''] = readdirSync(site.trail);
    const path = join(site.trail, name);
    writeFileSync(path, readFileSync(path, 'utf8').replace('"kind":"start"', '"kind":"smart"'));
    await rejects(
      site.start({ ...OPEN, isFailClosed: true }),
      /broken at audit-00000001\.jsonl:2 \(changed\).*Nothing of it was changed/s,
    );
    equal(readdirSync(site.trail).length, 1, 'nothing was written');
    const node = await site.start(OPEN);
    await node.stop();
    ok(site.logged.some((line) => line.includes('audit-00000001.jsonl:2')));
    deepEqual(readdirSync(site.trail), [name, 'audit-00000002.jsonl']);
  },
);

test('fail-closed: every kind of call works behind its line', LONG, async (t) => {
  const site = new Site(t);
  const verbs = ['read', 'write', 'watch', 'lock'] as const;
  const rules = [{ prefix: new TextEncoder().encode('a/'), verbs }];
  const init = { shards: 3, replicas: 1 };
  const node = await site.start({ rules, isFailClosed: true }, { init });
  const kv = await site.connect(node.clientUrl);
  await kv.set('a/1', 1);
  const seen: string[] = [];
  const controller = new AbortController();
  const watching = (async () => {
    for await (const event of kv.watch({ prefix: 'a/', signal: controller.signal })) {
      if (event.type === 'set') seen.push(String(event.key));
    }
  })().catch(() => {});
  await kv.transaction(async (tx) => {
    const one = await tx.get('a/1');
    tx.set('a/2', one?.value);
    tx.set('a/3', VALUE);
  });
  await site.until(() => ['a/2', 'a/3'].every((key) => seen.includes(key)));
  equal(await kv.count({ prefix: 'a/' }), 3);
  const lock = await kv.lock('a/lock');
  await lock.release();
  controller.abort();
  await watching;
  await node.stop();
  equal(site.isIntact, true);
  for (const what of ['write', 'read', 'range', 'transact', 'watch']) {
    ok(site.has(what, 'begun'), `${what}\n${site.text()}`);
  }
  ok(site.lines().some(({ on }) => JSON.stringify(on ?? '').includes('"verb":"lock"')));
  equal(site.text().includes(VALUE), false);
});

test('a trail that cannot be used keeps the node from starting', LONG, async (t) => {
  const site = new Site(t);
  const folder = join(site.root, 'file');
  writeFileSync(folder, '');
  await rejects(site.start({ ...OPEN, folder }), /audit trail in .*file cannot be used: .*not a/s);
  const node = await site.start({ ...OPEN, folder: join(site.root, 'trail') });
  await node.stop();
  match(site.text(join(site.root, 'trail')), /"kind":"start"/);
});

test('a client is told by its certificate, and so is one that was refused', LONG, async (t) => {
  const site = new Site(t);
  const authority = new TestAuthority();
  const texts = () => authority.node('n1', { cluster: 'prod' });
  const node = await site.start(OPEN, { tls: { read: texts, isClientCertified: true } });
  const url = node.clientUrl.replace('wss:', 'kvs:');
  const kv = await site.connect(url, { tls: authority.client('app') });
  await kv.set('a', 1);
  const stranger = new TestAuthority('another').client('spy');
  const tls = { ...stranger, ca: authority.pair.cert };
  await rejects(connect(url, { tls, timeout: 3000 }));
  await site.until(() => site.has('connect', 'refused'));
  const hello = site.lines().find(({ what }) => what === 'hello');
  deepEqual([hello?.who, hello?.outcome], [{ certificate: 'app' }, 'ok']);
  const refused = site.lines().find(({ what }) => what === 'connect');
  match(String(refused?.why), /certificate is not accepted/);
  match(String(refused?.from), /^127\.0\.0\.1:/);
});

test('what the trail reports reaches the node, and the trail is closed in time', async () => {
  const folder = new MemoryAppendFolder();
  const terms = { options: { ...OPEN, isFailClosed: true }, dataFolder: 'd', warn: () => {} };
  const auditing = new Auditing({ ...terms, openFolder: () => folder });
  deepEqual(auditing.policy, { rules: [], isFailClosed: true });
  equal(auditing.progress, undefined);
  await auditing.open();
  const durable: number[] = [];
  auditing.onProgress = (progress) => void durable.push(progress.durable);
  auditing.begin(3);
  const about = { kind: 'request', who: 'anonymous', from: '', what: 'x', request: 4 } as const;
  auditing.add({ ...about, outcome: 'begun' } as AuditRecord);
  await auditing.close();
  equal(durable.at(-1), 4, 'each write of a fail-closed trail is synced');
});
