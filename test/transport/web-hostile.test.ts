/** Input at a node's port that is no correct peer or client: closed, with constant memory. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import test, { afterEach } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { WIRE_LIMITS } from '../../src/base/limits.ts';
import { TRANSPORT_LIMITS } from '../../src/base/transport-limits.ts';
import { ListenError } from '../../src/transport/listen-error.ts';
import { WebDialler } from '../../src/transport/web-dialler.ts';
import { WebSockets } from '../../src/transport/web-sockets.ts';
import { encodeHello } from '../../src/wire/hello.ts';
import {
  type NetworkUnderTest,
  openStation,
  refusals,
  type Station,
} from './network-under-test.ts';
import { openWeb } from './web-under-test.ts';

const HELLO = encodeHello({
  type: 'client',
  versionMin: 1,
  versionMax: 1,
  features: [],
  cluster: '',
});

/** Closed behind each test even if an assertion fails: else the file never ends. */
const clients = new Set<WebSocket>();
const rawClients = new Set<Socket>();
const diallers = new Set<WebDialler>();
const servers = new Set<WebSockets>();

function closeClients(): void {
  for (const client of clients) client.terminate();
  for (const client of rawClients) client.destroy();
  for (const dialler of diallers) dialler.close();
  for (const opened of [clients, rawClients, diallers]) opened.clear();
}

afterEach(async () => {
  closeClients();
  for (const server of servers) await server.close();
  servers.clear();
});

async function listen(
  options: Omit<Parameters<typeof WebSockets.listen>[0], 'host' | 'port'> = {},
): Promise<WebSockets> {
  const server = await WebSockets.listen({ host: '127.0.0.1', port: 0, ...options });
  servers.add(server);
  return server;
}

function connectTo(port: number): Socket {
  const socket = connect({ host: '127.0.0.1', port });
  socket.on('error', () => {});
  rawClients.add(socket);
  return socket;
}

function testAt(
  sentence: string,
  body: (station: Station, network: NetworkUnderTest) => Promise<void>,
): void {
  test(sentence, { timeout: 20_000 }, async () => {
    const network = openWeb();
    const station = await openStation(network, { node: 1 });
    try {
      await body(station, network);
    } finally {
      closeClients();
      station.board.close();
      await network.end();
    }
  });
}

function portOf({ place }: Station): number {
  return Number(new URL(place.url).port);
}

interface Opened {
  readonly web: WebSocket;
  readonly raw: Socket;
  readonly closed: Promise<readonly [code: number, text: string]>;
}

/** A WebSocket that may violate the protocol. */
async function open(station: Station, { hello = true, door = '/client' } = {}): Promise<Opened> {
  const options = { perMessageDeflate: false };
  const web = new WebSocket(`${station.place.url}${door}`, 'ringkv.1', options);
  clients.add(web);
  let raw: Socket | undefined;
  web.on('error', () => {});
  web.on('upgrade', ({ socket }) => {
    raw = socket;
  });
  const closed = new Promise<readonly [number, string]>((resolve) => {
    web.on('close', (code, text) => resolve([code, text.toString()]));
  });
  await once(web, 'open');
  assert.ok(raw !== undefined);
  if (hello) {
    web.send(HELLO);
    await once(web, 'message');
  }
  return { web, raw, closed };
}

/** The server's answer to bytes on a raw connection, until it is closed. */
async function say(port: number, bytes: string | Uint8Array): Promise<string> {
  const socket = connectTo(port);
  socket.write(bytes);
  let said = '';
  socket.setEncoding('latin1').on('data', (text) => {
    said += text;
  });
  await once(socket, 'close');
  return said;
}

function upgrade(path: string, headers: readonly string[] = []): string {
  const lines = [
    `GET ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version: 13',
    ...headers,
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

const OURS = 'Sec-WebSocket-Protocol: ringkv.1';

testAt('a text frame, an empty one and one above the limit close the connection', async (one) => {
  const cases: readonly (readonly [(opened: Opened) => void, number, RegExp])[] = [
    [({ web }) => web.send('text'), 1003, /text-frame/],
    [({ web }) => web.send(new Uint8Array(0)), 4012, /empty-frame/],
    // Only the header: the announced length is enough.
    [({ raw }) => raw.write(Buffer.from('82ff000000007fffffff00000000', 'hex')), 1009, /^$/],
    [({ raw }) => raw.write(Buffer.from('8fff000000007fffffff00000000', 'hex')), 1002, /^$/],
  ];
  for (const [send, code, text] of cases) {
    const opened = await open(one);
    send(opened);
    const closed = await opened.closed;
    assert.equal(closed[0], code);
    assert.match(closed[1], text);
  }
  assert.equal(one.recorder.of('client-down').length, cases.length);
  assert.equal(one.recorder.of('client-frame').length, 0);
});

testAt('131 000 pieces of a frame are refused long before the last', async (one) => {
  const { raw, closed } = await open(one);
  const before = process.memoryUsage().rss;
  const first = Buffer.from('028100000000aa', 'hex');
  const piece = Buffer.from('008100000000bb', 'hex');
  raw.write(Buffer.concat([first, ...Array.from({ length: 131_000 }, () => piece)]));
  const [code] = await closed;
  assert.equal(code, 1008);
  assert.ok(process.memoryUsage().rss - before < 64 * 1024 * 1024);
  assert.match(one.recorder.of('client-down')[0]?.reason ?? '', /fragments/);
});

testAt('before the hello eight kilobytes are all that is read', async (one) => {
  for (const door of ['/peer', '/client']) {
    const { raw, closed } = await open(one, { hello: false, door });
    raw.write(Buffer.from('82fe300000000000', 'hex'));
    raw.write(Buffer.alloc(12_000));
    const [code, text] = await closed;
    assert.equal(code, 1009);
    assert.match(text, /frame-too-large: the hello exceeds 8192 bytes/);
  }
  assert.ok(WIRE_LIMITS.helloBytesMax === 8192 && refusals(one).length === 2);
});

testAt('what is not a WebSocket to one of the doors is refused', async (one) => {
  const port = portOf(one);
  const cases: readonly (readonly [string | Uint8Array, RegExp])[] = [
    ['\x16\x03\x01\x02\x00garbage\r\n\r\n', /^HTTP\/1.1 400 /],
    [new Uint8Array(5000).fill(0xff), /^HTTP\/1.1 400 /],
    [`GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, /^HTTP\/1.1 4\d\d /],
    [upgrade('/other', [OURS]), /^HTTP\/1.1 404 /],
    [upgrade('/client?token=secret', [OURS]), /^HTTP\/1.1 404 /],
    [
      upgrade('/client', [OURS]).replace('Host: 127.0.0.1', 'Host: evil.example'),
      /^HTTP\/1.1 421 /,
    ],
    ['GET /metrics HTTP/1.1\r\nHost: evil.example:7400\r\n\r\n', /^HTTP\/1.1 421 /],
    [upgrade('/client', [OURS, 'Origin: https://evil.example']), /^HTTP\/1.1 403 /],
    [upgrade('/client', ['Sec-WebSocket-Protocol: mqtt']), /the required subprotocol is ringkv.1/],
    [upgrade('/client'), /^HTTP\/1.1 400 /],
    [`${upgrade('/client', [OURS]).replace('13', '7')}`, /^HTTP\/1.1 400 /],
  ];
  for (const [bytes, answer] of cases) assert.match(await say(port, bytes), answer);
  assert.deepEqual(one.recorder.events, []);
});

test('half a request is not waited for', { timeout: 20_000 }, async () => {
  const sockets = await listen();
  assert.match(await say(sockets.port, 'GET /client HTTP/1.1\r\nHost: a'), /^HTTP\/1.1 4\d\d /);
  await sockets.close();
});

test('plain paths are answered, and the endpoints report when a node is not ready', async () => {
  const sockets = await listen({
    origins: ['https://console.example'],
    answer: ({ path }) =>
      path === '/healthz' ? { status: 200, contentType: 'text/plain', body: 'ok' } : undefined,
  });
  const at = (path: string, method = 'GET') =>
    fetch(`http://127.0.0.1:${sockets.port}${path}`, { method });
  const health = await at('/healthz?verbose');
  assert.deepEqual([health.status, await health.text()], [200, 'ok']);
  assert.equal((await at('/nothing')).status, 404);
  assert.equal((await at('/healthz', 'POST')).status, 405);
  assert.equal((await at('/client')).status, 426);
  assert.match(await say(sockets.port, upgrade('/peer', [OURS])), /503 .*not ready/s);
  const allowed = [OURS, 'Origin: https://console.example'];
  assert.match(await say(sockets.port, upgrade('/client', allowed)), /503 .*not ready/s);
  assert.match(await say(sockets.port, upgrade('/peer', allowed)), /403 .*no web page is a node/s);
  const other = [OURS, 'Origin: https://console.example.evil.example'];
  const refused = await say(sockets.port, upgrade('/client', other));
  assert.match(refused, /403 .*"https:\/\/console\.example\.evil\.example" .*--origins/s);
  await sockets.close();
  await sockets.close();
});

test('a node that cannot listen says what happened, why, and what to do', async () => {
  const sockets = await listen();
  const { port } = sockets;
  const cases: readonly (readonly [object, string, RegExp])[] = [
    [{ host: '127.0.0.1' }, 'EADDRINUSE', /perhaps this node/],
    [{ host: '0.0.0.0' }, 'INSECURE', /isInsecureAllowed/],
    [{ host: 'localhost.example' }, 'INSECURE', /isInsecureAllowed/],
    [{ host: '192.0.2.1', isInsecureAllowed: true }, 'EADDRNOTAVAIL', /use one of its addresses/],
  ];
  for (const [where, code, advice] of cases) {
    const fault = await WebSockets.listen({ host: '', port, ...where }).catch((cause) => cause);
    assert.ok(fault instanceof ListenError);
    assert.equal(fault.code, code);
    assert.match(fault.message, advice);
  }
  await sockets.close();
});

test('clients are bounded, and no flood of them shuts out health and peers', async () => {
  const faults: string[] = [];
  const sockets = await listen({
    crowd: { clientsMax: 1, plainMax: 3 },
    onFault: (text) => faults.push(text),
  });
  sockets.accept(() => ({ onOpen: () => {}, onFrame: () => {}, onClosed: () => {} }));
  const crowd = [1, 2, 3, 4].map(() => connectTo(sockets.port));
  await Promise.race(crowd.map((socket) => once(socket, 'close')));
  assert.equal((await fetch(`http://127.0.0.1:${sockets.port}/`)).status, 404);
  const dialler = new WebDialler();
  diallers.add(dialler);
  const url = `ws://127.0.0.1:${sockets.port}`;
  const dial = (door: '/client' | '/peer') => {
    return new Promise<string>((resolve) => {
      const onClosed = ({ text }: { readonly text: string }) => resolve(text);
      dialler.dial({ url, door }, { onOpen: () => resolve('open'), onFrame: () => {}, onClosed });
    });
  };
  assert.equal(await dial('/client'), 'open');
  const text = 'the limit of 1 connected clients is reached: use another node';
  assert.equal(await dial('/client'), `refused (503): ${text}`);
  assert.equal(await dial('/peer'), 'open');
  assert.deepEqual(faults, ['refusing clients: the limit of 1 connected clients is reached']);
});

const SLOW = { timeout: 60_000 };

/** The header of a binary frame of so many bytes, masked by zeros. */
function headerOf(bytes: number): Buffer {
  const header = Buffer.alloc(14);
  header[0] = 0x82;
  header[1] = 0xff;
  header.writeUInt32BE(bytes, 6);
  return header;
}

testAt('a frame that does not go on is not waited for, one that does is', async (one, network) => {
  const [stuck, slow] = [await open(one), await open(one)];
  const bytes = 20_000;
  for (const { raw } of [stuck, slow]) {
    raw.write(headerOf(bytes));
    raw.write(Buffer.alloc(5000));
  }
  let sent = 5000;
  const [code, text] = await Promise.race([
    stuck.closed,
    (async () => {
      for (; sent < bytes; sent += 500) {
        slow.raw.write(Buffer.alloc(500));
        await network.pass(50);
      }
      return stuck.closed;
    })(),
  ]);
  assert.deepEqual([code, /slow: a frame arrives too slowly/.test(text)], [4010, true]);
  slow.raw.write(Buffer.alloc(Math.max(0, bytes - sent)));
  while (one.recorder.of('client-frame').length === 0) await network.pass(10);
  assert.equal(one.recorder.of('client-frame')[0]?.bytes.length, bytes);
});

/** A WebSocket at an endpoint of sockets without a switchboard, which has sent its first frame. */
async function atDoor(port: number, door: '/peer' | '/client'): Promise<Opened> {
  const place = { url: `ws://127.0.0.1:${port}` };
  const opened = await open({ place } as unknown as Station, { hello: false, door });
  opened.web.send(HELLO);
  return opened;
}

test('incomplete frames of clients have a bound that closes no peer', SLOW, async () => {
  const sockets = await listen();
  const ended: string[] = [];
  let heard = 0;
  sockets.accept((_socket, door) => ({
    onOpen: () => {},
    onFrame: () => {
      heard += 1;
    },
    onClosed: ({ text }) => void ended.push(`${door} ${text}`),
  }));
  const { clientFrameBytesMax, clientsUnfinishedBytesMax } = TRANSPORT_LIMITS;
  const half = clientFrameBytesMax - 1000;
  const count = Math.floor(clientsUnfinishedBytesMax / half);
  const peer = await atDoor(sockets.port, '/peer');
  const opened = await Promise.all(
    Array.from({ length: count + 2 }, () => atDoor(sockets.port, '/client')),
  );
  peer.raw.write(headerOf(WIRE_LIMITS.frameBytesMax));
  peer.raw.write(Buffer.alloc(clientFrameBytesMax + 1000));
  const piece = Buffer.alloc(half);
  for (const { raw } of opened) {
    raw.write(headerOf(clientFrameBytesMax));
    raw.write(piece);
  }
  while (ended.length < 2) await sleep(10);
  await sleep(100);
  assert.equal(ended.length, 2, 'no more of them than there is no room for');
  for (const text of ended)
    assert.match(text, /^\/client crowded: no memory for an incomplete frame/);
  const before = heard;
  await atDoor(sockets.port, '/client');
  while (heard === before) await sleep(10);
});

testAt('a frame of the largest size arrives', async (one, network) => {
  const { web } = await open(one);
  web.send(new Uint8Array(TRANSPORT_LIMITS.clientFrameBytesMax));
  for (let wait = 0; wait < 500 && one.recorder.of('client-frame').length === 0; wait++) {
    await network.pass(10);
  }
  const [frame] = one.recorder.of('client-frame');
  assert.equal(frame?.bytes.length, TRANSPORT_LIMITS.clientFrameBytesMax);
});
