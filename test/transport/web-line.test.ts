/** A WebSocket as a socket of the transport. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo, Socket as RawSocket } from 'node:net';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { WebSocket, WebSocketServer } from 'ws';
import { WebLine } from '../../src/transport/web-line.ts';

test('without the raw socket, as on Bun, frames and pongs are signs of life', async (context) => {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  context.after(() => server.close());
  await once(server, 'listening');
  server.on('connection', (socket) => {
    socket.on('message', (bytes) => socket.send(bytes));
  });
  const { port } = server.address() as AddressInfo;
  const web = new WebSocket(`ws://127.0.0.1:${port}`);
  const line = new WebLine(web, { address: 'test' });
  const heard: string[] = [];
  line.listen({
    onOpen: () => heard.push('open'),
    onFrame: (bytes) => heard.push(new TextDecoder().decode(bytes)),
    onClosed: () => heard.push('closed'),
  });
  line.send(new TextEncoder().encode('too early'));
  await once(web, 'open');
  line.open(undefined);
  line.send(new TextEncoder().encode('one'));
  line.send(new TextEncoder().encode('two'));
  while (heard.length < 3) await turn();
  equal(line.bytesReceived, 6);
  line.ping();
  await once(web, 'pong');
  ok(line.bytesReceived > 6);
  line.close({ code: 1000, text: '' });
  await once(web, 'close');
  deepEqual(heard, ['open', 'one', 'two']);
});

test('frames of one turn are one write, except for those that are flushed', async (context) => {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  context.after(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const web = new WebSocket(`ws://127.0.0.1:${port}`);
  const raws: RawSocket[] = [];
  web.on('upgrade', ({ socket }) => raws.push(socket));
  const line = new WebLine(web, { address: 'test' });
  await once(web, 'open');
  const [raw] = raws;
  ok(raw !== undefined, 'it is connected');
  line.open(raw);
  const frame = new TextEncoder().encode('frame');
  line.send(frame);
  const one = raw.writableLength;
  ok(one > frame.length, 'the first one waits');
  line.send(frame);
  equal(raw.writableLength, 2 * one, 'and the second one');
  line.flush();
  equal(raw.writableLength, 0, 'both are written');
  line.send(frame);
  equal(raw.writableLength, one, 'what is sent then waits again');
  await turn();
  equal(raw.writableLength, 0, 'until the turn has ended');
  line.close({ code: 1000, text: '' });
  await once(web, 'close');
});
