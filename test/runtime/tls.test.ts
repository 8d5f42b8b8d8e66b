/** Nodes with certificates: whose cluster they found, who joins it, and how they are renewed. */

import { equal, match, ok, rejects } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { TlsTexts } from '../../src/certificates/reading.ts';
import { joinAt } from '../../src/runtime/joining.ts';
import { type NodeOptions, startNode } from '../../src/runtime/node.ts';
import { ListenError, listenFault } from '../../src/transport/listen-error.ts';
import { askPlainly } from '../../src/transport/plain-question.ts';
import type { DialTls } from '../../src/transport/tls.ts';
import { NO_SECRET } from '../../src/wire/proof.ts';
import { TestAuthority } from '../support/certificates.ts';

const LONG = { timeout: 60_000 };
const AUTHORITY = new TestAuthority();
const prod = (name: string, hours = 24 * 60) => AUTHORITY.node(name, { cluster: 'prod', hours });

function siteFor(context: TestContext) {
  const root = mkdtempSync(join(tmpdir(), 'ringkv-tls-node-'));
  const logged: string[] = [];
  const ends: (() => Promise<void>)[] = [];
  context.after(async () => {
    for (const end of ends) await end();
    rmSync(root, { recursive: true, force: true });
  });
  const start = async (texts: () => TlsTexts, options: Partial<NodeOptions> = {}) => {
    const node = await startNode({
      ...{ name: '', folder: join(root, 'n'), listen: { host: '127.0.0.1', port: 0 } },
      ...{ advertise: {}, weight: 1, zone: '', isInsecureAllowed: false },
      ...{ valueBytesMax: 1024 * 1024, join: [], joinMilliseconds: 3000, logLevel: 'info' },
      init: { shards: 1, replicas: 3 },
      log: { write: (line) => void logged.push(String(line)) },
      tls: { read: texts },
      ...options,
    });
    ends.push(() => node.stop());
    return node;
  };
  return { start, logged };
}

async function expiryAt(url: string): Promise<number> {
  const tls = { ca: AUTHORITY.pair.cert };
  const question = { url, path: '/metrics', timeoutMilliseconds: 5000, bytesMax: 1e6, tls };
  const reply = await askPlainly(question);
  ok(reply.type === 'answered');
  return Number(/^ringkv_certificate_expiry_seconds (\d+)$/m.exec(reply.body)?.[1]);
}

test('a cluster is named by the certificate that founds it, and stays its own', LONG, async (t) => {
  const { start } = siteFor(t);
  const node = await start(() => prod('n1'));
  match(node.cluster, /^prod\.[0-9a-f]{16}$/);
  match(node.clientUrl, /^wss:/);
  equal(node.isGuarded, true);
  await node.stop();
  const other = () => AUTHORITY.node('n1', { cluster: 'staging' });
  await rejects(start(other), /the certificate is for cluster staging, but the cluster is prod\./);
  await rejects(
    start(() => prod('n1'), { name: 'n2' }),
    /is for node n1, .* has the name n2/,
  );
  await rejects(
    start(() => prod('n1', -1)),
    /the certificate has expired .*Nothing was changed/,
  );
  await rejects(
    start(() => AUTHORITY.client('n1')),
    /the certificate names no node/,
  );
  const again = await start(() => AUTHORITY.node('n1', { cluster: node.cluster }));
  equal(again.cluster, node.cluster, 'the whole id fits as well');
});

test('a name that only an existing cluster can have founds none', LONG, async (t) => {
  const { start } = siteFor(t);
  const whole = () => AUTHORITY.node('n1', { cluster: 'prod.0011223344556677' });
  await rejects(start(whole), /is for cluster prod\.0011223344556677, which exists already/);
});

test('a node joins under the name in its certificate only', LONG, async (t) => {
  const { start } = siteFor(t);
  const { clientUrl: url, cluster } = await start(() => prod('n1'));
  const join = (name: string, tls: DialTls) => {
    const peerUrl = 'wss://127.0.0.1:9';
    const description = { name, peerUrl, clientUrl: peerUrl, weight: 1, zone: '' };
    const joinToken = new Uint8Array(16).fill(name.length);
    const objection = () => undefined;
    const about = { url, cluster, joinToken, description, objection, signal: undefined };
    return joinAt({ ...about, secret: NO_SECRET, tls });
  };
  const isReady = async () => (await join('n2', { ...prod('n9') })).type === 'not-yet';
  ok(await isReady());
  const { ca } = prod('n2');
  const cases: readonly (readonly [string, DialTls])[] = [
    ['n2', { ca }],
    ['n2', AUTHORITY.client('n2')],
    ['n2', { ...prod('n3'), isNode: true }],
    ['n2', AUTHORITY.node('n2', { cluster: 'staging' })],
    ['', AUTHORITY.client('')],
  ];
  for (const [name, tls] of cases) {
    let end = await join(name, tls);
    while (end.type === 'not-yet' && /map|catalog is/.test(end.why)) end = await join(name, tls);
    ok(end.type === 'not-yet', name);
    match(end.why, /the certificate of this node has another name, or names another cluster/);
  }
  equal((await join('n2', { ...prod('n2'), isNode: true })).type, 'joined');
});

test(
  'a renewed certificate is used, and one that cannot be used changes nothing',
  LONG,
  async (t) => {
    const { start, logged } = siteFor(t);
    let texts = prod('n1');
    const node = await start(() => texts);
    const { clientUrl: url } = node;
    const before = await expiryAt(url);
    const isLogged = (text: string) => logged.some((line) => line.includes(text));
    equal(isLogged('expires in'), false);
    const bad: readonly (readonly [TlsTexts, string])[] = [
      [{ ...texts, key: prod('n1').key }, 'the key is not that of the certificate'],
      [prod('n2'), 'the new certificate names another node'],
      [AUTHORITY.node('n1', { cluster: 'staging' }), 'the new certificate names another node'],
      [prod('n1', -1), 'the certificate has expired'],
      [{ ...texts, cert: '' }, 'no certificate in PEM'],
    ];
    for (const [given, reason] of bad) {
      texts = given;
      node.reloadCertificates();
      equal(await expiryAt(url), before, reason);
      ok(isLogged(reason), reason);
    }
    texts = prod('n1', 24 * 90);
    node.reloadCertificates();
    ok((await expiryAt(url)) > before);
    ok(isLogged('the certificate was renewed'));
    texts = prod('n1', 24 * 5 + 1);
    node.reloadCertificates();
    ok(isLogged('the certificate expires in 5 days: renew it (kvctl cert renew)'));
  },
);

test('with TLS a node may listen beyond loopback, without it that is refused', () => {
  const where = { host: '192.0.2.1', port: 7400 };
  equal(listenFault({ ...where, isEncrypted: true }), undefined);
  equal(listenFault({ ...where, isInsecureAllowed: true }), undefined);
  const fault = listenFault(where);
  ok(fault instanceof ListenError && fault.code === 'INSECURE');
  match(fault.message, /kvctl init --secure.*--tls-cert/s);
});
