/** Snapshots: what is sent, what is refused, and the effect of a damaged row. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { hash } from '../../src/base/hash.ts';
import type { ShardId } from '../../src/base/ids.ts';
import { Random } from '../../src/base/random.ts';
import type { SnapshotPiece, SnapshotReader } from '../../src/raft/ready.ts';
import { STATE_LIMITS } from '../../src/storage/limits.ts';
import { Place } from '../../src/storage/state/state-key.ts';
import { randomWrites } from './state-model.ts';
import {
  bytesOf,
  MEDIA,
  type Medium,
  MemoryMedium,
  pairs,
  put,
  remove,
  SHARD,
  StateRig,
  textOf,
} from './state-rig.ts';

const OTHER = 8 as ShardId;

/** The index of the snapshot that the reader opens. */
function openedIn(reader: SnapshotReader): number {
  const opened = reader.open(0);
  assert.ok(opened !== undefined && opened !== 'later', 'there is one, and room for it');
  return opened.index;
}

async function newRig(medium: Medium = new MemoryMedium()): Promise<StateRig> {
  const rig = new StateRig(medium);
  await rig.open();
  rig.create();
  return rig;
}

async function close(rig: StateRig): Promise<void> {
  await rig.close();
  assert.deepEqual(rig.faults, []);
  rig.medium.dispose();
}

async function answerTo(rig: StateRig, piece: SnapshotPiece) {
  const reader = rig.store.snapshots(SHARD);
  let answer = reader.read(piece);
  for (; answer === 'later'; answer = reader.read(piece)) await rig.turn();
  return answer;
}

for (const newMedium of MEDIA) {
  const { name } = newMedium();

  test(`${name}: equal states give equal streams, which install to equal states`, async () => {
    const random = new Random(3);
    const rig = await newRig(newMedium());
    for (let entry = 0; entry < 200; entry++) rig.apply(randomWrites(random));
    rig.apply([{ section: 2, key: bytesOf('big'), value: new Uint8Array(1 << 20).fill(7) }]);
    await rig.checkpoint();
    const first = await rig.exportAll(SHARD, STATE_LIMITS.sliceBytes);
    rig.create(OTHER);
    rig.apply([put('gone', 'before')], OTHER);
    await rig.installAll(first, OTHER);
    assert.deepEqual(rig.store.hash(OTHER), rig.store.hash(SHARD));
    assert.equal(rig.store.get(OTHER, 0, bytesOf('gone')), undefined);
    await rig.reopen();
    const second = await rig.exportAll(OTHER, 10_000);
    assert.equal(Buffer.compare(first.bytes, second.bytes), 0);
    assert.deepEqual(second.description, first.description);
    await close(rig);
  });

  test(`${name}: followers at places far apart do not take each other's place`, async () => {
    const rig = await newRig(newMedium());
    for (let at = 0; at < 1000; at++) rig.apply([put(`key ${at}`, 'x'.repeat(1000))]);
    await rig.checkpoint();
    const { bytes } = await rig.exportAll();
    const reader = rig.store.snapshots(SHARD);
    const index = openedIn(reader);
    const bytesMax = 10_000;
    const got: number[] = [0, bytesMax, 50 * bytesMax];
    const wanted = got.map((offset) => Math.min(bytes.length, offset + 20 * bytesMax));
    // All ask in turns, and none waits for another: each read lets one continue.
    const askInTurns = (): boolean => {
      for (const [at, offset] of got.entries()) {
        if (offset >= (wanted[at] ?? 0)) continue;
        const answer = reader.read({ index, offset, bytesMax });
        assert.notEqual(answer, 'gone');
        if (typeof answer === 'string') continue;
        const { data } = answer;
        assert.equal(Buffer.compare(data, bytes.subarray(offset, offset + data.length)), 0);
        got[at] = offset + data.length;
      }
      return got.every((offset, at) => offset >= (wanted[at] ?? 0));
    };
    await rig.until(askInTurns, 'each coming to where it wants to go');
    await close(rig);
  });

  test(`${name}: a stream goes on at any offset while the state goes on changing`, async () => {
    const rig = await newRig(newMedium());
    for (let at = 0; at < 1000; at++) rig.apply([put(`key ${at}`, 'x'.repeat(at % 1500))]);
    await rig.checkpoint();
    const { description, bytes } = await rig.exportAll();
    openedIn(rig.store.snapshots(SHARD));
    const random = new Random(1);
    for (let at = 0; at < 60; at++) {
      if (at % 20 === 0) {
        rig.apply([put('key 5', `${at}`), remove('key 6')]);
        await rig.checkpoint();
      }
      const offset = random.below(bytes.length);
      const bytesMax = random.between(1, 100_000);
      const request = { index: description.index, offset, bytesMax };
      const piece = await answerTo(rig, request);
      assert.ok(piece !== 'gone');
      const end = Math.min(bytes.length, offset + bytesMax);
      assert.equal(hash(piece.data), hash(bytes.subarray(offset, end)));
      assert.equal(piece.isLast, end === bytes.length);
    }
    const beyond = { index: description.index, offset: bytes.length, bytesMax: 1 };
    assert.equal(await answerTo(rig, beyond), 'gone');
    assert.equal(rig.store.snapshots(SHARD).read({ index: 1, offset: 0, bytesMax: 1 }), 'gone');
    await close(rig);
  });

  test(`${name}: a value that changed on disk is never served, copied or hashed`, async () => {
    const medium = newMedium();
    const rig = await newRig(medium);
    rig.apply([put('a', '1'), put('b', 'sound'), put('c', '3')]);
    await rig.checkpoint();
    await rig.close();
    // Without the store's knowledge, through the disk itself.
    const key = new Place(SHARD, 1).key(0, bytesOf('b'));
    const disk = await medium.open(() => {});
    const record = Uint8Array.from(disk.get(key) ?? []);
    assert.ok(record.length > 0);
    record[record.length - 1] = (record.at(-1) ?? 0) ^ 0x10;
    const batch = disk.batch();
    batch.put(key, record);
    let isOver = false;
    batch.write(() =>
      disk.close(() => {
        isOver = true;
      }),
    );
    while (!isOver) await medium.turn();
    await rig.open();
    const row = { section: 0, key: bytesOf('b') };
    const damage = { code: 'state-damaged', shard: SHARD, row };
    const isDamage = (error: object) => {
      for (const [field, value] of Object.entries(damage)) {
        assert.deepEqual((error as Record<string, unknown>)[field], value);
      }
      return true;
    };
    assert.throws(() => rig.store.view(SHARD).get(0, bytesOf('b')), isDamage);
    await assert.rejects(rig.scanNow(), isDamage);
    assert.equal(textOf(rig.store.get(SHARD, 0, bytesOf('a'))), '1');
    const reader = rig.store.snapshots(SHARD);
    const request = { index: openedIn(reader), offset: 0, bytesMax: 1000 };
    assert.equal(await answerTo(rig, request), 'gone');
    assert.ok(rig.damages.length > 0 && rig.damages.every(isDamage));
    assert.equal(rig.store.isDamaged(SHARD), false, 'the hash is still known');
    await rig.reopen();
    assert.throws(() => rig.store.get(SHARD, 0, bytesOf('b')), isDamage);
    assert.equal(rig.store.isDamaged(SHARD), true, 'a point read takes note');
    await rig.reopen();
    assert.equal(rig.store.isDamaged(SHARD), false);
    rig.apply([put('b', 'new')]);
    await rig.checkpoint();
    assert.equal(rig.store.isDamaged(SHARD), true, 'what was replaced is not known');
    assert.equal(rig.store.hash(SHARD), undefined);
    assert.ok(rig.damages.every(isDamage));
    await rig.reopen();
    assert.equal(rig.store.isDamaged(SHARD), true, 'that is not forgotten');
    assert.equal(rig.store.snapshots(SHARD).open(0), undefined);
    await close(rig);
  });
}

test('a stream that is not exactly what was sent never becomes the state', async () => {
  const rig = await newRig();
  for (let at = 0; at < 50; at++) rig.apply([put(`key ${at}`, `value ${at}`)]);
  await rig.checkpoint();
  const { description, bytes } = await rig.exportAll();
  rig.create(OTHER);
  rig.apply([put('old', 'state')], OTHER);
  const attempt = async (harmed: Uint8Array, what = description) => {
    const install = rig.store.install(OTHER, what);
    await rig.feed(install, harmed, 333);
    const { status } = install;
    if (status !== 'sound') assert.throws(() => rig.store.switchTo(install, () => {}), /verified/);
    rig.store.giveUp(install);
    return status;
  };
  for (let at = 0; at < bytes.length; at += 1) {
    const harmed = bytes.slice();
    harmed[at] = (harmed[at] ?? 0) ^ (1 << (at % 8));
    assert.notEqual(await attempt(harmed), 'sound', `byte ${at}`);
  }
  assert.equal(await attempt(bytes.subarray(0, -1)), 'coming');
  assert.equal(await attempt(Buffer.concat([bytes, Uint8Array.of(0)])), 'unsound');
  assert.equal(await attempt(bytes, { ...description, term: 9 }), 'unsound');
  assert.equal(await attempt(bytes), 'sound');
  assert.deepEqual(pairs(await rig.scanNow({}, OTHER)), ['old=state']);
  await rig.until(() => rig.store.isIdle);
  await rig.reopen();
  assert.deepEqual(pairs(await rig.scanNow({}, OTHER)), ['old=state']);
});

/** Of all shards and generations; the twin shows them. */
function rowsOnDisk(rig: StateRig): number {
  assert.ok(rig.medium instanceof MemoryMedium);
  return rig.medium.state.rows().filter(([key]) => key[0] === 3).length;
}

test('a snapshot never comes among the rows of one that a crash cut short', async () => {
  const rig = await newRig();
  rig.apply([put('a', '1'), put('b', '1'), put('c', '1')]);
  await rig.checkpoint();
  const large = await rig.exportAll();
  rig.create(OTHER);
  await rig.checkpoint();
  rig.apply([remove('a'), remove('b')]);
  await rig.checkpoint();
  const small = await rig.exportAll();
  const install = rig.store.install(OTHER, large.description);
  await rig.feed(install, large.bytes);
  assert.equal(install.status, 'sound');
  await rig.reopen();
  await rig.installAll(small, OTHER);
  assert.deepEqual(pairs(await rig.scanNow({}, OTHER)), ['c=1']);
});

test('a generation is cleared to its last row, however many it has', async () => {
  const rig = await newRig();
  const count = STATE_LIMITS.clearRows * 2 + 10;
  rig.apply(Array.from({ length: count }, (_, at) => put(`key ${at}`, `${at}`)));
  await rig.checkpoint();
  assert.equal(rowsOnDisk(rig), count);
  const { description, bytes } = await rig.exportAll(SHARD, 100_000);
  await rig.installAll({ description, bytes });
  await rig.until(() => rig.store.isIdle);
  assert.equal(rowsOnDisk(rig), count);
  // The shard is removed and created again before its removal was written.
  rig.store.drop(SHARD);
  rig.create();
  rig.apply([put('a', '1')]);
  await rig.checkpoint();
  await rig.until(() => rig.store.isIdle);
  assert.equal(rowsOnDisk(rig), 1);
});

test('a snapshot is not sound before its last row is on disk', async () => {
  const rig = await newRig();
  rig.apply([put('a', '1'), put('b', '1')]);
  await rig.checkpoint();
  const { description, bytes } = await rig.exportAll();
  const install = rig.store.install(SHARD, description);
  install.take(bytes);
  const isSound = () => install.status === 'sound';
  while (install.hasRows) rig.store.work(0);
  assert.equal(isSound(), false, 'the rows were handed over, and none is on disk');
  assert.equal(rowsOnDisk(rig), 2);
  while (!isSound()) {
    assert.equal(install.status, 'coming');
    assert.ok(!rig.store.isIdle, 'there is work to wait for');
    await rig.turn();
  }
  assert.equal(rowsOnDisk(rig), 4);
});

test('nothing is applied between asking for a switch and its being on disk', async () => {
  const rig = await newRig();
  rig.apply([put('a', '1')]);
  await rig.checkpoint();
  const { description, bytes } = await rig.exportAll();
  const install = rig.store.install(SHARD, description);
  await rig.feed(install, bytes);
  assert.equal(install.status, 'sound');
  assert.equal(rowsOnDisk(rig), 2, 'a sound snapshot is on disk');
  let isSwitched = false;
  rig.store.switchTo(install, () => {
    isSwitched = true;
  });
  assert.throws(() => rig.apply([put('a', '2')]), /being replaced/);
  await rig.until(() => isSwitched);
  assert.equal(install.status, 'over');
  rig.apply([put('a', '2')]);
  assert.equal(textOf(rig.store.get(SHARD, 0, bytesOf('a'))), '2');
});

test('a snapshot that is being read stays open, and one that is not read is closed', async () => {
  const rig = await newRig();
  rig.create(OTHER);
  rig.apply([put('a', '1')]);
  rig.apply([put('a', '1')], OTHER);
  await rig.checkpoint();
  const [read, idle] = [rig.store.snapshots(SHARD), rig.store.snapshots(OTHER)];
  const indexes = [openedIn(read), openedIn(idle)];
  const step = STATE_LIMITS.exportIdleMilliseconds / 4;
  for (let at = 0; at < 8; at++) {
    rig.now += step;
    rig.apply([put('a', `${at}`)]);
    await rig.checkpoint();
    assert.notEqual(read.read({ index: indexes[0] ?? 0, offset: 0, bytesMax: 10 }), 'gone');
  }
  assert.equal(idle.read({ index: indexes[1] ?? 0, offset: 0, bytesMax: 10 }), 'gone');
});

/** With shards 1 to `count` on disk, each with one row. */
async function rigOf(count: number): Promise<{ rig: StateRig; shards: readonly ShardId[] }> {
  const rig = new StateRig(new MemoryMedium());
  await rig.open();
  const shards = Array.from({ length: count }, (_, at) => (at + 1) as ShardId);
  for (const shard of shards) {
    rig.create(shard);
    rig.apply([put('a', '1')], shard);
  }
  await rig.checkpoint();
  return { rig, shards };
}

test('shards beyond the bound wait in a queue, in the order of arrival', async () => {
  const { rig, shards } = await rigOf(3 * STATE_LIMITS.exportsMax);
  const readers = shards.map((shard) => rig.store.snapshots(shard));
  const order: number[] = [];
  const open = new Set<number>();
  for (let round = 0; order.length < shards.length; round++) {
    assert.ok(round < shards.length, 'no shard waits for ever');
    // The later ones ask first: the order of arrival counts.
    const turn = round === 0 ? shards.keys() : [...shards.keys()].reverse();
    for (const at of turn) {
      if (order.includes(at)) continue;
      if (readers[at]?.open(0) === 'later') continue;
      order.push(at);
      open.add(at);
    }
    assert.ok(open.size <= STATE_LIMITS.exportsMax);
    for (const at of open) {
      const index = openedIn(readers[at] as SnapshotReader);
      assert.notEqual(readers[at]?.read({ index, offset: 0, bytesMax: 10 }), 'gone', `${at}`);
    }
    const [first] = open;
    if (first === undefined) continue;
    readers[first]?.release(openedIn(readers[first] as SnapshotReader));
    open.delete(first);
  }
  assert.deepEqual(order, [...shards.keys()]);
});

test('a shard that stops asking leaves the queue', async () => {
  const { rig, shards } = await rigOf(STATE_LIMITS.exportsMax + 2);
  const readers = shards.map((shard) => rig.store.snapshots(shard));
  const indexes = readers.map((reader) => reader.open(0));
  const [gone, waiting] = readers.slice(-2) as [SnapshotReader, SnapshotReader];
  assert.deepEqual(indexes.slice(-2), ['later', 'later']);
  readers[0]?.release(1);
  assert.equal(waiting.open(0), 'later', 'the place is kept for the one in front');
  rig.now += STATE_LIMITS.exportQueueMilliseconds + 1;
  rig.store.work(rig.now);
  assert.notEqual(waiting.open(0), 'later');
  assert.equal(gone.open(0), 'later');
});

test('a bounded number of snapshots come in at once, and an idle one loses its place', async () => {
  const { rig, shards } = await rigOf(STATE_LIMITS.installsMax + 1);
  const { description, bytes } = await rig.exportAll(shards[0]);
  const last = shards.at(-1) as ShardId;
  const installs = shards.slice(0, -1).map((shard) => {
    assert.equal(rig.store.askToInstall(shard), true);
    return rig.store.install(shard, description);
  });
  assert.equal(rig.store.askToInstall(last), false);
  rig.store.work(rig.now);
  rig.now += STATE_LIMITS.installIdleMilliseconds / 2;
  const [first, ...silent] = installs;
  first?.take(bytes.subarray(0, 5));
  rig.store.work(rig.now);
  assert.equal(rig.store.mayInstall(last), false);
  rig.now += STATE_LIMITS.installIdleMilliseconds / 2;
  rig.store.work(rig.now);
  assert.equal(first?.status, 'coming');
  for (const install of silent) assert.equal(install.status, 'over');
  assert.equal(rig.store.askToInstall(last), true);
});
