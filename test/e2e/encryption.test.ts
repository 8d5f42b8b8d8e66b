/** Encrypted data folders of real processes: no value in the clear, whatever ends them. */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { type Client, connect } from '../../src/index.ts';
import { temporaryFolder } from '../storage/temporary.ts';

const LONG = { timeout: 240_000 };
const KVCTL = join('build', 'cli', 'kvctl.js');
const SECRET = 'ein-sehr-geheimer-wert';
const ROOT = temporaryFolder();
const [OLD, NEW] = [keyFile('old.key', 'a1'), keyFile('new.key', 'b2')];
const children = new Set<ChildProcess>();

after(() => {
  for (const child of children) child.kill('SIGKILL');
});

function keyFile(name: string, byte: string): string {
  const path = join(ROOT, name);
  writeFileSync(path, byte.repeat(32), { mode: 0o600 });
  return path;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

interface Started {
  readonly child: ChildProcess;
  readonly folder: string;
  readonly port: number;
  /** Its log so far. */
  readonly said: () => string;
}

/** Resolves when the node is up. */
async function start(folder: string, ...words: readonly string[]): Promise<Started> {
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  const all = [KVCTL, 'start', '--data', folder, '--listen', address, ...words];
  const child = spawn(process.execPath, all, { stdio: ['ignore', 'ignore', 'pipe'] });
  children.add(child);
  let notes = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr?.on('data', (piece) => {
      notes += piece;
      if (notes.includes(' is up: ')) resolve();
    });
    child.once('exit', (code) => reject(new Error(`ended with ${code}: ${notes}`)));
  });
  return { child, folder, port, said: () => notes };
}

async function kill({ child }: Started): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
  children.delete(child);
}

function run(...words: readonly string[]): Promise<{ exit: number | null; text: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [KVCTL, ...words]);
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (piece) => (text += piece));
    child.once('exit', (exit) => resolve({ exit, text }));
  });
}

/** The files below in which the text is. A running node may remove and rename some meanwhile. */
function filesWith(folder: string, text: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => {
    return contentOf(join(folder, name))?.includes(text);
  });
}

function contentOf(path: string): Buffer | undefined {
  try {
    return statSync(path).isFile() ? readFileSync(path) : undefined;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw cause;
  }
}

async function hasInFiles(folder: string, text: string): Promise<void> {
  const until = Date.now() + 120_000;
  while (filesWith(folder, text).length === 0) {
    assert.ok(Date.now() < until, `${text} is in a file of ${folder}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function says({ said }: Started, text: string): Promise<void> {
  const until = Date.now() + 60_000;
  while (!said().includes(text)) {
    assert.ok(Date.now() < until, `${text} is in ${said()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function fill(kv: Client, from: number): Promise<void> {
  const rows = Array.from({ length: 2000 }, (_, at) => from + at);
  await Promise.all(rows.map((at) => kv.set(`key-${at}`, `${SECRET}-${at}`)));
}

async function has(port: number, count: number): Promise<void> {
  const kv = await connect(`kv://127.0.0.1:${port}`, { wait: true, timeout: 60_000 });
  try {
    assert.equal((await kv.get(`key-${count - 1}`))?.value, `${SECRET}-${count - 1}`);
    assert.equal(await kv.count(), count);
  } finally {
    await kv.close();
  }
}

test('no value is in any file after load, a crash, checkpoints and a snapshot', LONG, async () => {
  const key = ['--encryption-key-file', OLD];
  let node = await start(join(ROOT, 'n1'), '--init', '--shards', '2', ...key);
  for (let life = 0; life < 2; life++) {
    const kv = await connect(`kv://127.0.0.1:${node.port}`);
    await fill(kv, life * 2000);
    await kv.close();
    assert.deepEqual(filesWith(node.folder, SECRET), []);
    await kill(node);
    assert.deepEqual(filesWith(node.folder, SECRET), []);
    node = await start(node.folder, ...key);
    await has(node.port, (life + 1) * 2000);
  }
  // Keys are in the clear.
  await hasInFiles(node.folder, 'key-1');
  const plain = await start(join(ROOT, 'n2'), '--join', `127.0.0.1:${node.port}`);
  const sealed = await start(join(ROOT, 'n3'), '--join', `127.0.0.1:${node.port}`, ...key);
  // Both got the data as snapshots; the plain one shows that the search finds them.
  await hasInFiles(plain.folder, SECRET);
  await hasInFiles(sealed.folder, 'key-1');
  assert.deepEqual(filesWith(sealed.folder, SECRET), []);
  for (const one of [node, plain, sealed]) await kill(one);
});

test('keys are changed on the command line, and salvage needs the present one', LONG, async () => {
  const folder = join(ROOT, 'alone');
  let node = await start(folder, '--init', '--shards', '1', '--encryption-key-file', OLD);
  const kv = await connect(`kv://127.0.0.1:${node.port}`);
  await fill(kv, 0);
  await kv.close();
  const rewrap = ['encryption', 'rewrap', folder, '--encryption-key-file'];
  const rewrapped = await run(...rewrap, OLD, '--new-key-file', NEW);
  assert.equal(rewrapped.exit, 0, rewrapped.text);
  await has(node.port, 2000);
  // The running node still has the old key, and uses the data keys that it knows.
  await says(node, 'data-keys-unusable');
  // Salvage takes what a checkpoint has written.
  await hasInFiles(folder, 'key-1999');
  await kill(node);
  const refused = await run('start', '--data', folder, '--encryption-key-file', OLD);
  assert.notEqual(refused.exit, 0);
  assert.match(refused.text, /the given key does not open the folder/);
  const rotated = await run(
    'encryption',
    'rotate',
    folder,
    '--encryption-key-command',
    `cat ${NEW}`,
  );
  assert.equal(rotated.exit, 0, rotated.text);
  assert.match((await run('salvage', folder)).text, /is encrypted, and no key was given/);
  const salvaged = await run('salvage', folder, '--encryption-key-file', NEW);
  assert.match(salvaged.text, /recovered 2000 keys; 1 of 1 shards are intact/);
  node = await start(folder, '--encryption-key-file', NEW);
  await has(node.port, 2000);
  const again = await run('encryption', 'rotate', folder, '--encryption-key-file', NEW);
  assert.match(again.text, /data key 3 is added/);
  await says(node, 'data-key-added');
  const other = await connect(`kv://127.0.0.1:${node.port}`);
  await fill(other, 2000);
  await other.close();
  await kill(node);
  node = await start(folder, '--encryption-key-file', NEW);
  await has(node.port, 4000);
  await kill(node);
  rmSync(folder, { recursive: true });
});
