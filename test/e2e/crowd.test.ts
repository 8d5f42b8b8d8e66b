/** More sockets than a process may open: the node refuses them, and no other work fails. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectRaw, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { connect, KvError } from '../../src/index.ts';
import { ChildNode, freePort, pause, statusAt } from './child-node.ts';

const LONG = { timeout: 60_000 };
const FILES_MAX = 256;
const MUTE = 400;
const CLIENTS = 300;

test('a flood of connections leaves the disk, health and peers what they need', LONG, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ringkv-crowd-'));
  const [port, healthPort] = [await freePort(), await freePort()];
  const listen = ['--listen', `127.0.0.1:${port}`, '--health-listen', `127.0.0.1:${healthPort}`];
  const words = ['--data', join(folder, 'n'), ...listen, '--init', '--shards', '1'];
  const node = await ChildNode.start(words, { shell: `ulimit -n ${FILES_MAX};` });
  const sockets: (Socket | WebSocket)[] = [];
  t.after(async () => {
    for (const one of sockets) 'terminate' in one ? one.terminate() : one.destroy();
    node.kill('SIGKILL');
    await node.exited;
    rmSync(folder, { recursive: true, force: true });
  });
  const url = `kv://127.0.0.1:${port}`;
  const kv = await connect(url);
  t.after(() => kv.close());
  await kv.set('before', 1);
  let cut = 0;
  for (let at = 0; at < MUTE; at++) {
    const socket = connectRaw(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.on('close', () => {
      cut += 1;
    });
    sockets.push(socket);
  }
  const refusals: string[] = [];
  let open = 0;
  for (let at = 0; at < CLIENTS; at++) {
    const client = new WebSocket(`ws://127.0.0.1:${port}/client`, 'ringkv.1');
    client.on('open', () => {
      open += 1;
      // A hello of a client that knows no cluster yet is accepted.
      client.send(
        Uint8Array.of(0x95, 0xc4, 6, ...Buffer.from('ringkv'), 1, 1, 0x90, 0x92, 2, 0xc4, 0),
      );
    });
    client.on('error', ({ message }) => refusals.push(message));
    sockets.push(client);
    if (at % 20 === 0) await pause(20);
  }
  while (open + refusals.length < CLIENTS) await pause(20);
  t.diagnostic(
    `${open} clients in, ${refusals.length} refused, ${cut} of ${MUTE} mute sockets cut`,
  );
  assert.ok(open >= 20 && open < FILES_MAX, `${open} are in`);
  assert.ok(
    refusals.some((text) => /503/.test(text)),
    refusals.slice(0, 3).join(),
  );
  // Health, the earlier client and the disk continue: megabytes need new files.
  for (const asked of [port, healthPort]) assert.equal(await statusAt(asked, '/healthz'), 200);
  for (let at = 0; at < 12; at++) await kv.set(`large:${at}`, 'x'.repeat(900_000));
  const failure = await connect(url, { timeout: 1500 }).catch((error: unknown) => error);
  assert.ok(failure instanceof KvError, String(failure));
  const why = failure.attempts.map(({ what }) => what).join('; ');
  assert.match(why, /refused \(503\): the limit of \d+ connected clients is reached: use another/);
  assert.doesNotMatch(node.said, /EMFILE|ENFILE/);
  for (const one of sockets) 'terminate' in one ? one.terminate() : one.destroy();
  await pause(300);
  const again = await connect(url);
  assert.equal((await again.get('before'))?.value, 1);
  await again.close();
  node.kill('SIGTERM');
  assert.deepEqual(await node.exited, { code: 0, signal: null }, node.said);
});
