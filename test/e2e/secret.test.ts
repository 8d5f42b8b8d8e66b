/** Nodes with a secret, with another one and with none, as processes: which of them connect. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { askMap } from '../../src/admin.ts';
import { connect } from '../../src/index.ts';
import { ChildNode, freePort, pause } from './child-node.ts';

const LONG = { timeout: 60_000 };
const call = promisify(execFile);

test('the secret decides who joins, and who is a peer', LONG, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ringkv-secret-'));
  const children: ChildNode[] = [];
  t.after(async () => {
    for (const node of children) node.kill('SIGKILL');
    await Promise.all(children.map(({ exited }) => exited));
    rmSync(folder, { recursive: true, force: true });
  });
  const secretAt = (name: string, text: string) => {
    const path = join(folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const [right, wrong] = [secretAt('right', 'a'.repeat(64)), secretAt('wrong', 'b'.repeat(64))];
  const ports = [await freePort(), await freePort()];
  const wordsOf = (at: number, ...words: readonly string[]) => [
    ...['--data', join(folder, `n${at}`), '--listen', `127.0.0.1:${ports[at]}`],
    ...words,
  ];
  const start = async (...words: readonly string[]) => {
    const node = await ChildNode.start(words);
    children.push(node);
    return node;
  };
  const begin = ['--init', '--shards', '2', '--secret-file', right];
  const first = await start(...wordsOf(0, ...begin));
  assert.doesNotMatch(first.said, /peer authentication is off/);
  const url = `kv://127.0.0.1:${ports[0]}`;
  const joining = ['--join', `127.0.0.1:${ports[0]}`, '--join-timeout', '1s'];
  for (const secret of [[], ['--secret-file', wrong]]) {
    const refused = new ChildNode(wordsOf(1, ...joining, ...secret));
    children.push(refused);
    assert.deepEqual(await refused.exited, { code: 5, signal: null });
    assert.match(refused.said, /its cluster secret differs from that of this node/);
    assert.match(refused.said, /start this node with the --secret-file of the other nodes/);
  }
  assert.equal((await askMap(url)).nodes.length, 1, 'no node has joined');
  const second = await start(...wordsOf(1, ...joining, '--secret-file', right));
  const kv = await connect(url);
  t.after(() => kv.close());
  await kv.set('a', 1, { timeout: 20_000 });
  const isSpread = async () => {
    const { shards } = await askMap(url);
    const data = shards.filter(({ shard }) => shard !== 0);
    return data.every(({ members }) => members.filter(({ isVoter }) => isVoter).length === 2);
  };
  while (!(await isSpread())) await pause(100);
  second.kill('SIGTERM');
  await second.exited;
  // A member of the cluster that returns without it counts as down; both sides say why.
  const mute = await start(...wordsOf(1));
  while (!/peer authentication is off: any process that reaches the port/.test(mute.said))
    await pause(20);
  const told = /node 1 has a cluster secret and node 2 has none/;
  while (!told.test(first.said) || !told.test(mute.said)) await pause(100);
  mute.kill('SIGTERM');
  await mute.exited;
  await start(...wordsOf(1, '--secret-file', right));
  await kv.set('a', 2, { timeout: 20_000 });
});

test('status says in one line that the peer authentication is off', LONG, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ringkv-open-'));
  const port = await freePort();
  const words = ['--data', join(folder, 'n'), '--listen', `127.0.0.1:${port}`, '--init'];
  const node = await ChildNode.start([...words, '--shards', '1']);
  t.after(async () => {
    node.kill('SIGKILL');
    await node.exited;
    rmSync(folder, { recursive: true, force: true });
  });
  const status = ['build/cli/kvctl.js', 'status', '--url', `kv://127.0.0.1:${port}`];
  const asked = async (): Promise<string> => {
    const { stdout } = await call(process.execPath, status).catch((error) => error);
    return stdout;
  };
  let stdout = await asked();
  while (!stdout.startsWith('HEALTHY')) stdout = await asked();
  assert.match(stdout, /peers +not authenticated: no cluster secret \(kvctl explain secret\)/);
});
