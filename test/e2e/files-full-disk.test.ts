/** A file system on a real disk that fills up: no part of a file, and room by a collection. */

import { equal, ok, rejects } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import { type FileSystem, openFiles } from '../../src/files.ts';
import { isKvError, open } from '../../src/index.ts';
import { smallDisk } from '../support/small-disk.ts';

const MEBIBYTES = 96;
const LONG = { timeout: 120_000 };
const FILE_BYTES = 4 * 1024 * 1024;

/** Bytes that no other file has. */
function contentOf(number: number): Buffer {
  const parts = Array.from({ length: FILE_BYTES / 32 }, (_, at) =>
    createHash('sha256').update(`${number} ${at}`).digest(),
  );
  return Buffer.concat(parts);
}

/** Writes files until that is refused; returns the number of the refused one. */
async function fillUp(fs: FileSystem): Promise<number> {
  for (let number = 0; number < 100; number++) {
    try {
      await fs.writeFile(`/${number}`, contentOf(number));
    } catch (error) {
      ok(isKvError(error) && error.code === 'read-only', String(error));
      equal(error.outcome, 'notApplied');
      return number;
    }
  }
  throw new Error('the disk was never full');
}

test('a disk that is full in the middle of a file leaves no part of it', LONG, async (context) => {
  const disk = smallDisk(context, MEBIBYTES);
  if (disk === undefined) return;
  const kv = await open(join(disk.path, 'data'));
  context.after(() => kv.close());
  const fs = await openFiles(kv);
  await fs.writeFile('/removed', contentOf(1000));
  await fs.rm('/removed');
  const refused = await fillUp(fs);
  await rejects(fs.stat(`/${refused}`), { code: 'ENOENT' });
  // What was removed before is collected by deletes alone; the rest of the call needs a write.
  await fs.collect({ everything: true }).catch((error: unknown) => {
    ok(isKvError(error) && error.code === 'read-only', String(error));
  });
  equal(await kv.count({ prefix: 'files:main:dead:' }), 0);
  for (let number = 0; number < refused; number++) {
    ok(contentOf(number).equals(await fs.readFile(`/${number}`)), `file ${number}`);
  }
});
