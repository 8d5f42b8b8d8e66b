/** Which folders a node may use, and that a refused one is unchanged. */

import { deepEqual, equal, rejects } from 'node:assert/strict';
import { mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { open } from '../../src/index.ts';
import { temporaryFolder } from '../storage/temporary.ts';

test('a data folder inside another is refused, and so is one around another', async () => {
  const root = temporaryFolder();
  const outer = join(root, 'outer');
  await (await open(outer)).close();
  const refused = {
    code: 'folder-unusable',
    outcome: 'notApplied',
    message: /is inside .*outer/,
  };
  symlinkSync(outer, join(root, 'link'));
  const before = readdirSync(root, { recursive: true }).length;
  for (const inner of ['outer/inner', 'outer/log/deep/er', 'link/inner', 'outer/../outer/inner']) {
    await rejects(open(join(root, inner)), refused, inner);
  }
  equal(readdirSync(root, { recursive: true }).length, before);
  await rejects(open(root), {
    code: 'folder-unusable',
    message: /would contain .*outer/,
  });
  deepEqual(readdirSync(root).sort(), ['link', 'outer']);
  await (await open(join(root, 'link'))).close();
});

test('folders beside each other are allowed, and other content in a new one too', async () => {
  const root = temporaryFolder();
  mkdirSync(join(root, 'one', 'lost+found'), { recursive: true });
  await (await open(join(root, 'one'))).close();
  await (await open(join(root, 'two'))).close();
});
