/** The calls of `ringkv/files` in memory: what each does, and what each refuses. */

import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';
import { type FileSystem, type FilesErrorCode, openFiles } from '../../../src/files.ts';
import { testkit } from '../../../src/testkit.ts';
import { orphansOf } from './support.ts';

const KIB = 1024;

async function opened({ retain = 60_000 } = {}) {
  const kit = await testkit({ shards: 4 });
  const fs = await openFiles(kit.kv(), { chunkBytes: KIB, retain });
  return { kit, kv: kit.kv(), fs };
}

function pattern(length: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (at * 31 + Math.floor(at / KIB) * 7 + seed) % 251);
}

async function textAt(fs: FileSystem, path: string): Promise<string> {
  return Buffer.from(await fs.readFile(path)).toString();
}

async function namesIn(fs: FileSystem, path: string, options = {}): Promise<string[]> {
  const names = [];
  for await (const { name } of fs.readdir(path, options)) names.push(name);
  return names;
}

async function bytesIn(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

const fails = (work: Promise<unknown>, code: FilesErrorCode, path: string) =>
  rejects(work, { name: 'FilesError', code, path, outcome: 'notApplied' });

test('files of all sizes around a chunk are read as they were written', async () => {
  const { kit, fs } = await opened();
  for (const size of [0, 1, KIB - 1, KIB, KIB + 1, 3 * KIB, 3 * KIB + 5, 70 * KIB]) {
    const bytes = pattern(size);
    await fs.writeFile('/a', bytes);
    deepEqual(Buffer.from(await fs.readFile('/a')), Buffer.from(bytes), `${size} bytes`);
    equal((await fs.stat('/a')).size, size);
  }
  await fs.writeFile('/a', 'a text');
  equal(await textAt(fs, '/a'), 'a text');
  await kit.close();
});

test('a range is read from its first byte to its last one', async () => {
  const { kit, fs } = await opened();
  const bytes = pattern(10 * KIB + 100);
  await fs.writeFile('/a', bytes);
  await fs.writeFile('/small', bytes.subarray(0, 100));
  const ranges = [
    [0, 0],
    [5, 1023],
    [1023, 1024],
    [1024, 2047],
    [3000, 9999],
    [10_000, 99_999],
    [99_998, 99_999],
    [7, 3],
  ] as const;
  for (const [start, end] of ranges) {
    for (const path of ['/a', '/small']) {
      const whole = path === '/a' ? bytes : bytes.subarray(0, 100);
      const expected = Buffer.from(whole.subarray(start, Math.max(start, end + 1)));
      deepEqual(await bytesIn(fs.createReadStream(path, { start, end })), expected);
    }
  }
  deepEqual(await bytesIn(fs.createReadStream('/a')), Buffer.from(bytes));
  await kit.close();
});

test('a range reads only its chunks', async () => {
  const { kit, kv, fs } = await opened();
  await fs.writeFile('/a', pattern(200 * KIB));
  const { length } = await keysOf(kv, 'chunk');
  equal(length, 200, 'all chunks differ');
  // The others do not exist any more, so a read of one of them would fail.
  const range = { start: 100 * KIB + 10, end: 100 * KIB + 19 };
  const wanted = await bytesIn(fs.createReadStream('/a', range));
  const { createHash } = await import('node:crypto');
  const kept = createHash('sha256').update(pattern(200 * KIB).subarray(100 * KIB, 101 * KIB));
  const hash = kept.digest('hex');
  for (const key of await keysOf(kv, 'chunk')) if (!key.includes(hash)) await kv.delete(key);
  deepEqual(await bytesIn(fs.createReadStream('/a', range)), wanted);
  await fails(bytesIn(fs.createReadStream('/a')), 'EIO', '/a');
  await kit.close();
});

async function keysOf(kv: Awaited<ReturnType<typeof opened>>['kv'], kind: string) {
  const keys: string[] = [];
  for await (const key of kv.keys({ prefix: `files:main:${kind}:` })) keys.push(String(key));
  return keys;
}

test('a flipped chunk is never served, and the error names it', async () => {
  const { kit, kv, fs } = await opened();
  const { bytes } = await import('../../../src/index.ts');
  await fs.writeFile('/a', pattern(5 * KIB));
  const raw = kv.space('files:main:chunk', { codec: bytes });
  const damaged = pattern(5 * KIB).subarray(2 * KIB, 3 * KIB);
  const { createHash } = await import('node:crypto');
  const key = `{${createHash('sha256').update(damaged).digest('hex')}}`;
  const flipped = Uint8Array.from(damaged);
  flipped[100] = (flipped[100] ?? 0) ^ 1;
  await raw.set(key, flipped);
  const failure = await fs.readFile('/a').catch((error: unknown) => error as Error);
  match((failure as Error).message, /EIO: chunk 2 at offset 2048 .*readFile '\/a'/);
  await fails(fs.readFile('/a'), 'EIO', '/a');
  const before = await bytesIn(fs.createReadStream('/a', { end: 2 * KIB - 1 }));
  equal(before.length, 2 * KIB, 'the sound chunks are served');
  await kit.close();
});

test('equal chunks are stored once, and go with the last file that has them', async () => {
  const { kit, kv, fs } = await opened({ retain: 0 });
  const bytes = pattern(8 * KIB);
  await fs.writeFile('/a', bytes);
  await fs.writeFile('/b', bytes);
  await fs.writeFile('/zeros', new Uint8Array(500 * KIB));
  equal((await keysOf(kv, 'chunk')).length, 9);
  await fs.rm('/a');
  await fs.rm('/zeros');
  deepEqual(await fs.collect(), { contents: 2, chunks: 1, bytes: KIB });
  deepEqual(Buffer.from(await fs.readFile('/b')), Buffer.from(bytes));
  await fs.rm('/b');
  deepEqual(await fs.collect(), { contents: 1, chunks: 8, bytes: 8 * KIB });
  deepEqual(await orphansOf(kv), []);
  deepEqual(await kv.count(), 0, 'nothing is left of it');
  await kit.close();
});

test('a copy shares the content, and each name keeps it from being collected', async () => {
  const { kit, kv, fs } = await opened({ retain: 0 });
  const bytes = pattern(8 * KIB);
  await fs.writeFile('/a', bytes);
  await fs.copy('/a', '/b');
  await fs.copy('/b', '/c');
  equal((await keysOf(kv, 'reference')).length, 8, 'no chunk has another reference');
  await fs.rm('/a');
  await fs.writeFile('/b', 'another');
  equal((await fs.collect()).contents, 0);
  deepEqual(Buffer.from(await fs.readFile('/c')), Buffer.from(bytes));
  await fs.copy('/b', '/c');
  equal(await textAt(fs, '/c'), 'another');
  equal((await fs.collect()).chunks, 8);
  await fails(fs.copy('/a', '/x'), 'ENOENT', '/a');
  await fails(fs.copy('/b', '/c', { exclusive: true }), 'EEXIST', '/c');
  deepEqual(await orphansOf(kv), []);
  await kit.close();
});

test('a folder is renamed by two keys, whatever is in it', async () => {
  const { kit, kv, fs } = await opened();
  await fs.mkdir('/a/b/c', { recursive: true });
  await fs.mkdir('/x');
  for (let at = 0; at < 20; at++) await fs.writeFile(`/a/b/c/${at}`, `file ${at}`);
  const before = await keysOf(kv, 'entry');
  const { id } = await fs.stat('/a/b');
  await fs.rename('/a/b', '/x/y');
  const after = await keysOf(kv, 'entry');
  equal(after.filter((key) => !before.includes(key)).length, 1);
  equal((await fs.stat('/x/y')).id, id);
  equal(await textAt(fs, '/x/y/c/7'), 'file 7');
  await fails(fs.stat('/a/b/c/7'), 'ENOENT', '/a/b/c/7');
  deepEqual(await namesIn(fs, '/a'), []);
  await kit.close();
});

test('a rename replaces what may be replaced, as POSIX says', async () => {
  const { kit, kv, fs } = await opened({ retain: 0 });
  await fs.mkdir('/empty');
  await fs.mkdir('/full/inner', { recursive: true });
  await fs.writeFile('/file', pattern(3 * KIB));
  await fs.writeFile('/other', pattern(4 * KIB, 2));
  await fails(fs.rename('/missing', '/x'), 'ENOENT', '/missing');
  await fails(fs.rename('/file', '/full'), 'EISDIR', '/full');
  await fails(fs.rename('/full', '/file'), 'ENOTDIR', '/file');
  await fails(fs.rename('/empty', '/full'), 'ENOTEMPTY', '/full');
  await fails(fs.rename('/full', '/full/inner/deeper'), 'EINVAL', '/full/inner/deeper');
  await fails(fs.rename('/', '/x'), 'EINVAL', '/');
  await fails(fs.rename('/file', '/missing/x'), 'ENOENT', '/missing/x');
  await fs.rename('/file', '/file');
  await fs.rename('/file', '/other');
  equal((await fs.stat('/other')).size, 3 * KIB);
  await fs.rename('/full', '/empty');
  deepEqual(await namesIn(fs, '/empty'), ['inner']);
  await fs.collect();
  deepEqual(await orphansOf(kv), []);
  await kit.close();
});

test('a folder is removed at one moment, and its contents are collected', async () => {
  const { kit, kv, fs } = await opened({ retain: 0 });
  await fs.mkdir('/a/b/c', { recursive: true });
  for (const path of ['/a/1', '/a/b/2', '/a/b/c/3']) await fs.writeFile(path, pattern(3 * KIB));
  await fails(fs.rm('/a'), 'ENOTEMPTY', '/a');
  await fails(fs.rm('/'), 'EINVAL', '/');
  await fails(fs.rm('/nothing'), 'ENOENT', '/nothing');
  await fs.rm('/nothing', { force: true });
  await fs.rm('/a', { recursive: true });
  await fails(fs.stat('/a/b/c/3'), 'ENOENT', '/a/b/c/3');
  await fs.mkdir('/a');
  deepEqual(await namesIn(fs, '/a'), [], 'a folder of the same name is another one');
  equal((await fs.collect()).contents, 3);
  await fs.rm('/a');
  await fs.collect();
  deepEqual(await kv.count(), 0, 'nothing is left of it');
  await kit.close();
});

test('calls for files refuse folders, and the other way round', async () => {
  const { kit, fs } = await opened();
  await fs.mkdir('/folder');
  await fs.writeFile('/file', 'a');
  await fails(fs.mkdir('/folder'), 'EEXIST', '/folder');
  await fails(fs.mkdir('/'), 'EEXIST', '/');
  await fails(fs.mkdir('/a/b'), 'ENOENT', '/a/b');
  await fails(fs.mkdir('/file/b', { recursive: true }), 'ENOTDIR', '/file/b');
  await fs.mkdir('/folder', { recursive: true });
  for (const path of ['/folder', '/']) {
    await fails(fs.writeFile(path, 'a'), 'EISDIR', path);
    await fails(fs.readFile(path), 'EISDIR', path);
    await fails(fs.append(path, 'a'), 'EISDIR', path);
    await fails(fs.truncate(path), 'EISDIR', path);
    await fails(fs.copy(path, '/x'), 'EISDIR', path);
  }
  await fails(fs.writeFile('/file/b', 'a'), 'ENOTDIR', '/file/b');
  await fails(fs.writeFile('/none/b', pattern(5000)), 'ENOENT', '/none/b');
  await fails(fs.writeFile('/file', 'b', { exclusive: true }), 'EEXIST', '/file');
  await fails(fs.truncate('/none'), 'ENOENT', '/none');
  await fails(namesIn(fs, '/file'), 'ENOTDIR', '/file');
  await fails(namesIn(fs, '/none'), 'ENOENT', '/none');
  equal(await textAt(fs, '/file'), 'a');
  equal((await fs.stat('/')).type, 'folder');
  await kit.close();
});

test('names that no file system can have are refused, and all others are kept', async () => {
  const { kit, fs } = await opened();
  for (const path of ['', 'a', '/a/', '//a', '/.', '/a/..', '/a\0b', '/\ud800']) {
    await fails(fs.writeFile(path, 'a'), 'EINVAL', path);
  }
  for (const path of [`/${'ä'.repeat(128)}`, `/${'a/'.repeat(64)}a`]) {
    await fails(fs.writeFile(path, 'a'), 'ENAMETOOLONG', path);
  }
  const names = ['{a}', '}', 'a b', '...', 'ä', 'a\u0308', '\ue000', '🙂', 'x'.repeat(255)];
  for (const name of names) await fs.writeFile(`/${name}`, name);
  const listed = await namesIn(fs, '/');
  const byBytes = (one: string, other: string) =>
    Buffer.compare(Buffer.from(one), Buffer.from(other));
  deepEqual(listed, [...names].sort(byBytes));
  for (const name of names) equal(await textAt(fs, `/${name}`), name);
  await kit.close();
});

test('a folder is listed in pages, behind a name', async () => {
  const { kit, fs } = await opened();
  await fs.mkdir('/a');
  await fs.mkdir('/ab');
  await fs.writeFile('/ab/other', 'x');
  const names = Array.from({ length: 300 }, (_, at) => `f${String(at).padStart(3, '0')}`);
  await Promise.all(names.map((name) => fs.writeFile(`/a/${name}`, name)));
  deepEqual(await namesIn(fs, '/a'), names);
  const listed: string[] = [];
  for (let page: string[] = ['']; page.length > 0; listed.push(...page)) {
    page = await namesIn(fs, '/a', { after: listed.at(-1) ?? '', limit: 70 });
  }
  deepEqual(listed, names);
  await kit.close();
});

test('append and truncate change a file, and share the chunks that stay', async () => {
  const { kit, kv, fs } = await opened({ retain: 0 });
  const expected = { bytes: Buffer.alloc(0) };
  const append = async (size: number) => {
    const more = pattern(size, size);
    await fs.append('/a', more);
    expected.bytes = Buffer.concat([expected.bytes, more]);
  };
  const truncate = async (size: number) => {
    await fs.truncate('/a', size);
    const longer = Buffer.alloc(size);
    expected.bytes.copy(longer);
    expected.bytes = longer;
  };
  const same = async () => {
    const bytes = Buffer.from(await fs.readFile('/a'));
    ok(bytes.equals(expected.bytes), `${bytes.length} bytes`);
  };
  for (const size of [10, 2000, 3 * KIB, 1, 100 * KIB]) await append(size).then(same);
  for (const size of [90 * KIB + 1, 4 * KIB, 6 * KIB + 7, 100, 0, 3000])
    await truncate(size).then(same);
  await fs.collect();
  deepEqual(await orphansOf(kv), []);
  await kit.close();
});

test('a file whose hashes are in several pieces is read, changed and collected', async () => {
  const { kit, kv, fs } = await opened({ retain: 0 });
  // 2500 chunks, of which 7 are different.
  const bytes = Buffer.from(Uint8Array.from({ length: 2500 * KIB }, (_, at) => (at >> 10) % 7));
  await fs.writeFile('/a', bytes);
  equal((await keysOf(kv, 'piece')).length, 3);
  ok(bytes.equals(await fs.readFile('/a')));
  for (const start of [1023 * KIB, 2047 * KIB + 1000]) {
    const part = await bytesIn(fs.createReadStream('/a', { start, end: start + 2 * KIB }));
    ok(part.equals(bytes.subarray(start, start + 2 * KIB + 1)), `from ${start}`);
  }
  await fs.append('/a', 'the end');
  ok(Buffer.concat([bytes, Buffer.from('the end')]).equals(await fs.readFile('/a')));
  await fs.truncate('/a', 1030 * KIB + 5);
  ok(bytes.subarray(0, 1030 * KIB + 5).equals(await fs.readFile('/a')));
  equal((await fs.collect()).contents, 2);
  deepEqual(await orphansOf(kv), []);
  await kit.close();
});

test('appends of several callers come one behind the other, and none is lost', async () => {
  const { kit, kv, fs } = await opened({ retain: 0 });
  const other = await openFiles(await kit.connect(), { chunkBytes: 2 * KIB, retain: 0 });
  const lines = Array.from({ length: 12 }, (_, at) => `${at}:${'x'.repeat(200)}\n`);
  await Promise.all(lines.map((line, at) => (at % 2 === 0 ? fs : other).append('/log', line)));
  const written = (await textAt(fs, '/log')).split('\n').filter(Boolean);
  deepEqual(written.map((line) => `${line}\n`).sort(), [...lines].sort());
  await kit.clock.advance(11 * 60_000);
  await fs.collect();
  deepEqual(await orphansOf(kv), []);
  await kit.close();
});

test('streams write and read files, and a stream that is destroyed leaves nothing', async () => {
  const { kit, kv, fs } = await opened({ retain: 0 });
  const bytes = pattern(100 * KIB + 3);
  async function* parts() {
    for (let at = 0; at < bytes.length; at += 7001) yield bytes.subarray(at, at + 7001);
  }
  await pipeline(parts(), fs.createWriteStream('/a'));
  deepEqual(await bytesIn(fs.createReadStream('/a')), Buffer.from(bytes));
  await fs.writeFile('/b', parts());
  ok(Buffer.from(await fs.readFile('/b')).equals(bytes));
  const unfinished = async function* () {
    yield* parts();
    throw new Error('the source has failed');
  };
  await rejects(pipeline(unfinished(), fs.createWriteStream('/c')), /the source has failed/);
  await rejects(fs.writeFile('/c', unfinished()), /the source has failed/);
  await fails(fs.stat('/c'), 'ENOENT', '/c');
  await fails(pipeline(parts(), fs.createWriteStream('/no/c')), 'ENOENT', '/no/c');
  await fails(pipeline(parts(), fs.createWriteStream('/a', { exclusive: true })), 'EEXIST', '/a');
  await kit.clock.advance(11 * 60_000);
  equal((await fs.collect()).contents, 2, 'what was abandoned');
  deepEqual(await orphansOf(kv), []);
  await kit.close();
});

test('a mistake in a call is refused by its code, and nothing is sent', async () => {
  const { kit, kv, fs } = await opened();
  const refused = { code: 'invalid-argument', outcome: 'notApplied' };
  const wrong = (options: unknown) => openFiles(kv, options as object);
  for (const options of [
    { name: '' },
    { name: 'a{b' },
    { name: 'x'.repeat(129) },
    { chunkBytes: 100 },
    { chunkBytes: 2 ** 21 },
    { retain: -1 },
    { writerTtl: 1 },
    { chunkByte: 1024 },
    null,
  ]) {
    await rejects(wrong(options), refused, JSON.stringify(options));
  }
  await rejects(fs.writeFile('/a', 7 as unknown as string), refused);
  await rejects(fs.writeFile('/a', 'a', { flag: 'wx' } as object), refused);
  await rejects(fs.append('/a', {} as string), refused);
  await rejects(fs.truncate('/a', -1), refused);
  await rejects(fs.mkdir('/a', { recursive: 1 } as object), refused);
  await rejects(fs.collect({ all: true } as object), refused);
  await kit.close();
});
