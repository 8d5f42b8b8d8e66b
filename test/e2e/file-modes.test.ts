/** What a node writes is for its user alone, whatever the umask of the process that starts it. */

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { connect, open } from '../../src/index.ts';
import { ChildNode, freePort } from './child-node.ts';

const LONG = { timeout: 120_000 };
const PROGRAM = join(process.cwd(), 'build', 'cli', 'kvctl.js');

/** Each file and folder below, with its mode: `log/0001 600`. */
function modesIn(folder: string): readonly string[] {
  const names = ['.', ...readdirSync(folder, { recursive: true, encoding: 'utf8' })];
  return names.map((name) => {
    const { mode } = statSync(join(folder, name));
    return `${name} ${(mode & 0o777).toString(8)}`;
  });
}

/** Certificates are public; what they are for is in files beside them. */
function openToOthers(modes: readonly string[]): readonly string[] {
  return modes.filter((line) => !/ [4-7]00$/.test(line) && !/\.pem 644$/.test(line));
}

function folderFor(t: { after(run: () => void): void }): string {
  const root = mkdtempSync(join(tmpdir(), 'ringkv-modes-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  return root;
}

test('start: a data folder and all files in it', LONG, async (t) => {
  const root = folderFor(t);
  const port = await freePort();
  const data = join(root, 'deep', 'data');
  const words = ['--data', data, '--listen', `127.0.0.1:${port}`, '--init', '--shards', '1'];
  const node = await ChildNode.start(words, { shell: 'umask 000;' });
  const kv = await connect(`kv://127.0.0.1:${port}`);
  for (let at = 0; at < 50; at++) await kv.set(`k${at}`, new Uint8Array(10_000));
  await kv.close();
  node.kill('SIGTERM');
  await node.exited;
  const modes = modesIn(join(root, 'deep'));
  assert.ok(
    modes.some((line) => line.startsWith('data/identity ')),
    modes.join('\n'),
  );
  assert.ok(
    modes.some((line) => /^data\/state\/.*(ldb|log) /.test(line)),
    modes.join('\n'),
  );
  assert.deepEqual(openToOthers(modes), []);
});

test('dev: the folders of its nodes, and the secret', LONG, async (t) => {
  const root = folderFor(t);
  const ports = [await freePort(), await freePort(), await freePort()];
  const nodes = ports.map((port, at) => {
    return { name: `n${at + 1}`, data: `data/n${at + 1}`, listen: `127.0.0.1:${port}` };
  });
  const config = JSON.stringify({ settings: { shards: 2, replicas: 3 }, nodes });
  const line = `umask 000; printf '%s' '${config}' > cluster.config.json; exec "$0" "$1" dev`;
  const child = spawn('sh', ['-c', line, process.execPath, PROGRAM], { cwd: root });
  const ended = once(child, 'close');
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (piece) => {
      said += piece;
    });
  }
  const kv = await connect(`kv://127.0.0.1:${ports[0]}`, { wait: true, timeout: 60_000 });
  await kv.set('a', 1);
  await kv.close();
  child.kill('SIGINT');
  await ended;
  const modes = modesIn(join(root, 'data'));
  assert.ok(modes.length > 20, said);
  assert.deepEqual(openToOthers(modes), []);
});

test('init --secure: keys and folders', LONG, async (t) => {
  const root = folderFor(t);
  const line = 'umask 000; exec "$0" "$1" init --secure --name shop';
  await promisify(execFile)('sh', ['-c', line, process.execPath, PROGRAM], { cwd: root });
  const modes = modesIn(join(root, 'certs'));
  assert.ok(modes.includes('ca.key 600'), modes.join('\n'));
  assert.deepEqual(openToOthers(modes), []);
});

test('an embedded store: its folder, and what it writes by itself', LONG, async (t) => {
  const root = folderFor(t);
  const before = process.umask(0);
  t.after(() => process.umask(before));
  const folder = join(root, 'store');
  const kv = await open(folder);
  await kv.set('a', new Uint8Array(100_000));
  await kv.close();
  const modes = modesIn(folder);
  assert.ok(modes.includes('. 700') && modes.includes('identity 600'), modes.join('\n'));
  // LevelDB makes its files by the umask of the process; no other user can enter their folders.
  assert.ok(modes.includes('state 700'), modes.join('\n'));
  assert.deepEqual(openToOthers(modes.filter((one) => !/^(state|lock)\//.test(one))), []);
});
