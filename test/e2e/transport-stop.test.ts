/** A peer whose process is stopped is half-open: no side resets it, and keepalive closes it. */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import type { NodeId } from '../../src/base/ids.ts';
import {
  introduce,
  numbered,
  openStation,
  QUICK,
  type Station,
  until,
} from '../transport/network-under-test.ts';
import { openWeb } from '../transport/web-under-test.ts';

const CHILD = fileURLToPath(new URL('./transport-child.js', import.meta.url));
const TWO = 2 as NodeId;

async function start(): Promise<{ child: ChildProcess; url: string; said: string[] }> {
  const child = spawn(process.execPath, [CHILD], { stdio: ['pipe', 'pipe', 'inherit'] });
  const said: string[] = [];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said.push(...text.trim().split('\n'));
  });
  assert.ok(child.stdout !== null);
  await once(child.stdout, 'data');
  return { child, url: said[0] ?? '', said };
}

function isUp({ recorder }: Station): boolean {
  return recorder.isUp(2, 'main') && recorder.isUp(2, 'bulk');
}

function isDown({ recorder }: Station): boolean {
  return !recorder.isUp(2, 'main') && !recorder.isUp(2, 'bulk');
}

test('a stopped peer is given up, its buffer is bounded, and it reconnects later', async (t) => {
  const network = openWeb();
  t.after(() => network.end());
  const limits = { ...QUICK, peerSilenceMilliseconds: QUICK.peerSilenceMilliseconds * 4 };
  const one = await openStation(network, { node: 1, limits });
  introduce(one);
  const { child, url, said } = await start();
  // A failed assertion leaves no stopped process, nor a node that keeps this file running.
  t.after(() => child.kill('SIGKILL'));
  t.after(() => one.board.close());
  const peers = [{ node: TWO, url, lives: [] }];
  one.board.setPeers(peers);
  child.stdin?.write(`peer ${one.place.url}\n`);
  await until(network, 'it is up', () => isUp(one));

  child.kill('SIGSTOP');
  await network.pass(QUICK.peerSilenceMilliseconds * 2);
  child.kill('SIGCONT');
  await network.pass(QUICK.peerSilenceMilliseconds * 2);
  assert.ok(isUp(one), 'a process that slept for longer than the timeout blames no peer');
  // The node that dials first may be refused once, by a node that doesn't know its peer yet.
  const changes = said.map((line) => line.trim()).filter((line) => line.startsWith('peer-'));
  assert.deepEqual(changes, ['peer-up', 'peer-up']);

  child.kill('SIGSTOP');
  let sent = 0;
  const to = { node: TWO, lane: 'main' } as const;
  while (one.board.sendToPeer(to, numbered(sent, 100_000))) sent += 1;
  assert.ok(one.board.bufferedToPeer(to) <= QUICK.mainBytesMax + 100_000);
  await until(network, 'it is given up', () => one.recorder.of('peer-down').length === 2);
  for (const { reason } of one.recorder.of('peer-down')) assert.match(reason, /silent/);
  await network.pass(QUICK.helloMilliseconds * 3);
  assert.ok(!isUp(one), 'answers of the system for a stopped process do not count');

  child.kill('SIGCONT');
  await until(network, 'it is back', () => isUp(one));

  one.board.sendToPeer(to, numbered(1));
  await until(network, 'it answers', () => one.recorder.of('peer-frame').length > 0);
  const ended = once(child, 'exit');
  child.stdin?.end();
  assert.deepEqual(await ended, [0, null], 'nothing keeps a closed node alive');
  await until(network, 'both lanes are down', () => isDown(one));
  const { reason = '' } = one.recorder.of('peer-down').at(-1) ?? {};
  assert.match(reason, /closing: this node is shutting/);
});
