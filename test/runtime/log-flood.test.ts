/** Remote parties cause only a few log lines, whatever they send: real sockets, a real node. */

import { ok } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startNode } from '../../src/runtime/node.ts';
import { WebDialler } from '../../src/transport/web-dialler.ts';
import { encodeHello } from '../../src/wire/hello.ts';

const STRANGERS = 300;
const LINES_MAX = 25;

test('bad frames at both endpoints, by ever new sockets, are counted', {
  timeout: 60_000,
}, async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'ringkv-flood-'));
  const lines: string[] = [];
  const node = await startNode({
    folder: join(root, 'n'),
    listen: { host: '127.0.0.1', port: 0 },
    advertise: {},
    weight: 1,
    name: '',
    zone: '',
    isInsecureAllowed: false,
    valueBytesMax: 1024 * 1024,
    join: [],
    logLevel: 'info',
    log: { write: (line) => lines.push(line) },
    init: { shards: 1, replicas: 3 },
  });
  t.after(async () => {
    await node.stop();
    rmSync(root, { recursive: true, force: true });
  });
  const dialler = new WebDialler();
  t.after(() => dialler.close());
  const greeting = { versionMin: 1, versionMax: 1, features: [] };
  const hello = encodeHello({ type: 'client', ...greeting, cluster: '' });
  const before = lines.length;
  const closed = (at: number) => {
    return new Promise<void>((resolve) => {
      const isClient = at % 2 === 0;
      const door = isClient ? '/client' : '/peer';
      const socket = dialler.dial(
        { url: node.clientUrl, door },
        {
          onOpen: () => {
            if (isClient) socket.send(hello.slice());
            socket.send(new Uint8Array(500).fill(0xc1 + (at % 30)));
          },
          onFrame: () => {},
          onClosed: () => resolve(),
        },
      );
    });
  };
  for (let at = 0; at < STRANGERS; at += 10) {
    await Promise.all(Array.from({ length: 10 }, (_, more) => closed(at + more)));
  }
  const told = lines.length - before;
  t.diagnostic(`${STRANGERS} strangers made ${told} lines`);
  ok(told > 0 && told <= LINES_MAX, lines.slice(before, before + LINES_MAX).join(''));
});
