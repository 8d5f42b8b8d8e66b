/** What `watch` and `stat` of `ringkv/files` tell. */

import { deepEqual, equal, notEqual, ok, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { type FileSystem, type FilesWatchEvent, openFiles } from '../../../src/files.ts';
import { testkit } from '../../../src/testkit.ts';

async function opened() {
  const kit = await testkit({ shards: 4 });
  return { kit, fs: await openFiles(kit.kv(), { chunkBytes: 1024 }) };
}

/** What is told from the beginning until all that was awaited has been. */
async function told(
  fs: FileSystem,
  path: string,
  { synced, events }: { readonly synced: () => Promise<void>; readonly events: number },
): Promise<string[]> {
  const lines: string[] = [];
  for await (const event of fs.watch(path)) {
    lines.push(lineOf(event));
    if (event.type === 'synced') await synced();
    if (lines.length === events) break;
  }
  return lines;
}

function lineOf(event: FilesWatchEvent): string {
  if (event.type === 'set') return `set ${event.entry.name} ${event.entry.size}`;
  return event.type === 'removed' ? `removed ${event.name}` : event.type;
}

test('a watch of a folder tells its entries, and each change of them', async () => {
  const { kit, fs } = await opened();
  await fs.mkdir('/a/inner', { recursive: true });
  await fs.writeFile('/a/old', 'old');
  const synced = async () => {
    await fs.writeFile('/a/new', 'four');
    await fs.writeFile('/a/inner/deeper', 'not told');
    await fs.writeFile('/other', 'not told');
    await fs.append('/a/new', 'five!');
    await fs.rename('/a', '/b');
    await fs.rename('/b/old', '/b/older');
    await fs.rm('/b/new');
    await kit.clock.advance(1000);
  };
  const lines = await told(fs, '/a', { synced, events: 8 });
  deepEqual(lines.slice(0, 5), ['set inner 0', 'set old 3', 'synced', 'set new 4', 'set new 9']);
  deepEqual(lines.slice(5, 7).sort(), ['removed old', 'set older 3']);
  equal(lines[7], 'removed new');
  await kit.close();
});

test('a watch of a file tells its versions and its end', async () => {
  const { kit, fs } = await opened();
  await fs.writeFile('/a', 'old');
  await fs.writeFile('/ab', 'other');
  const synced = async () => {
    await fs.truncate('/a', 2000);
    await fs.writeFile('/ab', 'not told');
    await fs.rm('/a');
    await kit.clock.advance(1000);
  };
  const lines = await told(fs, '/a', { synced, events: 4 });
  deepEqual(lines, ['set a 3', 'synced', 'set a 2000', 'removed a']);
  await rejects(told(fs, '/none', { synced, events: 1 }), { code: 'ENOENT' });
  await kit.close();
});

test('a signal ends a watch', async () => {
  const { kit, fs } = await opened();
  const stop = new AbortController();
  const watching = async () => {
    for await (const event of fs.watch('/', { signal: stop.signal })) {
      if (event.type === 'synced') stop.abort();
    }
  };
  await rejects(watching(), { code: 'aborted' });
  await kit.close();
});

test('a file keeps its identity, and its etag changes with its content', async () => {
  const { kit, fs } = await opened();
  for (const size of [10, 5000]) {
    await fs.writeFile('/a', 'x'.repeat(size));
    const first = await fs.stat('/a');
    await fs.rename('/a', '/b');
    const moved = await fs.stat('/b');
    deepEqual(moved, first);
    await fs.copy('/b', '/c');
    const copied = await fs.stat('/c');
    equal(copied.etag, first.etag);
    notEqual(copied.id, first.id);
    await fs.append('/b', 'y');
    const changed = await fs.stat('/b');
    notEqual(changed.etag, first.etag);
    deepEqual([changed.id, changed.createdAt, changed.size], [first.id, first.createdAt, size + 1]);
    ok(changed.modifiedAt >= first.modifiedAt);
    await fs.rm('/c');
    await fs.rename('/b', '/a');
  }
  await kit.close();
});
