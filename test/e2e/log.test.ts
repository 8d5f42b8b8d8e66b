/** The destination of its log cannot stop a node: real pipes, a disk that is full. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect } from '../../src/index.ts';
import { ChildNode, freePort, pause, statusAt } from './child-node.ts';

const LONG = { timeout: 60_000 };
const FILL = 'x'.repeat(4095);

function folderFor(context: TestContext, before = () => {}): string {
  const folder = fs.mkdtempSync(join(tmpdir(), 'ringkv-log-'));
  context.after(() => {
    before();
    fs.rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/** A node whose standard error is `target`, which may not accept a byte. */
async function serving(context: TestContext, folder: string, target: string) {
  const port = await freePort();
  const words = ['--data', join(folder, 'n'), '--listen', `127.0.0.1:${port}`];
  const node = new ChildNode([...words, '--init', '--shards', '1'], {
    shell: `exec 2>${target};`,
  });
  context.after(() => node.kill('SIGKILL'));
  const until = performance.now() + 20_000;
  while ((await statusAt(port, '/readyz')) !== 200 && performance.now() < until) await pause(50);
  assert.equal(await statusAt(port, '/readyz'), 200, 'it serves');
  const kv = await connect(`kv://127.0.0.1:${port}`);
  await kv.set('a', 1);
  await kv.close();
  return node;
}

async function stopsInOrder(node: ChildNode): Promise<void> {
  node.kill('SIGTERM');
  assert.deepEqual(await node.exited, { code: 0, signal: null });
}

test('an unread pipe keeps a node neither from serving nor from stopping', LONG, async (t) => {
  const folder = folderFor(t);
  const fifo = join(folder, 'fifo');
  execFileSync('mkfifo', [fifo]);
  const file = fs.openSync(fifo, fs.constants.O_RDWR | fs.constants.O_NONBLOCK);
  t.after(() => fs.closeSync(file));
  const fill = () => {
    try {
      for (;;) fs.writeSync(file, `${FILL}\n`);
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN');
    }
  };
  fill();
  const node = await serving(t, folder, fifo);
  // It is read for once: the waiting lines arrive, and none of them is missing.
  const read = () => {
    const piece = Buffer.alloc(1 << 20);
    let said = '';
    try {
      for (;;) said += piece.subarray(0, fs.readSync(file, piece)).toString();
    } catch {}
    return said;
  };
  read();
  let said = '';
  while (!said.includes('the node is up')) {
    await pause(50);
    said += read();
  }
  fill();
  await stopsInOrder(node);
});

test('a node continues without the reader of its log', LONG, async (t) => {
  const folder = folderFor(t);
  const fifo = join(folder, 'fifo');
  execFileSync('mkfifo', [fifo]);
  const reader = fs.openSync(fifo, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  const node = serving(t, folder, fifo);
  await pause(200);
  fs.closeSync(reader);
  await stopsInOrder(await node);
});

test('a node continues with a full log disk, which gets the rest later', LONG, async (t) => {
  const folder = folderFor(t, () => execFileSync('umount', [small]));
  const small = join(folder, 'small');
  fs.mkdirSync(small);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', small]);
  const filler = join(small, 'filler');
  assert.throws(() => fs.writeFileSync(filler, Buffer.alloc(1 << 20)), { code: 'ENOSPC' });
  const log = join(small, 'node.log');
  const node = await serving(t, folder, log);
  assert.equal(fs.readFileSync(log, 'utf8').length, 0);
  fs.rmSync(filler);
  while (!fs.readFileSync(log, 'utf8').includes('the node is up')) await pause(50);
  await stopsInOrder(node);
  assert.match(fs.readFileSync(log, 'utf8'), /stopping: transferring leadership/);
});

test('a node continues with a log that accepts nothing', LONG, async (t) => {
  await stopsInOrder(await serving(t, folderFor(t), '/dev/full'));
});
