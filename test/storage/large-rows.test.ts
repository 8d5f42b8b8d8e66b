/** Large rows: their memory is reused, and what they replace is not read again. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { SlabPool } from '../../src/storage/state/slab-pool.ts';
import type { StateWrite } from '../../src/storage/state/state.ts';
import type { StateDisk } from '../../src/storage/state/state-disk.ts';
import { bytesOf, type Medium, MemoryMedium, SHARD, StateRig } from './state-rig.ts';

const LARGE = 20_000;
const MEBIBYTE = 1024 * 1024;

/** Counts the rows that the store asks for to settle its hash. */
class CountingMedium implements Medium {
  readonly name = 'the twin';
  readonly #medium = new MemoryMedium();
  asked = 0;

  turn(): Promise<void> {
    return this.#medium.turn();
  }

  elapsedMilliseconds(): number {
    return 1;
  }

  dispose(): void {}

  async open(onFault: (cause: unknown) => void): Promise<StateDisk> {
    const disk = await this.#medium.open(onFault);
    const getMany = disk.getMany.bind(disk);
    disk.getMany = (keys, done) => {
      this.asked += keys.length;
      getMany(keys, done);
    };
    return disk;
  }
}

async function openRig(): Promise<{ rig: StateRig; medium: CountingMedium }> {
  const medium = new CountingMedium();
  const rig = new StateRig(medium);
  await rig.open();
  rig.create();
  return { rig, medium };
}

function filled(key: string, byte: number, length = LARGE): StateWrite {
  return { section: 0, key: bytesOf(key), value: new Uint8Array(length).fill(byte) };
}

test('a large row that replaces one on disk asks the disk for nothing', async () => {
  const { rig, medium } = await openRig();
  rig.apply([filled('a', 1), filled('b', 1)]);
  await rig.checkpoint();
  // Others are written meanwhile: what is known of a large row outlives their checkpoint.
  rig.apply([filled('c', 1)]);
  await rig.checkpoint();
  const { asked } = medium;
  rig.apply([filled('a', 2)]);
  rig.apply([filled('b', 2), filled('b', 3)]);
  await rig.checkpoint();
  assert.equal(medium.asked, asked);
  rig.apply([filled('b', 4, 10)]);
  await rig.checkpoint();
  assert.equal(medium.asked, asked);
  const { rig: other } = await openRig();
  other.apply([filled('a', 2), filled('b', 4, 10), filled('c', 1)]);
  assert.deepEqual(rig.store.hash(SHARD), other.store.hash(SHARD));
});

test('what is known of a row on the disk follows each checkpoint', async () => {
  const { rig } = await openRig();
  rig.apply([filled('a', 1)]);
  await rig.checkpoint();
  // Small, deleted, large again, and replaced while the checkpoint still waits in memory.
  for (const write of [filled('a', 2, 10), { ...filled('a', 0), value: undefined }]) {
    rig.apply([write]);
    await rig.checkpoint();
  }
  rig.apply([filled('a', 3)]);
  rig.apply([filled('a', 4)]);
  rig.apply([filled('a', 6, 10)]);
  await rig.checkpoint();
  rig.apply([filled('a', 5)]);
  const { rig: other } = await openRig();
  other.apply([filled('a', 5)]);
  assert.deepEqual(rig.store.hash(SHARD), other.store.hash(SHARD));
  await rig.checkpoint();
  await rig.reopen();
  assert.deepEqual(rig.store.hash(SHARD), other.store.hash(SHARD));
});

test('the memory of a large row is used for one of about its size', () => {
  const pool = new SlabPool();
  for (const length of [16_392, 65_536, 65_544, 70_000, MEBIBYTE + 8, 17 * MEBIBYTE - 8]) {
    const slab = pool.take(length);
    assert.ok(slab.bytes.length >= length && slab.bytes.length <= length * 1.25, `${length}`);
    assert.equal(slab.words.length * 4, slab.bytes.length);
    if (length > 16 * MEBIBYTE) continue;
    pool.give([slab]);
    assert.ok(pool.take(length) === slab, 'it is taken again');
  }
});

test('unused memory is bounded, and of the sizes that are in use', () => {
  const pool = new SlabPool();
  const of = (length: number, count: number) =>
    Array.from({ length: count }, () => pool.take(length));
  const former = of(65_536, 256);
  pool.give(former);
  const large = of(MEBIBYTE, 16);
  pool.give(large);
  const taken = new Set(of(MEBIBYTE, 16));
  assert.ok(large.every((slab) => taken.has(slab)));
  const others = new Set(of(65_536, 256));
  assert.ok(!former.some((slab) => others.has(slab)));
});
