/** A store on a full disk: it reads, deletes and restarts, and continues once there is room. */

import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Client, KvError, open } from '../../src/index.ts';
import { smallDisk } from '../support/small-disk.ts';

const MEBIBYTES = 96;
const VALUE = 'v'.repeat(50_000);
const KEYS_MAX = 5000;
/** After this time no write to the state store is in progress any more. */
const CHECKPOINT_MILLISECONDS = 3000;
const READ_ONLY = { code: 'read-only', outcome: 'notApplied' };
const DELETER = fileURLToPath(new URL('./full-disk-deleter.js', import.meta.url));

/** Sets keys until that is refused; returns how many keys there are then. */
async function fillUp(kv: Client, from = 0): Promise<number> {
  for (let count = from; count < KEYS_MAX; count++) {
    try {
      await kv.set(`key:${count}`, VALUE);
    } catch (error) {
      ok(error instanceof KvError && error.code === 'read-only', String(error));
      equal(error.outcome, 'notApplied');
      return count;
    }
  }
  throw new Error('the disk was never full');
}

/** Every key from `first` on is there, and those before are not. */
async function check(kv: Client, first: number, count: number): Promise<void> {
  const there: number[] = [];
  for (let number = 0; number < count; number++) {
    if ((await kv.get(`key:${number}`))?.value === VALUE) there.push(number);
  }
  deepEqual(
    there,
    Array.from({ length: count - first }, (_, nth) => first + nth),
  );
}

async function remove(kv: Client, from: number, to: number): Promise<void> {
  for (let number = from; number < to; number++) await kv.delete(`key:${number}`);
}

/** Resolves as soon as a write is accepted; fails if that takes far too long. */
async function putSoon(kv: Client): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt++) {
    try {
      await kv.set('again', attempt);
      return;
    } catch (error) {
      ok(error instanceof KvError && error.code === 'read-only', String(error));
      await pause(50);
    }
  }
  throw new Error('writes never came back');
}

/** The bytes that this process has written. */
function bytesWritten(): number {
  return Number(/wchar: (\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);
}

/** The disk is not filled and emptied for ever: deletes are compacted, and then it rests. */
async function untilQuiet(): Promise<void> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const before = bytesWritten();
    await pause(1500);
    if (bytesWritten() - before < 4 * 1024 * 1024) return;
  }
  throw new Error('the store never stops writing to a full disk');
}

/** A process that deletes, and is killed meanwhile; returns how far it came. */
async function killedDeleter(folder: string, from: number): Promise<number> {
  const child = spawn(process.execPath, [DELETER, folder, `${from}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    if (said.includes(`deleted ${from + 20}\n`)) child.kill('SIGKILL');
  });
  const [code, signal] = await once(child, 'close');
  deepEqual([code, signal], [null, 'SIGKILL'], said);
  return Number([...said.matchAll(/deleted (\d+)\n/g)].at(-1)?.[1]) + 1;
}

test('a full disk loses no acknowledged write, and needs no restart', async (context) => {
  const disk = smallDisk(context, MEBIBYTES);
  if (disk === undefined) return;
  const folder = join(disk.path, 'data');
  let kv = await open(folder);
  // A store that a failure left open would keep this process running.
  context.after(() => kv.close());
  const goneKeys = Array.from({ length: 1500 }, (_, at) => `gone:${at}`);
  await Promise.all(goneKeys.map((key) => kv.set(key, key)));
  let count = await fillUp(kv);
  // A write in progress at the last byte ends the store: no check of free space can come in time.
  await pause(CHECKPOINT_MILLISECONDS);
  disk.fill();
  // The check of free space finds that within some seconds.
  count = await fillUp(kv, count);
  await rejects(kv.set('more', VALUE), READ_ONLY);
  await rejects(kv.touch('key:0', 60_000), READ_ONLY);
  await check(kv, 0, count);
  deepEqual(await kv.clear({ prefix: 'gone:' }), { deleted: goneKeys.length });
  await remove(kv, 0, 100);
  await untilQuiet();
  await kv.close();
  disk.fill();
  kv = await open(folder);
  count = await fillUp(kv, count);
  await check(kv, 100, count);
  await remove(kv, 100, 200);
  await kv.close();
  let first = 200;
  for (let kill = 0; kill < 3; kill++) {
    disk.fill();
    first = await killedDeleter(folder, first);
  }
  disk.fill();
  kv = await open(folder);
  // The delete that was in progress may have taken effect as well.
  await remove(kv, first, first + 1);
  await check(kv, first + 1, count);
  disk.makeRoom();
  // Also if LevelDB had to compact without room: it writes no more before it is opened again.
  await putSoon(kv);
  for (let number = 0; number < 100; number++) await kv.set(`new:${number}`, VALUE);
  await kv.close();
  kv = await open(folder);
  await check(kv, first + 1, count);
  equal((await kv.get('new:99'))?.value, VALUE);
  await kv.close();
});

test('deletes free the missing space', async (context) => {
  const disk = smallDisk(context, MEBIBYTES);
  if (disk === undefined) return;
  const kv = await open(join(disk.path, 'data'));
  context.after(() => kv.close());
  const count = await fillUp(kv);
  await remove(kv, 0, count);
  await putSoon(kv);
  // Compaction frees the space step by step: writes are refused in between.
  let again = 0;
  for (let attempt = 0; again <= count / 4; attempt++) {
    ok(attempt < 600, `room for ${again} values only, of ${count} that were deleted`);
    again = await fillUp(kv, again);
    await pause(50);
  }
  await kv.close();
});
