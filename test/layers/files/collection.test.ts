/** What is collected, and when: never what a name, a writer or a reader in time still needs. */

import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { type FileSystem, openFiles } from '../../../src/files.ts';
import { type Client, isKvError } from '../../../src/index.ts';
import { testkit } from '../../../src/testkit.ts';
import { orphansOf } from './support.ts';

const KIB = 1024;
const RETAIN = 60_000;
const LATE = 11 * 60_000;

async function opened() {
  const kit = await testkit({ shards: 4 });
  const other = await kit.connect();
  const terms = { chunkBytes: KIB, retain: RETAIN };
  const fs = await openFiles(kit.kv(), { ...terms, writerTtl: 2000 });
  return { kit, kv: kit.kv(), fs, other: await openFiles(other, terms) };
}

function pattern(length: number, seed = 1): Buffer {
  return Buffer.from(
    Uint8Array.from({ length }, (_, at) => (at * 31 + Math.floor(at / KIB) * 7 + seed) % 251),
  );
}

const chunksOf = (kv: Client) => kv.count({ prefix: 'files:main:chunk:' });

async function everything(fs: FileSystem) {
  return fs.collect({ everything: true });
}

/** The first of two parts is sent while the source waits to give the second one. */
async function* inTwo(bytes: Buffer, kv: Client, between: () => Promise<void>) {
  yield bytes.subarray(0, bytes.length / 2);
  while ((await chunksOf(kv)) < 64) await kv.count();
  await between();
  yield bytes.subarray(bytes.length / 2);
}

test('a collection between the writing and the link of a file takes nothing of it', async () => {
  const { kit, kv, fs, other } = await opened();
  const bytes = pattern(160 * KIB);
  await fs.writeFile('/former', bytes.subarray(0, 64 * KIB));
  const source = inTwo(bytes, kv, async () => {
    // Its chunks are those of a file that is removed and collected.
    await other.rm('/former');
    equal((await everything(other)).chunks, 0);
  });
  await fs.writeFile('/a', source);
  ok(bytes.equals(await other.readFile('/a')));
  await kit.clock.advance(RETAIN + 1000);
  await everything(other);
  ok(bytes.equals(await other.readFile('/a')));
  deepEqual(await orphansOf(kv), []);
  await kit.close();
});

test('a writer whose lease has ended learns it, and its chunks go later', async () => {
  const bytes = pattern(160 * KIB);
  // Of the shorter one all chunks are stored when its source ends: only the link is left.
  for (const given of [bytes, bytes.subarray(0, 64 * KIB)]) {
    const { kit, kv, fs, other } = await opened();
    const watcher = await kit.connect();
    const source = async function* () {
      yield given.subarray(0, 64 * KIB);
      while ((await chunksOf(watcher)) < 64) await watcher.count();
      kit.faults.cut(kv);
      await kit.clock.advance(6000);
      equal((await everything(other)).contents, 0, 'its requests may be late');
      kit.faults.heal();
      yield given.subarray(64 * KIB);
    };
    const refused = { code: 'ESTALE', path: '/a', outcome: 'notApplied' };
    await rejects(fs.writeFile('/a', source()), refused);
    await rejects(other.stat('/a'), { code: 'ENOENT' });
    equal((await everything(other)).contents, 0);
    await kit.clock.advance(LATE);
    equal((await other.collect()).contents, 1);
    equal(await kv.count(), 0);
    await fs.writeFile('/a', bytes);
    ok(bytes.equals(await other.readFile('/a')), 'the writer has a new lease');
    await kit.close();
  }
});

test('a lease that ends before any collection costs a writer nothing', async () => {
  const { kit, kv, fs, other } = await opened();
  const bytes = pattern(160 * KIB);
  const source = inTwo(bytes, await kit.connect(), async () => {
    kit.faults.cut(kv);
    await kit.clock.advance(6000);
    kit.faults.heal();
  });
  await fs.writeFile('/a', source);
  await everything(other);
  ok(bytes.equals(await other.readFile('/a')));
  await kit.close();
});

test('a reader of a replaced file gets all of the version that it opened', async () => {
  const { kit, kv, fs, other } = await opened();
  const [first, second] = [pattern(100 * KIB), pattern(50 * KIB, 2)];
  await fs.writeFile('/a', first);
  const parts: Uint8Array[] = [];
  for await (const part of fs.createReadStream('/a')) {
    parts.push(part);
    if (parts.length !== 1) continue;
    await other.writeFile('/a', second);
    await other.collect();
  }
  ok(first.equals(Buffer.concat(parts)));
  ok(second.equals(await fs.readFile('/a')));
  await kit.clock.advance(RETAIN + 2000);
  equal((await other.collect()).contents, 1);
  deepEqual(await orphansOf(kv), []);
  await kit.close();
});

test('a reader whose version was collected fails, and never gets bytes of another', async () => {
  const { kit, fs, other } = await opened();
  const [first, second] = [pattern(100 * KIB), pattern(100 * KIB, 2)];
  await fs.writeFile('/a', first);
  const parts: Uint8Array[] = [];
  const reading = async () => {
    for await (const part of fs.createReadStream('/a')) {
      parts.push(part);
      if (parts.length !== 1) continue;
      await other.writeFile('/a', second);
      await everything(other);
    }
  };
  await rejects(reading(), { code: 'ESTALE', path: '/a', outcome: 'notApplied' });
  const read = Buffer.concat(parts);
  ok(read.length < first.length && read.equals(first.subarray(0, read.length)));
  await kit.close();
});

test('a collection that dies at any point is finished by the next one', async () => {
  for (const milliseconds of [3, 10, 20, 40, 80]) {
    const { kit, kv, fs } = await opened();
    await fs.mkdir('/a/b', { recursive: true });
    for (const path of ['/a/1', '/a/b/2', '/kept']) {
      await fs.writeFile(path, pattern(20 * KIB, path.length));
    }
    await fs.writeFile('/a/3', pattern(10 * KIB, '/kept'.length));
    await fs.rm('/a', { recursive: true });
    const dying = await kit.connect({ timeout: 100 });
    const collecting = everything(await openFiles(dying)).catch((error: unknown) => error);
    await kit.clock.advance(milliseconds);
    kit.faults.cut(dying);
    await kit.clock.advance(200);
    const failure = await collecting;
    ok(!(failure instanceof Error) || isKvError(failure), String(failure));
    kit.faults.heal();
    await everything(fs);
    deepEqual(await orphansOf(kv), [], `${milliseconds} ms`);
    ok(pattern(20 * KIB, '/kept'.length).equals(await fs.readFile('/kept')));
    await kit.close();
  }
});

test('a writer that dies at any point leaves nothing of its file', async () => {
  const { kit, kv, other } = await opened();
  let died = 0;
  for (const milliseconds of [4, 6, 8, 10, 12, 15]) {
    const dying = await kit.connect({ timeout: 100 });
    const fs = await openFiles(dying, { chunkBytes: KIB, writerTtl: 2000 });
    const bytes = pattern(300 * KIB, milliseconds);
    const writing = fs.writeFile(`/${milliseconds}`, bytes).catch((error: unknown) => error);
    await kit.clock.advance(milliseconds);
    kit.faults.cut(dying);
    await kit.clock.advance(150);
    const failure = await writing;
    ok(failure === undefined || isKvError(failure), String(failure));
    if (isKvError(failure) && failure.outcome === 'notApplied') {
      died += 1;
      await rejects(other.stat(`/${milliseconds}`), { code: 'ENOENT' });
    }
  }
  ok(died >= 4, `${died} died before the link`);
  await kit.clock.advance(6000);
  await other.collect();
  await kit.clock.advance(LATE);
  ok((await other.collect()).contents > 0, 'some died after they had begun');
  deepEqual(await orphansOf(kv), []);
  await kit.close();
});

test('a signal ends a collection, and the next one goes on', async () => {
  const { kit, kv, fs } = await opened();
  await fs.writeFile('/a', pattern(5 * KIB));
  await fs.rm('/a');
  await rejects(fs.collect({ everything: true, signal: AbortSignal.abort() }), /abort/i);
  equal((await everything(fs)).contents, 1);
  equal(await kv.count(), 0);
  await kit.close();
});

test('what is unfinished when its opener is closed is garbage', async () => {
  const { kit, kv, fs, other } = await opened();
  const source = inTwo(pattern(160 * KIB), kv, async () => {
    await fs.close();
    await kit.clock.advance(2000);
    await everything(other);
  });
  await rejects(fs.writeFile('/a', source), { code: 'ESTALE' });
  await fs.close();
  await kit.clock.advance(LATE);
  await other.collect();
  equal(await kv.count(), 0);
  await kit.close();
});
