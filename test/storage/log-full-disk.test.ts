/** A real file system that is full: a small one in memory, where one can be mounted. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { DiskFiles } from '../../src/storage/files/disk-files.ts';
import type { Log } from '../../src/storage/log/log.ts';
import { CREATION, command, textsOf, writing } from './log-contract.ts';
import { open } from './log-life.ts';
import { temporaryFolder } from './temporary.ts';

const KIB = 1024;
const LIMITS = {
  segmentBytesMin: 64 * KIB,
  segmentBytes: 64 * KIB,
  batchBytesMax: 24 * KIB,
  cacheBytesMax: 4 * KIB,
  sparesMin: 2,
  sparesMax: 3,
  segmentsMin: 3,
  moveBytesMax: 8 * KIB,
  readBytesMax: 64 * KIB,
  lowBytesMin: 1,
  lowBytesMax: 1,
  fullBytesMin: 1,
  fullBytesMax: 1,
  reserveBytesMax: 1,
  reservePieceBytes: 1,
};

/** Mounts with privileges; returns whether this machine permits it. */
function mountSmall(folder: string): boolean {
  try {
    const arguments_ = ['-t', 'tmpfs', '-o', 'size=960k', 'tmpfs', folder];
    execFileSync('mount', arguments_, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

async function opened(folder: string): Promise<Log> {
  return new Promise((resolve, reject) => {
    open(new DiskFiles(folder), { limits: LIMITS }, (result) => {
      if (result.type === 'opened') resolve(result.log);
      else reject(new Error(result.text));
    });
  });
}

async function rest(log: Log): Promise<void> {
  for (let tick = 0; tick < 50; tick++) {
    log.idle();
    await pause(1);
  }
}

async function close(log: Log): Promise<void> {
  return new Promise((resolve) => log.close(resolve));
}

async function fillAndForget(folder: string): Promise<void> {
  let log = await opened(folder);
  await new Promise<void>((resolve) => log.append([CREATION], resolve));
  const payload = 'x'.repeat(2000);
  let index = 0;
  let durable = 0;
  const append = async () => {
    index += 1;
    const last = index;
    log.append([writing([command(index, 1, payload)])], () => {
      durable = last;
    });
    for (let wait = 0; wait < 200 && durable < last; wait++) await pause(1);
  };
  while (log.fullness === 'ok' && index < 1000) await append();
  assert.equal(log.fullness, 'read-only');
  assert.equal(durable, index, 'full is seen before anything has to wait');
  for (let more = 0; more < 10; more++) await append();
  assert.equal(durable, index);
  await close(log);
  log = await opened(folder);
  assert.equal(log.replica(CREATION.shard)?.log.lastIndex, index);
  assert.deepEqual(textsOf(log, 1, index).length, index);
  const forgotten = index - 1;
  await new Promise<void>((resolve) => {
    log.append([{ type: 'forget', shard: CREATION.shard, index: forgotten }], resolve);
  });
  await rest(log);
  assert.equal(log.fullness, 'ok');
  assert.ok(log.metrics().spares <= LIMITS.sparesMax);
  for (let more = 0; more < 20; more++) await append();
  assert.equal(durable, index);
  await close(log);
}

test('a full file system makes the log read-only, and forgetting makes room', async () => {
  const folder = join(temporaryFolder(), 'small');
  mkdirSync(folder);
  if (!mountSmall(folder)) {
    console.log('NOT TESTED: a full file system; mounting a tmpfs takes privileges we lack here');
    return;
  }
  try {
    await fillAndForget(folder);
    const size = readdirSync(folder).reduce(
      (sum, name) => sum + statSync(join(folder, name)).size,
      0,
    );
    assert.ok(size <= 960 * KIB);
  } finally {
    // Lazily, because after a failure the log still has files open.
    execFileSync('umount', ['-l', folder]);
  }
});
