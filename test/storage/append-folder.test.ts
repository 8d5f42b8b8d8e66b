/** Folders of growing files: the disk's and the twin keep the same promises. */

import { deepEqual, equal, rejects } from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { type AppendFolder, DiskAppendFolder } from '../../src/storage/files/append-folder.ts';
import { MemoryAppendFolder } from '../support/twins/memory-append-folder.ts';
import { temporaryFolder } from './temporary.ts';

const bytesOf = (text: string) => new TextEncoder().encode(text);

async function textIn(folder: AppendFolder, name: string): Promise<string> {
  return new TextDecoder().decode(await folder.read(name));
}

const FOLDERS: Readonly<Record<string, () => AppendFolder>> = {
  disk: () => new DiskAppendFolder(join(temporaryFolder(), 'new', 'audit')),
  memory: () => new MemoryAppendFolder(),
};

for (const [kind, open] of Object.entries(FOLDERS)) {
  test(`${kind}: a file grows at its end, and is found again with its size`, async () => {
    const folder = open();
    folder.make();
    folder.make();
    deepEqual(folder.names(), []);
    const file = await folder.open('b', 0);
    await file.append(bytesOf('one '));
    await file.append(bytesOf('two'));
    equal(file.length, 7);
    await file.sync();
    await file.close();
    await (await folder.open('a', 0)).close();
    deepEqual(folder.names(), ['a', 'b']);
    equal(await folder.size('b'), 7);
    equal(await textIn(folder, 'b'), 'one two');
    equal(new TextDecoder().decode(await folder.read('b', 3)), 'one');
    equal((await folder.read('a', 9)).length, 0, 'a file may be shorter');
  });

  test(`${kind}: opening at a length cuts what stands behind it`, async () => {
    const folder = open();
    folder.make();
    const first = await folder.open('a', 0);
    await first.append(bytesOf('kept, torn'));
    await first.close();
    const again = await folder.open('a', 5);
    equal(again.length, 5);
    await again.append(bytesOf(' new'));
    await again.close();
    equal(await textIn(folder, 'a'), 'kept, new');
  });

  test(`${kind}: a removed file is gone, and removing it again does nothing`, async () => {
    const folder = open();
    folder.make();
    await (await folder.open('a', 0)).close();
    await folder.remove('a');
    await folder.remove('a');
    deepEqual(folder.names(), []);
    await rejects(async () => await folder.read('a'), { code: 'ENOENT' });
  });
}

test('its files are for their owner alone', async () => {
  const folder = new DiskAppendFolder(join(temporaryFolder(), 'audit'));
  folder.make();
  await (await folder.open('a', 0)).close();
  equal(statSync(join(folder.path, 'a')).mode & 0o777, 0o600);
  equal(statSync(folder.path).mode & 0o777, 0o700);
});
