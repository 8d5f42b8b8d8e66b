/** A WebSocket whose runtime keeps the raw socket to itself, as Bun does. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { WebSocket, WebSocketServer } from 'ws';
import { WebLine } from '../../src/transport/web-line.ts';

test('it sends and receives, and counts frames and pongs as signs of life', async (context) => {
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
