/** Who gets metrics, and what the port of a node tells of the cluster. */

import { equal, match, ok, rejects } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { request as askSecurely } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { enableAccess } from '../../src/admin.ts';
import { connect } from '../../src/index.ts';
import { NO_AFFILIATION } from '../../src/runtime/affiliation.ts';
import { httpAnswer, rulesOf } from '../../src/runtime/http-endpoints.ts';
import { type NodeOptions, type RunningNode, startNode } from '../../src/runtime/node.ts';
import { askPlainly } from '../../src/transport/plain-question.ts';
import { TestAuthority } from '../support/certificates.ts';

const TOKEN = 'a-token-for-metrics-0123456789';
const NOTHING = { core: undefined, affiliation: undefined, end: undefined };
const AFFILIATION = { ...NO_AFFILIATION, cluster: 'c', node: 1 };

function metricsBy(authorization: string | undefined, metricsToken?: string) {
  const ask = { path: '/metrics', authorization, isNode: false };
  return httpAnswer({ ...NOTHING, rules: rulesOf({ metricsToken }) }, ask, 'health');
}

test('metrics need the token of the node, all of it', () => {
  equal(metricsBy(undefined)?.status, 503, 'no token is needed, and the node is starting');
  equal(metricsBy(`Bearer ${TOKEN}`, TOKEN)?.status, 503);
  equal(metricsBy(`bearer ${TOKEN}`, TOKEN)?.status, 503, 'the scheme has no case');
  const wrong = [
    ...[undefined, '', 'Bearer', 'Bearer ', `Basic ${TOKEN}`, TOKEN, `Bearer ${TOKEN} `],
    ...[`Bearer ${TOKEN}x`, `Bearer ${TOKEN.slice(0, -1)}`, `Bearer ${TOKEN.slice(0, 4)}`],
    ...[`Bearer ${TOKEN.toUpperCase()}`, `Bearer x${TOKEN}`],
  ];
  for (const authorization of wrong) {
    const answer = metricsBy(authorization, TOKEN);
    equal(answer?.status, 401, authorization);
    match(answer?.headers?.['www-authenticate'] ?? '', /^Bearer /);
    match(answer?.body ?? '', /--metrics-token-file/);
    ok(!answer?.body.includes(TOKEN));
  }
});

test('health and readiness need no token', () => {
  const rules = rulesOf({ metricsToken: TOKEN });
  const ask = { authorization: undefined, isNode: false };
  equal(httpAnswer({ ...NOTHING, rules }, { ...ask, path: '/healthz' }, 'main')?.status, 200);
  equal(httpAnswer({ ...NOTHING, rules }, { ...ask, path: '/readyz' }, 'main')?.status, 503);
});

test('a private port has no metrics, and tells nodes alone of its cluster', () => {
  const answering = {
    ...NOTHING,
    affiliation: AFFILIATION,
    rules: rulesOf({ isPortPrivate: true }),
  };
  const statusAt = (path: string, port: 'main' | 'health', isNode = false) =>
    httpAnswer(answering, { path, authorization: undefined, isNode }, port)?.status;
  equal(statusAt('/metrics', 'main'), 404);
  equal(statusAt('/metrics', 'main', true), 404);
  equal(statusAt('/metrics', 'health'), 503);
  equal(statusAt('/cluster', 'main'), 404);
  equal(statusAt('/cluster', 'main', true), 200);
  equal(statusAt('/cluster', 'health'), 200);
  equal(statusAt('/healthz', 'main'), 200);
});

async function start(
  context: TestContext,
  options: Partial<NodeOptions>,
): Promise<RunningNode & { readonly http: string; readonly health: string }> {
  const root = mkdtempSync(join(tmpdir(), 'ringkv-http-'));
  const node = await startNode({
    ...{ folder: join(root, 'n'), listen: { host: '127.0.0.1', port: 0 }, advertise: {} },
    ...{ name: '', weight: 1, zone: '', isInsecureAllowed: false, valueBytesMax: 1024 * 1024 },
    ...{ join: [], logLevel: 'silent', init: { shards: 1, replicas: 1 } },
    ...options,
  });
  context.after(async () => {
    await node.stop();
    rmSync(root, { recursive: true, force: true });
  });
  const http = node.clientUrl.replace(/^ws/, 'http');
  return Object.assign(node, { http, health: `http://127.0.0.1:${node.healthPort}` });
}

async function textAt(url: string, authorization?: string): Promise<string> {
  const headers = authorization === undefined ? {} : { authorization };
  return await (await fetch(url, { headers })).text();
}

const ANYWHERE = { host: '127.0.0.1', port: 0 };

test('names of users are shown at the health listener, and with the token', async (context) => {
  const node = await start(context, { healthListen: ANYWHERE });
  const url = node.clientUrl.replace(/^ws/, 'kv');
  while (!(await fetch(`${node.http}/readyz`)).ok)
    await new Promise((resume) => setTimeout(resume, 20));
  const token = await enableAccess(url, { isForced: true });
  const kv = await connect(url, { token });
  await kv.set('a', 1);
  match(await textAt(`${node.health}/metrics`), /^ringkv_user_requests_total\{user="root"\} \d+$/m);
  match(await textAt(`${node.health}/metrics`), /^ringkv_user_connections\{user="root"\} 1$/m);
  const open = await textAt(`${node.http}/metrics`);
  match(open, /^ringkv_clients \d+$/m);
  ok(!open.includes('root'));
  await kv.close();
});

test('a node guards its metrics by a token at both ports', async (context) => {
  const options = { healthListen: ANYWHERE, http: { metricsToken: TOKEN } };
  const node = await start(context, options);
  for (const base of [node.http, node.health]) {
    equal((await fetch(`${base}/metrics`)).status, 401);
    match(await textAt(`${base}/metrics`, `Bearer ${TOKEN}`), /^ringkv_clients 0$/m);
    equal(await textAt(`${base}/healthz`), 'ok\n');
  }
});

function secureStatus(port: number | undefined, ca: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path: '/healthz', ca, agent: false };
    const asking = askSecurely(options, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asking.on('error', reject);
    asking.end();
  });
}

test('the health listener has the certificate of the node, or its own', async (context) => {
  const [nodes, other] = [new TestAuthority(), new TestAuthority('of monitoring')];
  const texts = nodes.node('n1', { cluster: 'prod' });
  const tls = { read: () => texts };
  const one = await start(context, { tls, healthListen: ANYWHERE, healthTls: 'node' });
  equal(await secureStatus(one.healthPort, texts.ca), 200);
  await rejects(fetch(`${one.health}/healthz`));
  const own = other.sign('monitoring', { hosts: ['127.0.0.1'] }, true);
  const healthTls = { read: () => own };
  const two = await start(context, { tls, healthListen: ANYWHERE, healthTls });
  equal(await secureStatus(two.healthPort, own.ca), 200);
  await rejects(secureStatus(two.healthPort, texts.ca));
  two.reloadCertificates();
  equal(await secureStatus(two.healthPort, own.ca), 200);
});

test('a private port tells a node with a certificate of its cluster', async (context) => {
  const authority = new TestAuthority();
  const texts = authority.node('n1', { cluster: 'prod' });
  const http = { isPortPrivate: true };
  const node = await start(context, { tls: { read: () => texts }, http });
  const statusBy = async (
    presented: { readonly cert: string; readonly key: string } | undefined,
  ) => {
    const tls = { ca: texts.ca, ...presented };
    const question = { path: '/cluster', timeoutMilliseconds: 5000, bytesMax: 1e6, tls };
    const reply = await askPlainly({ ...question, url: node.clientUrl });
    return reply.type === 'answered' ? reply.status : reply.why;
  };
  equal(await statusBy(authority.node('n2', { cluster: 'prod' })), 200);
  equal(await statusBy(authority.client('app')), 404);
  equal(await statusBy(undefined), 404);
});

test('options that contradict each other are refused, and change nothing', async (context) => {
  const both = start(context, { healthTls: 'node', healthListen: ANYWHERE });
  await rejects(both, /the node has none\. Nothing was changed\. Set --tls-cert/);
  await rejects(start(context, { healthTls: 'node' }), /no health listener\. Nothing was changed/);
  const expired = new TestAuthority().sign('m', { hours: -1 }, true);
  const healthTls = { read: () => expired };
  await rejects(start(context, { healthListen: ANYWHERE, healthTls }), /has expired/);
});
