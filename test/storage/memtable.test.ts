/** The memtable reuses memory, and bytes that were returned do not change. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { ShardId } from '../../src/base/ids.ts';
import { Arena } from '../../src/storage/state/arena.ts';
import { SLAB_BYTES, SlabPool } from '../../src/storage/state/slab-pool.ts';
import type { StateWrite } from '../../src/storage/state/state.ts';
import { Place } from '../../src/storage/state/state-key.ts';
import { bytesOf, MemoryMedium, SHARD, StateRig } from './state-rig.ts';

const PLACE = new Place(SHARD, 0);
/** A record in a shared slab, rewritten in place or not, and one in a slab of its own. */
const SMALL = 100;
const LARGE = 2000;
const ALONE = 20_000;

async function openRig(): Promise<StateRig> {
  const rig = new StateRig(new MemoryMedium());
  await rig.open();
  rig.create();
  return rig;
}

function filled(key: string, length: number, byte: number): StateWrite {
  return { section: 0, key: bytesOf(key), value: new Uint8Array(length).fill(byte) };
}

test('a key that is written again and again takes room once', async () => {
  const rig = await openRig();
  rig.apply([filled('a', SMALL, 0)]);
  const { memtableBytes } = rig.store;
  for (let at = 0; at < 1000; at++) rig.apply([filled('a', SMALL - (at % 50), at)]);
  assert.equal(rig.store.memtableBytes, memtableBytes);
  assert.deepEqual(rig.store.get(SHARD, 0, bytesOf('a')), filled('a', SMALL - 49, 999).value);
  rig.apply([{ ...filled('a', 0, 0), value: undefined }]);
  assert.equal(rig.store.get(SHARD, 0, bytesOf('a')), undefined);
  rig.apply([filled('a', SMALL, 7)]);
  assert.equal(rig.store.memtableBytes, memtableBytes);
  assert.deepEqual(rig.store.get(SHARD, 0, bytesOf('a')), filled('a', SMALL, 7).value);
});

test('a row that outgrows its room leaves its neighbours alone', async () => {
  const rig = await openRig();
  for (const key of 'abc') rig.apply([filled(key, SMALL, 1)]);
  for (let length = SMALL; length < LARGE; length += 30) rig.apply([filled('b', length, 2)]);
  for (const key of 'ac') {
    assert.deepEqual(rig.store.get(SHARD, 0, bytesOf(key)), filled(key, SMALL, 1).value);
  }
  await rig.checkpoint();
  const live = rig.store.hash(SHARD);
  await rig.reopen();
  assert.deepEqual(rig.store.hash(SHARD), live);
});

test('a value that was read does not change with later writes', async () => {
  const rig = await openRig();
  const kept: { value: Uint8Array | undefined; expected: Uint8Array | undefined }[] = [];
  for (let round = 0; round < 20; round++) {
    for (const length of [0, 1, SMALL, LARGE, ALONE]) {
      const write = filled(`${length}`, length, round);
      rig.apply([write]);
      kept.push({ value: rig.store.get(SHARD, 0, write.key), expected: write.value });
    }
    if (round % 5 === 4) await rig.checkpoint();
  }
  for (const { value, expected } of kept) assert.deepEqual(value, expected);
});

test('a view does not change while rows are rewritten and memory is reused', async () => {
  const rig = await openRig();
  const fill = (byte: number) => {
    for (let key = 0; key < 3000; key++) rig.apply([filled(`${key}`, SMALL, byte)]);
  };
  for (let byte = 1; byte < 4; byte++) {
    fill(byte);
    const view = rig.store.view(SHARD);
    fill(byte + 100);
    await rig.checkpoint();
    fill(byte + 200);
    for (let key = 0; key < 3000; key += 7) {
      assert.deepEqual(view.get(0, bytesOf(`${key}`)), filled('', SMALL, byte).value);
    }
    view.close();
    await rig.checkpoint();
  }
});

test('a view opened when a slab is full to the last byte does not change either', async () => {
  const rig = await openRig();
  // Rows of 64 bytes fill slabs of 1, 4, 16 and 64 KiB.
  const keys = Array.from({ length: (85 * 1024) / 64 }, (_, at) => `${1000 + at}`.slice(-4));
  const fill = (byte: number) => {
    for (const key of keys) rig.apply([filled(key, 28, byte)]);
  };
  fill(1);
  const view = rig.store.view(SHARD);
  fill(2);
  for (const key of keys) {
    assert.deepEqual(view.get(0, bytesOf(key)), filled(key, 28, 1).value);
  }
});

test('memory is reused after a checkpoint, unless a view shares it', () => {
  for (const isShared of [false, true]) {
    const pool = new SlabPool();
    const arena = new Arena(PLACE, pool);
    const row = () => arena.add(0, bytesOf('a'), new Uint8Array(LARGE));
    while (arena.bytes < 3 * SLAB_BYTES) row();
    const slab = arena.slabOf(row());
    if (isShared) arena.share();
    arena.end();
    assert.equal(pool.take().bytes === slab, !isShared);
  }
});

test('an idle memtable takes little memory', () => {
  const before = process.memoryUsage().arrayBuffers;
  const arenas = Array.from({ length: 1000 }, (_, shard) => {
    const arena = new Arena(new Place((shard + 1) as ShardId, 0), new SlabPool());
    arena.add(0, bytesOf('a'), new Uint8Array(SMALL));
    return arena;
  });
  assert.ok(arenas.length === 1000 && process.memoryUsage().arrayBuffers - before < 4 << 20);
});
