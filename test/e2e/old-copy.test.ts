/** An old copy of a data folder is put back: real processes, real folders. */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, renameSync } from 'node:fs';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { connect } from '../../src/index.ts';
import { temporaryFolder } from '../storage/temporary.ts';
import { isSpread } from './spread.ts';

const NODE = fileURLToPath(new URL('./cluster-node.js', import.meta.url));
const LONG = { timeout: 180_000 };
const TIMEOUT = { timeout: 60_000 };

interface Running {
  readonly child: ChildProcess;
  /** Its output until it ended. */
  readonly ended: Promise<string>;
}

function run(words: readonly string[]): Running {
  const child = spawn(process.execPath, [NODE, ...words]);
  let said = '';
  child.stderr?.on('data', (piece) => {
    said += piece;
  });
  child.stdout?.on('data', () => {});
  const ended = new Promise<string>((resolve) => child.once('exit', () => resolve(said)));
  return { child, ended };
}

/** Resolves when it listens. */
async function start(words: readonly string[]): Promise<Running> {
  const running = run(words);
  const up = new Promise<void>((resolve) => running.child.stdout?.once('data', () => resolve()));
  await Promise.race([
    up,
    running.ended.then((said) => {
      throw new Error(`the node ended: ${said}`);
    }),
  ]);
  return running;
}

async function kill({ child, ended }: Running): Promise<void> {
  child.kill('SIGKILL');
  await ended;
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 100));
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

test('an old copy of a data folder is refused, and no data is lost', LONG, async (context) => {
  const root = temporaryFolder();
  const ports = [await freePort(), await freePort(), await freePort()];
  const folderOf = (number: number) => `${root}/n${number}`;
  const words = (number: number, ...how: readonly string[]) => {
    return [folderOf(number), `${ports[number - 1]}`, ...(how.length > 0 ? how : ['0'])];
  };
  const one = await start(words(1, '2'));
  const join = ['0', `ws://127.0.0.1:${ports[0]}`];
  const two = await start(words(2, ...join));
  let three = await start(words(3, ...join));
  const nodes = [one, two];
  context.after(async () => {
    for (const node of [...nodes, three]) await kill(node);
  });
  const kv = await connect(ports.map((port) => `kv://127.0.0.1:${port}`));
  context.after(() => kv.close());
  await kv.set('before', 1, TIMEOUT);
  while (!(await isSpread(`kv://127.0.0.1:${ports[0]}`))) await pause();
  await kill(three);
  cpSync(folderOf(3), `${root}/copy`, { recursive: true });
  three = await start(words(3));
  // It serves once it is confirmed: three nodes are there, and one more can fail.
  await kill(two);
  await kv.set('after', 2, TIMEOUT);
  nodes[1] = await start(words(2));
  await kv.set('again', 3, TIMEOUT);
  await kill(three);
  renameSync(folderOf(3), `${root}/present`);
  cpSync(`${root}/copy`, folderOf(3), { recursive: true });
  // The first time the others refuse it; then the folder itself does, before it asks any node.
  for (const attempt of ['first', 'second', 'third']) {
    three = run(words(3));
    const said = await three.ended;
    assert.match(said, /older-copy: the data folder .* is an old copy/, attempt);
    assert.match(said, /start with an empty folder and --join/);
  }
  for (const [key, value] of Object.entries({ before: 1, after: 2, again: 3 })) {
    assert.equal((await kv.get(key, TIMEOUT))?.value, value);
  }
  // The folder that was set aside still works.
  renameSync(folderOf(3), `${root}/burnt`);
  renameSync(`${root}/present`, folderOf(3));
  three = await start(words(3));
  await kill(nodes[1] as Running);
  await kv.set('last', 4, TIMEOUT);
});
