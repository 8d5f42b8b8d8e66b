/** Checkpoints and incoming snapshots both make progress under any load. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ShardId } from '../../src/base/ids.ts';
import { STATE_LIMITS } from '../../src/storage/limits.ts';
import { MemoryMedium, put, SHARD, StateRig } from './state-rig.ts';

const OTHER = 8 as ShardId;
const TURNS_MAX = 20_000;

test('a snapshot comes in while another shard is written as fast as it can be', async () => {
  const rig = new StateRig(new MemoryMedium());
  await rig.open();
  rig.create(SHARD);
  rig.create(OTHER);
  for (let nth = 0; nth < 40; nth++) {
    rig.apply(Array.from({ length: 50 }, (_, at) => put(`s${nth}-${at}`, 'x'.repeat(400))));
  }
  await rig.checkpoint();
  const { description, bytes } = await rig.exportAll(SHARD, 64 * 1024);
  const { store } = rig;
  const install = store.install(OTHER, description);
  const value = 'y'.repeat(64 * 1024);
  let written = 0;
  let turns = 0;
  while (install.status === 'coming' && turns < TURNS_MAX) {
    turns += 1;
    if (install.hasRoom) {
      const { offset } = install;
      install.take(bytes.subarray(offset, offset + 64 * 1024));
    }
    while (store.hasRoom) {
      written += 1;
      rig.apply([put(`w${written}`, value)]);
    }
    await rig.turn();
  }
  assert.equal(install.status, 'sound', `after ${turns} turns`);
  const bytesWritten = written * value.length;
  assert.ok(bytesWritten > 4 * STATE_LIMITS.checkpointBytes, `${bytesWritten} bytes were written`);
});

test('the waiting bytes of all incoming snapshots are bounded together', async () => {
  const rig = new StateRig(new MemoryMedium());
  await rig.open();
  rig.create(SHARD);
  for (let nth = 0; nth < 80; nth++) {
    rig.apply(Array.from({ length: 50 }, (_, at) => put(`s${nth}-${at}`, 'x'.repeat(1000))));
  }
  await rig.checkpoint();
  const { description, bytes } = await rig.exportAll(SHARD, 256 * 1024);
  assert.ok(bytes.length > STATE_LIMITS.installQueueBytesMax);
  const shards = [11, 12, 13].map((shard) => shard as ShardId);
  let taken = 0;
  for (const shard of shards) {
    rig.create(shard);
    const install = rig.store.install(shard, description);
    while (install.hasRoom) {
      install.take(bytes.subarray(install.offset, install.offset + 64 * 1024));
    }
    taken += install.offset;
  }
  const most = STATE_LIMITS.installQueueBytesMax + shards.length * 64 * 1024;
  assert.ok(taken <= most, `${taken} bytes wait`);
  await rig.close();
});
