/** Plain HTTP at the port of a node and at the one for health: hosts, origins, TLS. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as askSecurely } from 'node:https';
import { connect } from 'node:net';
import test, { afterEach } from 'node:test';
import type { PlainAsk } from '../../src/transport/plain-http.ts';
import { PlainHttpServer } from '../../src/transport/plain-http-server.ts';
import { WebSockets } from '../../src/transport/web-sockets.ts';
import { TestAuthority } from '../support/certificates.ts';

const AUTHORITY = new TestAuthority();
const PAGE = 'https://app.example';
const HOST = '127.0.0.1';
const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const asked: PlainAsk[] = [];

function answer(ask: PlainAsk) {
  asked.push(ask);
  if (ask.path !== '/metrics') return undefined;
  return { status: 200, contentType: 'text/plain', body: 'one 1\n' };
}

const PAGES = { origins: [PAGE], ownHosts: [] };

async function healthPort(tls?: { readonly cert: string; readonly key: string }) {
  const server = await PlainHttpServer.listen({ host: HOST, port: 0, answer, tls, ...PAGES });
  closing.push(() => server.close());
  return server;
}

async function nodePort(): Promise<number> {
  const sockets = await WebSockets.listen({ host: HOST, port: 0, answer, ...PAGES });
  closing.push(() => sockets.close());
  return sockets.port;
}

/** The whole answer to raw lines of a request. */
async function say(port: number, ...lines: readonly string[]): Promise<string> {
  const socket = connect(port, HOST);
  let text = '';
  socket.on('data', (piece) => {
    text += piece;
  });
  socket.write(`${[...lines, 'Connection: close'].join('\r\n')}\r\n\r\n`);
  await once(socket, 'close');
  return text;
}

const OWN = `Host: ${HOST}`;

for (const [name, open] of [
  ['the port of the node', nodePort],
  ['the port for health', async () => (await healthPort()).port],
] as const) {
  test(`${name}: a page of a listed origin may read answers, and no other one`, async () => {
    const port = await open();
    const allowed = await say(port, 'GET /metrics HTTP/1.1', OWN, `Origin: ${PAGE}`);
    assert.match(allowed, /^HTTP\/1.1 200 /);
    assert.match(allowed, /\r\naccess-control-allow-origin: https:\/\/app\.example\r\n/);
    assert.match(allowed, /\r\nvary: origin\r\n/);
    for (const origin of ['https://evil.example', 'null', `http://${HOST}:${port}`]) {
      const refused = await say(port, 'GET /metrics HTTP/1.1', OWN, `Origin: ${origin}`);
      assert.match(refused, /^HTTP\/1.1 403 /, origin);
      assert.ok(refused.includes(JSON.stringify(origin)), 'it names the origin');
      assert.match(refused, /--origins/);
      assert.doesNotMatch(refused, /one 1|access-control-allow-origin/);
    }
    const program = await say(port, 'GET /metrics HTTP/1.1', OWN);
    assert.match(program, /^HTTP\/1.1 200 /);
    assert.doesNotMatch(program, /access-control-allow-origin/);
  });

  test(`${name}: browsers may ask before a page asks`, async () => {
    const port = await open();
    const asking = ['OPTIONS /metrics HTTP/1.1', OWN, 'Access-Control-Request-Method: GET'];
    const before = asked.length;
    const allowed = await say(port, ...asking, `Origin: ${PAGE}`);
    assert.match(allowed, /^HTTP\/1.1 204 /);
    assert.match(allowed, /access-control-allow-origin: https:\/\/app\.example/);
    assert.match(allowed, /access-control-allow-methods: GET, HEAD/);
    assert.match(allowed, /access-control-allow-headers: authorization/);
    const refused = await say(port, ...asking, 'Origin: https://evil.example');
    assert.match(refused, /^HTTP\/1.1 403 /);
    assert.match(await say(port, ...asking), /^HTTP\/1.1 405 /);
    assert.equal(asked.length, before, 'nothing was asked for');
  });

  test(`${name}: a host name that a page points here is refused`, async () => {
    const port = await open();
    const refused = await say(port, 'GET /metrics HTTP/1.1', 'Host: evil.example');
    assert.match(refused, /^HTTP\/1.1 421 /);
    assert.match(await say(port, 'GET /nothing HTTP/1.1', OWN), /^HTTP\/1.1 404 /);
    assert.match(await say(port, 'POST /metrics HTTP/1.1', OWN), /^HTTP\/1.1 405 /);
  });
}

test('what a request presents comes with it', async () => {
  const port = await nodePort();
  await say(port, 'GET /metrics?a=b HTTP/1.1', OWN, 'Authorization: Bearer abc');
  assert.deepEqual(asked.at(-1), {
    path: '/metrics',
    authorization: 'Bearer abc',
    isNode: false,
  });
});

/** The status, and the certificate of the server. */
function askAt(port: number, ca: string): Promise<readonly [number | undefined, string]> {
  return new Promise((resolve, reject) => {
    const options = { host: HOST, port, path: '/metrics', ca, agent: false } as const;
    const asking = askSecurely(options, (response) => {
      response.resume();
      const { fingerprint256 } = (
        response.socket as unknown as {
          getPeerCertificate(): { fingerprint256: string };
        }
      ).getPeerCertificate();
      resolve([response.statusCode, fingerprint256]);
    });
    asking.on('error', reject);
    asking.end();
  });
}

test('with TLS the port for health is not plain, and renews its certificate', async () => {
  const server = await healthPort(AUTHORITY.node('n1'));
  const { cert: ca } = AUTHORITY.pair;
  const [status, first] = await askAt(server.port, ca);
  assert.equal(status, 200);
  server.renew(AUTHORITY.node('n1'));
  const [, second] = await askAt(server.port, ca);
  assert.notEqual(first, second);
  assert.equal(await say(server.port, 'GET /metrics HTTP/1.1', OWN), '', 'a plain request');
  await assert.rejects(askAt(server.port, new TestAuthority('other').pair.cert));
});
