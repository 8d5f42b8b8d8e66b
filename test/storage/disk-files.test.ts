/** The sync calls that the real file system port makes before it reports. */

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { basename } from 'node:path';
import test, { type TestContext } from 'node:test';
import { DiskFiles } from '../../src/storage/files/disk-files.ts';
import type { FileDone } from '../../src/storage/files/files.ts';
import { temporaryFolder } from './temporary.ts';

type Ended = (error: NodeJS.ErrnoException | null) => void;

/**
 * The completed syncs, by the name of the synced file. No program can cut the power, so the test
 * observes what the system is asked to sync.
 */
function recordSyncs(t: TestContext): string[] {
  const ended: string[] = [];
  const names = new Map<number, string>();
  const { open, openSync, write, fsync, fdatasync, constants } = fs;
  const durable = new Set<number>();
  t.mock.method(fs, 'open', (path: string, flags: string, ...rest: unknown[]) => {
    const done = rest.pop() as (...all: unknown[]) => void;
    open(path, flags, rest[0] as number | undefined, (error, handle) => {
      names.set(handle, basename(path));
      durable.delete(handle);
      done(error, handle);
    });
  });
  t.mock.method(fs, 'openSync', (path: string, flags: number) => {
    const handle = openSync(path, flags);
    names.set(handle, basename(path));
    if ((flags & constants.O_DSYNC) !== 0) durable.add(handle);
    return handle;
  });
  t.mock.method(fs, 'write', (handle: number, ...rest: unknown[]) => {
    const done = rest.pop() as (error: unknown, written: number) => void;
    const call = write as unknown as (handle: number, ...all: unknown[]) => void;
    call(handle, ...rest, (error: unknown, written: number) => {
      if (error === null && durable.has(handle)) ended.push(`synced ${names.get(handle)}`);
      done(error, written);
    });
  });
  for (const [name, sync] of [['fsync', fsync] as const, ['fdatasync', fdatasync] as const]) {
    t.mock.method(fs, name, (handle: number, done: Ended) => {
      sync(handle, (error) => {
        ended.push(`synced ${names.get(handle)}`);
        done(error);
      });
    });
  }
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
  return ended;
}

async function ask(ended: string[], call: (done: FileDone) => void): Promise<readonly string[]> {
  ended.length = 0;
  await new Promise<void>((resolve) => {
    call((fault) => {
      assert.equal(fault, undefined);
      ended.push('reported');
      resolve();
    });
  });
  return [...ended];
}

test('a file, a write and the names in a folder are reported once they are synced', async (t) => {
  const ended = recordSyncs(t);
  const folder = temporaryFolder();
  const files = new DiskFiles(folder);
  const made = await ask(ended, (done) => files.create({ name: 'one', size: 5000 }, done));
  assert.deepEqual(made, ['synced one', 'reported']);
  const bytes = new Uint8Array(100).fill(7);
  const write = { name: 'one', offset: 10, bytes };
  const written = await ask(ended, (done) => files.write(write, done));
  assert.deepEqual(written, ['synced one', 'reported']);
  await ask(ended, (done) => files.rename({ from: 'one', to: 'two' }, done));
  const listed = await ask(ended, (done) => files.syncFolder(done));
  assert.deepEqual(listed, [`synced ${basename(folder)}`, 'reported']);
  files.close();
});
