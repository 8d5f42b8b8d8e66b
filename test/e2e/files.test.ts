/** `ringkv/files` with real processes, disks and sockets: large files, and processes that die. */

import { equal, match, ok, rejects } from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { openFiles } from '../../src/files.ts';
import { connect } from '../../src/index.ts';
import { temporaryFolder } from '../storage/temporary.ts';
import { LoneNode } from './lone-node.ts';

const CLIENT = fileURLToPath(new URL('files-client.js', import.meta.url));
const LONG = { timeout: 180_000 };
const MIB = 1024 * 1024;
/** A writer has 4 MiB of chunks and a reader as much; the rest is what awaits its collection. */
const TAKEN_MAX = 96 * MIB;

interface Took {
  readonly taken: number;
  readonly milliseconds: number;
  readonly hash: string;
}

async function streamed(...words: readonly string[]): Promise<Took> {
  const { stdout } = await promisify(execFile)(process.execPath, [CLIENT, ...words]);
  return JSON.parse(stdout) as Took;
}

test('a file of 256 MiB is streamed in and out, in little memory', LONG, async (context) => {
  const node = await LoneNode.start(join(temporaryFolder(), 'node'), { shards: 4 });
  const written = await streamed(node.url, 'write', '/film', '256');
  const read = await streamed(node.url, 'read', '/film');
  equal(read.hash, written.hash);
  for (const { taken, milliseconds } of [written, read]) {
    context.diagnostic(`${(taken / MIB).toFixed(1)} MiB in ${milliseconds.toFixed(0)} ms`);
    ok(taken < TAKEN_MAX, `${taken} bytes`);
  }
  await node.end();
});

test(
  'a writer that is killed leaves no file, and a node that is killed keeps all',
  LONG,
  async () => {
    const folder = join(temporaryFolder(), 'node');
    const node = await LoneNode.start(folder);
    const kv = await connect(node.url);
    const fs = await openFiles(kv);
    const bytes = Buffer.alloc(3 * MIB, 'whole ');
    await fs.writeFile('/whole', bytes);
    const writer = spawn(process.execPath, [CLIENT, node.url, 'write', '/part', '4096']);
    const chunks = () => kv.count({ prefix: 'files:main:chunk:' });
    const before = await chunks();
    while ((await chunks()) < before + 20) await fs.stat('/whole');
    writer.kill('SIGKILL');
    await once(writer, 'exit');
    await rejects(fs.stat('/part'), { code: 'ENOENT' });
    await kv.close();
    await node.end();
    const again = await LoneNode.start(folder);
    const after = await connect(again.url);
    const reopened = await openFiles(after);
    ok(bytes.equals(await reopened.readFile('/whole')));
    await reopened.writeFile('/part', bytes);
    ok(bytes.equals(await reopened.readFile('/part')));
    await after.close();
    await again.end();
  },
);

test('the ten lines of the README run as they stand', LONG, async () => {
  const page = readFileSync('src/layers/files/README.md', 'utf8');
  const [, program = ''] = /```ts\n([\s\S]*?)```/.exec(page) ?? [];
  const folder = join(temporaryFolder(), 'data');
  const code = program.replace("'./data'", JSON.stringify(folder));
  ok(code !== program, 'it opens a folder');
  const lines = program.split('\n').filter((line) => line !== '');
  ok(lines.length <= 10, `${lines.length} lines`);
  const words = ['--input-type=module', '-e', code];
  const { stdout } = await promisify(execFile)(process.execPath, words);
  match(stdout, /^today.txt 27\nall is well\nso is the disk\n/);
});
