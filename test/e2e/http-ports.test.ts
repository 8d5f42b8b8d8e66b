/** Who may ask a real node by HTTP and from web pages: with the options of `kvctl start`. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { WebSocket } from 'ws';
import { TestAuthority } from '../support/certificates.ts';
import { ChildNode, freePort } from './child-node.ts';

const LONG = { timeout: 60_000 };
const TOKEN = 'f'.repeat(64);
const PAGE = 'https://app.example';

function folderFor(t: TestContext): (name: string) => string {
  const folder = mkdtempSync(join(tmpdir(), 'ringkv-http-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return (name) => join(folder, name);
}

async function startNode(t: TestContext, words: readonly string[]): Promise<ChildNode> {
  const node = await ChildNode.start(words);
  t.after(async () => {
    node.kill('SIGKILL');
    await node.exited;
  });
  return node;
}

/** `open`, or the status and the text of the refusal. */
async function upgradeFrom(port: number, origin: string | undefined): Promise<string> {
  const options = origin === undefined ? {} : { origin };
  const web = new WebSocket(`ws://127.0.0.1:${port}/client`, 'ringkv.1', options);
  return await new Promise((resolve) => {
    web.on('open', () => {
      web.terminate();
      resolve('open');
    });
    web.on('unexpected-response', (_request, response) => {
      let text = `${response.statusCode} `;
      response.on('data', (piece) => {
        text += piece;
      });
      response.on('end', () => resolve(text));
    });
    web.on('error', () => {});
  });
}

test(
  'pages of listed origins connect, and all others are told which option lists them',
  LONG,
  async (t) => {
    const at = folderFor(t);
    const port = await freePort();
    const own = ['--data', at('n'), '--listen', `127.0.0.1:${port}`, '--init', '--shards', '1'];
    await startNode(t, [...own, '--origins', `${PAGE},http://localhost:5173`]);
    assert.equal(await upgradeFrom(port, undefined), 'open', 'a program');
    assert.equal(await upgradeFrom(port, PAGE), 'open');
    for (const origin of [`http://127.0.0.1:${port}`, 'null', `${PAGE}.evil.example`]) {
      const refused = await upgradeFrom(port, origin);
      assert.ok(refused.startsWith('403 ') && refused.includes(JSON.stringify(origin)), refused);
      assert.match(refused, /--origins/);
      const { status } = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { origin } });
      assert.equal(status, 403, origin);
    }
    const headers = { origin: PAGE };
    const allowed = await fetch(`http://127.0.0.1:${port}/healthz`, { headers });
    assert.equal(allowed.headers.get('access-control-allow-origin'), PAGE);
  },
);

interface Asked {
  readonly port: number;
  readonly ca: string;
  readonly path: string;
  readonly token?: string;
}

async function ask({ port, ca, path, token }: Asked): Promise<string> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const options = { host: '127.0.0.1', port, path, ca, headers, agent: false };
  const asking = request(options);
  asking.end();
  const [response] = await once(asking, 'response');
  let text = `${response.statusCode} `;
  for await (const piece of response) text += piece;
  return text;
}

test(
  'health and metrics have a listener with TLS and a token, and the port has neither',
  LONG,
  async (t) => {
    const at = folderFor(t);
    const [port, health] = [await freePort(), await freePort()];
    const texts = new TestAuthority().node('n1', { cluster: 'shop' });
    const { ca } = texts;
    writeFileSync(at('ca.pem'), ca);
    writeFileSync(at('n1.pem'), texts.cert);
    writeFileSync(at('n1.key'), texts.key, { mode: 0o600 });
    writeFileSync(at('metrics.token'), `${TOKEN}\n`, { mode: 0o600 });
    const own = ['--data', at('n'), '--listen', `127.0.0.1:${port}`, '--init', '--shards', '1'];
    const tls = ['--tls-ca', at('ca.pem'), '--tls-cert', at('n1.pem'), '--tls-key', at('n1.key')];
    const http = ['--health-listen', `127.0.0.1:${health}`, '--health-tls', '--private-port'];
    const token = ['--metrics-token-file', at('metrics.token')];
    const node = await startNode(t, [...own, ...tls, ...http, ...token]);
    assert.match(await ask({ port: health, ca, path: '/healthz' }), /^200 ok/);
    assert.match(await ask({ port: health, ca, path: '/metrics' }), /^401 .*--metrics-token-file/);
    const halved = TOKEN.slice(0, 32);
    assert.match(await ask({ port: health, ca, path: '/metrics', token: halved }), /^401 /);
    assert.match(
      await ask({ port: health, ca, path: '/metrics', token: TOKEN }),
      /^200 .*ringkv_/s,
    );
    assert.match(await ask({ port, ca, path: '/metrics', token: TOKEN }), /^404 .*--health-listen/);
    assert.match(await ask({ port, ca, path: '/cluster' }), /^404 /);
    assert.match(await ask({ port, ca, path: '/healthz' }), /^200 ok/);
    await assert.rejects(fetch(`http://127.0.0.1:${health}/healthz`), 'it is not plain');
    assert.ok(!node.said.includes(TOKEN));
    assert.equal(readFileSync(at('metrics.token'), 'utf8').trim(), TOKEN);
  },
);

test(
  'a token for metrics that others can read is refused, and nothing is started',
  LONG,
  async (t) => {
    const at = folderFor(t);
    const port = await freePort();
    writeFileSync(at('metrics.token'), TOKEN, { mode: 0o644 });
    const own = ['--data', at('n'), '--listen', `127.0.0.1:${port}`, '--init'];
    const node = new ChildNode([...own, '--metrics-token-file', at('metrics.token')]);
    const { code } = await node.exited;
    assert.equal(code, 2, node.said);
    assert.match(node.said, /other users of this machine can read or write the token for metrics/);
    assert.match(node.said, /chmod 600/);
  },
);
