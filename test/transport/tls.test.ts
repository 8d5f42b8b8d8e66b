/** TLS on the port of a node: who is let in at which path, and what the other side learns. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer as createPlainServer, type Socket } from 'node:net';
import test, { afterEach } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import type { TlsTexts } from '../../src/certificates/reading.ts';
import type { PlainAsk } from '../../src/transport/plain-http.ts';
import { askPlainly } from '../../src/transport/plain-question.ts';
import type { Door } from '../../src/transport/sockets.ts';
import type { DialTls } from '../../src/transport/tls.ts';
import { WebDialler } from '../../src/transport/web-dialler.ts';
import { WebSockets } from '../../src/transport/web-sockets.ts';
import { TestAuthority } from '../support/certificates.ts';

const LONG = { timeout: 60_000 };
const AUTHORITY = new TestAuthority();
const STRANGE = new TestAuthority();
const N1 = AUTHORITY.node('n1');
const ADMIN = AUTHORITY.client('admin');

const closing: (() => void | Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function listen({
  texts = N1,
  isClientCertified = false,
  ...rest
}: {
  readonly texts?: TlsTexts | null;
  readonly isClientCertified?: boolean;
  readonly crowd?: { readonly clientsMax: number; readonly plainMax: number };
} = {}): Promise<WebSockets> {
  const tls = texts === null ? undefined : { texts, isClientCertified };
  const answer = ({ path }: PlainAsk) =>
    path === '/healthz' ? { status: 200, contentType: 'text/plain', body: 'ok\n' } : undefined;
  const sockets = await WebSockets.listen({ host: '127.0.0.1', port: 0, tls, answer, ...rest });
  closing.push(() => sockets.close());
  sockets.accept((socket) => ({
    onOpen: () => {},
    onFrame: (bytes) => socket.send(bytes),
    onClosed: () => {},
  }));
  return sockets;
}

/** `open`, or the reason why not. */
function dial(
  port: number,
  { door = '/client', tls }: { readonly door?: Door; readonly tls?: DialTls | undefined } = {},
): Promise<string> {
  const dialler = new WebDialler({ tls: tls && (() => tls) });
  closing.push(() => dialler.close());
  return new Promise((resolve) => {
    const onClosed = ({ text }: { readonly text: string }) => resolve(text);
    const url = `ws://127.0.0.1:${port}`;
    dialler.dial({ url, door }, { onOpen: () => resolve('open'), onFrame: () => {}, onClosed });
  });
}

async function get(port: number, tls?: DialTls): Promise<string> {
  const url = `ws://127.0.0.1:${port}`;
  const question = { url, path: '/healthz', timeoutMilliseconds: 5000, bytesMax: 1000, tls };
  const reply = await askPlainly(question);
  return reply.type === 'failed' ? reply.why : `${reply.status} ${reply.body}`;
}

const NEEDS_TLS =
  'this port uses TLS: use kvs:// in place of kv://, and https:// in place of http://';

test('a plain visitor of a port with TLS learns that it needs TLS', LONG, async () => {
  const { port } = await listen();
  assert.equal(await dial(port), `refused (400): ${NEEDS_TLS}`);
  assert.equal(await get(port), `400 ${NEEDS_TLS}\n`);
  assert.equal(await dial(port, { tls: { ca: N1.ca } }), 'open');
});

test('an encrypted visitor of a plain port learns that it is plain', LONG, async () => {
  const { port } = await listen({ texts: null });
  const plain = /the server at this address does not use TLS: use kv:\/\/ in place of kvs:\/\//;
  assert.match(await dial(port, { tls: { ca: N1.ca } }), plain);
  assert.match(await get(port, { ca: N1.ca }), plain);
  assert.equal(await dial(port), 'open');
});

test('a client needs no certificate, but one that it presents has to be valid', LONG, async () => {
  const { port } = await listen();
  const of = ({ cert, key }: TlsTexts) => ({ ca: N1.ca, cert, key });
  assert.equal(await dial(port, { tls: { ca: N1.ca } }), 'open');
  assert.equal(await dial(port, { tls: of(ADMIN) }), 'open');
  assert.equal(await dial(port, { tls: of(AUTHORITY.node('n2')) }), 'open');
  const refused = 'refused (403): the certificate is not accepted: ';
  const expired = AUTHORITY.client('admin', { hours: -1 });
  const renew = 'it has expired: renew it (kvctl cert renew) (CERT_HAS_EXPIRED)';
  assert.equal(await dial(port, { tls: of(expired) }), refused + renew);
  assert.match(
    await dial(port, { tls: of(STRANGE.client('admin')) }),
    /not signed by the authority/,
  );
  assert.match(await dial(port, { tls: of(STRANGE.node('n1')) }), /not signed by the authority/);
  assert.match(await get(port, of(expired)), /^403 .*it has expired/);
  assert.match(await get(port, { ca: N1.ca }), /^200 ok/);
});

test('where clients need a certificate, health does not', LONG, async () => {
  const { port } = await listen({ isClientCertified: true });
  const text =
    'refused (403): this node needs a certificate of the client: ' +
    'set tls.cert and tls.key (--tls-cert)';
  assert.equal(await dial(port, { tls: { ca: N1.ca } }), text);
  assert.equal(await dial(port, { tls: { ...ADMIN } }), 'open');
  assert.equal(await get(port, { ca: N1.ca }), '200 ok\n');
});

test('the peer endpoint takes the certificate of a node, and nothing else', LONG, async () => {
  const { port } = await listen();
  const door = '/peer';
  const needed = /\(403\): this endpoint needs the certificate of a node/;
  assert.match(await dial(port, { door, tls: { ca: N1.ca } }), needed);
  assert.match(await dial(port, { door, tls: ADMIN }), needed);
  const twice = ['ringkv://test/node/n1', 'ringkv://test/node/n2'];
  assert.match(
    await dial(port, { door, tls: AUTHORITY.sign('n1', { uris: twice }, true) }),
    needed,
  );
  const forged = ['a, URI:ringkv://test/node/n1, DNS:b'];
  const forger = AUTHORITY.sign('n1', { hosts: forged }, true);
  assert.match(await dial(port, { door, tls: forger }), needed);
  const stranger = { ...STRANGE.node('n1'), ca: N1.ca };
  assert.match(
    await dial(port, { door, tls: stranger }),
    /\(403\): the certificate is not accepted/,
  );
  const expired = AUTHORITY.node('n2', { hours: -1 });
  assert.match(await dial(port, { door, tls: expired }), /\(403\): .* it has expired/);
  assert.equal(await dial(port, { door, tls: { ...AUTHORITY.node('n2'), isNode: true } }), 'open');
});

test('a dialler takes only servers that the authority vouches for', LONG, async () => {
  const { port } = await listen();
  const { port: expired } = await listen({ texts: AUTHORITY.node('n1', { hours: -1 }) });
  const { port: client } = await listen({ texts: AUTHORITY.client('n1') });
  const { port: nameless } = await listen({
    texts: AUTHORITY.sign('web', { hosts: ['127.0.0.1'] }, true),
  });
  const { ca } = N1;
  assert.match(await dial(port, { tls: {} }), /is not signed by the expected authority/);
  assert.match(await dial(port, { tls: { ca: STRANGE.pair.cert } }), /not signed by the expected/);
  assert.match(await dial(expired, { tls: { ca } }), /the certificate of the server has expired/);
  assert.match(await dial(client, { tls: { ca } }), /purpose/);
  assert.equal(await dial(nameless, { tls: { ca } }), 'open');
  const node = { ...AUTHORITY.node('n2'), isNode: true };
  assert.match(await dial(nameless, { tls: node }), /names no node of a cluster/);
});

test(
  'a client knows a node by its certificate, or by the name that it asks for',
  LONG,
  async () => {
    const elsewhere = AUTHORITY.node('n1', { hosts: ['a.example'] });
    const { port } = await listen({ texts: elsewhere });
    const { port: nameless } = await listen({
      texts: AUTHORITY.sign('web', { hosts: ['a.example'] }, true),
    });
    const { ca } = N1;
    assert.equal(await dial(port, { tls: { ca } }), 'open');
    assert.equal(await dial(port, { tls: { ca, serverName: 'a.example' } }), 'open');
    const mismatch = /b.example/;
    assert.match(await dial(port, { tls: { ca, serverName: 'b.example' } }), mismatch);
    assert.match(await dial(nameless, { tls: { ca } }), /127.0.0.1/);
    assert.equal(await dial(nameless, { tls: { ca, serverName: 'a.example' } }), 'open');
  },
);

test('versions before TLS 1.3 are refused on both sides', LONG, async () => {
  const { port } = await listen();
  const old = connectTls({ port, host: '127.0.0.1', ca: N1.ca, maxVersion: 'TLSv1.2' });
  const told = new Promise<string>((resolve) => {
    old.once('error', ({ message }) => resolve(message));
    old.once('secureConnect', () => resolve('connected'));
  });
  closing.push(() => void old.destroy());
  assert.match(await told, /protocol version/);
  const { cert, key } = N1;
  const server = createTlsServer({ cert, key, maxVersion: 'TLSv1.2' }, () => {});
  server.on('tlsClientError', () => {});
  closing.push(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port: other } = server.address() as { port: number };
  const text = await dial(other, { tls: { ca: N1.ca } });
  assert.match(text, /the server does not use TLS 1.3/);
});

/** A ClientHello that never ends, or no byte at all. */
const HALVES = [Buffer.from('16030102000100', 'hex'), Buffer.alloc(0)] as const;

test(
  'a thousand half-open handshakes are bounded, time out, and stop no client',
  LONG,
  async () => {
    const plainMax = 64;
    const sockets = await listen({ crowd: { clientsMax: 10, plainMax } });
    const { port } = sockets;
    const before = process.memoryUsage().rss;
    let closed = 0;
    const crowd: Socket[] = [];
    closing.push(() => {
      for (const socket of crowd) socket.destroy();
    });
    for (let at = 0; at < 1000; at++) {
      const socket = connect({ host: '127.0.0.1', port });
      socket.on('error', () => {});
      socket.on('close', () => {
        closed += 1;
      });
      socket.write(HALVES[at % 2] ?? '');
      crowd.push(socket);
      if (at % 50 === 49) await once(socket, 'connect');
    }
    assert.equal(await dial(port, { tls: { ca: N1.ca } }), 'open');
    assert.equal(await dial(port, { door: '/peer', tls: AUTHORITY.node('n2') }), 'open');
    while (closed < crowd.length - plainMax) await sleep(20);
    assert.ok(process.memoryUsage().rss - before < 64 * 1024 * 1024);
    while (closed < crowd.length) await sleep(50);
  },
);

test('a handshake that does not go on is closed in time', LONG, async () => {
  const { port } = await listen();
  for (const half of HALVES) {
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('error', () => {});
    socket.write(half);
    const begun = Date.now();
    await once(socket, 'close');
    assert.ok(Date.now() - begun < 10_000);
  }
});

test('a renewed certificate is for new sockets, and closes no open one', LONG, async () => {
  const sockets = await listen();
  const { port } = sockets;
  const dialler = new WebDialler({ tls: () => ({ ca: N1.ca }) });
  closing.push(() => dialler.close());
  const heard: number[] = [];
  const faults: string[] = [];
  await new Promise<void>((resolve) => {
    const socket = dialler.dial(
      { url: `ws://127.0.0.1:${port}`, door: '/client' },
      {
        onOpen: resolve,
        onFrame: ([first = 0]) => heard.push(first),
        onClosed: ({ text }) => faults.push(text),
      },
    );
    closing.push(() => socket.close({ code: 1000, text: '' }));
    const timer = setInterval(() => socket.send(new Uint8Array([heard.length + 1])), 10);
    closing.push(() => clearInterval(timer));
  });
  sockets.renew(STRANGE.node('n1'));
  assert.match(await dial(port, { tls: { ca: N1.ca } }), /not signed by the expected authority/);
  assert.equal(await dial(port, { tls: { ...STRANGE.client('admin') } }), 'open');
  assert.match(await dial(port, { tls: { ...ADMIN, ca: STRANGE.pair.cert } }), /not signed by/);
  const so = heard.length;
  while (heard.length < so + 5) await sleep(10);
  assert.deepEqual(faults, []);
});

test('an address without a server stays what it was: unreachable', LONG, async () => {
  const server = createPlainServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  assert.match(await dial(port, { tls: { ca: N1.ca } }), /ECONNREFUSED/);
});
