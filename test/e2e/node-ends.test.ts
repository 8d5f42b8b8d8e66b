/** A node that ends by itself, for any reason: real processes, and what others see of it. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { connect, KvError } from '../../src/index.ts';
import { ChildNode, forbidWriting, freePort, pause, statusAt } from './child-node.ts';

const LONG = { timeout: 60_000 };
const call = promisify(execFile);

function folderFor(context: TestContext, before = async () => {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'ringkv-ends-'));
  context.after(async () => {
    await before();
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

async function solo(context: TestContext, options: Parameters<typeof ChildNode.start>[1] = {}) {
  const port = await freePort();
  const folder = folderFor(context);
  const words = ['--data', join(folder, 'n'), '--listen', `127.0.0.1:${port}`];
  const found = [...words, '--init', '--force-new-cluster', '--shards', '1'];
  const node = await ChildNode.start(found, options);
  context.after(() => node.kill('SIGKILL'));
  const kv = await connect(`kv://127.0.0.1:${port}`);
  context.after(() => kv.close());
  await kv.set('before', 1);
  assert.equal(await statusAt(port, '/readyz'), 200);
  return { node, kv, port, words, folder };
}

test('a failed disk ends the process, which frees its port and names it', LONG, async (t) => {
  const { node, kv, port, words } = await solo(t);
  await forbidWriting(node.pid);
  const failure = await kv.set('lost', 1, { timeout: 1000 }).catch((error: unknown) => error);
  assert.ok(failure instanceof KvError, String(failure));
  assert.equal(failure.outcome, 'unknown', 'it may be in the log');
  const from = performance.now();
  assert.deepEqual(await node.exited, { code: 11, signal: null }, node.said);
  t.diagnostic(`out of the process ${Math.round(performance.now() - from)} ms later`);
  assert.match(node.said, /"level":60.*the node ended by itself/);
  assert.match(node.said, /EFBIG[\s\S]*acknowledged writes are safe on the disks/);
  assert.equal(await statusAt(port, '/healthz'), 'ECONNREFUSED');
  const again = await ChildNode.start(words);
  t.after(() => again.kill('SIGKILL'));
  assert.equal((await kv.get('before', { timeout: 10_000 }))?.value, 1);
  again.kill('SIGTERM');
  assert.deepEqual(await again.exited, { code: 0, signal: null });
});

test('a broken invariant ends the process with the code of an internal error', LONG, async (t) => {
  const { node, kv, port } = await solo(t, { fault: 'assertion' });
  node.kill('SIGUSR2');
  // The first frame after the signal triggers it; the signal may arrive after one.
  while (node.child.exitCode === null) await kv.set('a', 1, { timeout: 200 }).catch(() => {});
  assert.deepEqual(await node.exited, { code: 12, signal: null }, node.said);
  assert.match(node.said, /planted: a broken invariant[\s\S]*this is a bug in ringkv/);
  assert.equal(await statusAt(port, '/readyz'), 'ECONNREFUSED');
});

test('an unhandled rejection ends the node, with a log line', LONG, async (t) => {
  const { node, kv } = await solo(t, { fault: 'rejection' });
  node.kill('SIGUSR2');
  assert.deepEqual(await node.exited, { code: 12, signal: null }, node.said);
  assert.match(node.said, /"kind":"fault".*planted: a promise that fails unheard/);
  const failure = await kv.get('before', { timeout: 500 }).catch((error: unknown) => error);
  assert.ok(failure instanceof KvError && failure.outcome === 'notApplied', String(failure));
  assert.match(String(failure.attempts[0]?.what), /ended by itself|ECONNREFUSED/);
});

test('a damaged store is reopened in the process, at a limited rate', LONG, async (t) => {
  const { node, kv, port } = await solo(t, { fault: 'corrupt-read' });
  node.kill('SIGUSR2');
  await pause(100);
  assert.equal(await kv.get('never written', { timeout: 20_000 }), undefined);
  assert.equal((await kv.get('before'))?.value, 1);
  assert.equal(await statusAt(port, '/readyz'), 200);
  assert.match(node.said, /state-damaged: .*bad block[\s\S]*restarts in this process[\s\S]*is up/);
  node.kill('SIGUSR2');
  await pause(100);
  await kv.get('never written', { timeout: 2000 }).catch(() => {});
  assert.deepEqual(await node.exited, { code: 11, signal: null }, 'a supervisor waits between');
});

test('a system call that hangs does not keep a process from ending', LONG, async (t) => {
  const fifo = join(folderFor(t), 'fifo');
  await call('mkfifo', [fifo]);
  const { node } = await solo(t, { fault: 'hung-disk', environment: { RINGKV_TEST_FIFO: fifo } });
  node.kill('SIGUSR2');
  await pause(100);
  await forbidWriting(node.pid);
  const from = performance.now();
  assert.deepEqual(await node.exited, { code: null, signal: 'SIGKILL' }, node.said);
  t.diagnostic(`it took ${Math.round(performance.now() - from)} ms`);
  assert.match(node.said, /this process kills itself/);
});

test('clients continue with the other nodes, and kvctl shows what runs', LONG, async (t) => {
  const folder = folderFor(t, async () => {
    assert.equal((await kvctl('down')).code, 0);
  });
  const config = join(folder, 'cluster.config.json');
  const names = ['n1', 'n2', 'n3'];
  const ports = await Promise.all(names.map(freePort));
  const nodes = names.map((name, at) => {
    return { name, data: `data/${name}`, listen: `127.0.0.1:${ports[at]}` };
  });
  writeFileSync(config, JSON.stringify({ settings: { shards: 4 }, nodes }));
  const environment = { ...process.env, RINGKV_CONFIG: config, RINGKV_TIMEOUT: '20s' };
  const kvctl = async (...words: readonly string[]) => {
    const line = `trap '' XFSZ; exec "$0" build/cli/kvctl.js "$@"`;
    const shell = ['-c', line, process.execPath, ...words];
    const { stdout, code } = await call('sh', shell, { env: environment }).then(
      ({ stdout: said }) => ({ stdout: said, code: 0 }),
      (error: { stdout: string; code: number }) => error,
    );
    return { data: stdout, code };
  };
  assert.equal((await kvctl('up')).code, 0);
  const kv = await connect(ports.map((port) => `kv://127.0.0.1:${port}`));
  t.after(() => kv.close());
  const pid = Number(readFileSync(join(folder, 'data', 'n2.pid'), 'utf8').split('\n')[0]);
  let isOver = false;
  const counts = Array.from({ length: 8 }, async (_, at) => {
    let acknowledged = 0n;
    while (!isOver) {
      await kv.add(`counter:${at}`, 1, { timeout: 20_000 });
      acknowledged += 1n;
    }
    return acknowledged;
  });
  await pause(300);
  await forbidWriting(pid);
  while ((await statusAt(ports[1] ?? 0, '/healthz')) !== 'ECONNREFUSED') await pause(20);
  const status = await kvctl('status');
  assert.equal(status.code, 1, status.data);
  assert.match(status.data, /^DEGRADED/);
  await pause(1000);
  isOver = true;
  const acknowledged = await Promise.all(counts);
  for (const [at, count] of acknowledged.entries()) {
    assert.equal(BigInt((await kv.get<bigint>(`counter:${at}`))?.value ?? 0), count);
  }
  const up = await kvctl('up');
  assert.match(up.data, /^HEALTHY {2}can lose 1 of 3 nodes/);
  const told = readFileSync(join(folder, 'data', 'n2.log'), 'utf8');
  assert.match(told, /became-leader|confirmed/);
});
