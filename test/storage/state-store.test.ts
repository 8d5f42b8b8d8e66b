/** The contract of the state store, on LevelDB and on its twin. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { ShardId } from '../../src/base/ids.ts';
import { ROW_LIMITS } from '../../src/base/limits.ts';
import { STATE_LIMITS } from '../../src/storage/limits.ts';
import {
  bytesOf,
  MEDIA,
  MemoryMedium,
  pairs,
  put,
  remove,
  SHARD,
  StateRig,
  textOf,
} from './state-rig.ts';

const OTHER = 8 as ShardId;

for (const newMedium of MEDIA) {
  const { name } = newMedium();
  const sentence = (what: string, run: (rig: StateRig) => Promise<void>) =>
    test(`${name}: ${what}`, async () => {
      const rig = new StateRig(newMedium());
      await rig.open();
      rig.create();
      await run(rig);
      await rig.close();
      assert.deepEqual(rig.faults, []);
      rig.medium.dispose();
    });

  sentence('what was applied is read at once, in memory and from disk', async (rig) => {
    rig.apply([put('a', '1'), put('b', ''), put('a', '2', 1)]);
    const read = () =>
      [rig.store.get(SHARD, 0, bytesOf('a')), rig.store.get(SHARD, 0, bytesOf('b'))].map(textOf);
    assert.deepEqual(read(), ['1', '']);
    await rig.checkpoint();
    assert.deepEqual(read(), ['1', '']);
    assert.equal(textOf(rig.store.get(SHARD, 1, bytesOf('a'))), '2');
    assert.equal(rig.store.get(SHARD, 2, bytesOf('a')), undefined);
    rig.apply([remove('a')]);
    assert.equal(rig.store.get(SHARD, 0, bytesOf('a')), undefined);
    await rig.checkpoint();
    assert.equal(rig.store.get(SHARD, 0, bytesOf('a')), undefined);
    await rig.reopen();
    assert.equal(rig.store.get(SHARD, 0, bytesOf('a')), undefined);
    assert.equal(textOf(rig.store.get(SHARD, 1, bytesOf('a'))), '2');
  });

  sentence('scans merge what is in memory with what is on disk, both ways', async (rig) => {
    rig.apply([put('a', '1'), put('b', '1'), put('c', '1'), put('d', '1')]);
    await rig.checkpoint();
    rig.apply([put('b', '2'), remove('c'), put('bb', '2'), put('e', '2'), remove('x')]);
    const all = ['a=1', 'b=2', 'bb=2', 'd=1', 'e=2'];
    assert.deepEqual(pairs(await rig.scanNow()), all);
    assert.deepEqual(pairs(await rig.scanNow({ isReverse: true })), [...all].reverse());
    const range = { from: bytesOf('b'), to: bytesOf('d') };
    assert.deepEqual(pairs(await rig.scanNow(range)), ['b=2', 'bb=2']);
    assert.deepEqual(pairs(await rig.scanNow({ ...range, isReverse: true })), ['bb=2', 'b=2']);
    assert.deepEqual(await rig.scanNow({ section: 1 }), []);
  });

  sentence('a view stands still while writes, checkpoints and deletions go on', async (rig) => {
    rig.apply([put('a', '1'), put('b', '1')]);
    await rig.checkpoint();
    rig.apply([put('b', '2'), put('c', '2')]);
    const view = rig.store.view(SHARD);
    rig.apply([remove('a'), put('b', '3'), put('d', '3')]);
    await rig.checkpoint();
    rig.apply([remove('b'), remove('c')]);
    assert.deepEqual(pairs(await rig.scan(view)), ['a=1', 'b=2', 'c=2']);
    assert.equal(textOf(view.get(0, bytesOf('a'))), '1');
    assert.equal(view.description.index, 2);
    assert.deepEqual(pairs(await rig.scanNow()), ['d=3']);
    view.close();
  });

  sentence('a checkpoint waits until the log holds what it covers', async (rig) => {
    rig.durable.set(SHARD, 1);
    rig.apply([put('a', '1')]);
    rig.apply([put('b', '1')]);
    rig.store.checkpoint();
    for (let turn = 0; turn < 50; turn++) await rig.turn();
    assert.equal(rig.reported.get(SHARD), undefined);
    rig.apply([put('c', '1')]);
    rig.durable.set(SHARD, 2);
    await rig.until(() => rig.reported.get(SHARD) === 2, 'a checkpoint');
    await rig.reopen();
    assert.equal(rig.store.description(SHARD).index, 2);
    assert.deepEqual(pairs(await rig.scanNow()), ['a=1', 'b=1']);
  });

  sentence('shards do not see each other, and are written together', async (rig) => {
    rig.create(OTHER);
    rig.apply([put('a', '1')]);
    rig.apply([put('a', '2')], OTHER);
    await rig.checkpoint();
    await rig.reopen();
    assert.deepEqual(rig.store.shards, [SHARD, OTHER]);
    assert.deepEqual(pairs(await rig.scanNow()), ['a=1']);
    assert.deepEqual(pairs(await rig.scanNow({}, OTHER)), ['a=2']);
  });

  sentence('a shard that left is gone with its rows, and may come back blank', async (rig) => {
    rig.create(OTHER);
    rig.apply([put('a', '1')]);
    rig.apply([put('a', '2')], OTHER);
    await rig.checkpoint();
    rig.store.drop(SHARD);
    rig.create();
    rig.apply([put('b', '3')]);
    await rig.checkpoint();
    await rig.reopen();
    assert.deepEqual(pairs(await rig.scanNow()), ['b=3']);
    rig.store.drop(SHARD);
    await rig.until(() => rig.store.isIdle);
    await rig.reopen();
    assert.deepEqual(rig.store.shards, [OTHER]);
    assert.deepEqual(pairs(await rig.scanNow({}, OTHER)), ['a=2']);
  });

  sentence('no shard can be created before the former state is off the disk', async (rig) => {
    rig.create(OTHER);
    rig.apply([put('a', '1')]);
    await rig.checkpoint();
    assert.equal(rig.store.isFree(SHARD), false);
    rig.store.drop(SHARD);
    assert.equal(rig.store.isFree(SHARD), false, 'the process may end here, and it would be back');
    await rig.reopen();
    assert.deepEqual(rig.store.shards, [SHARD, OTHER]);
    rig.store.drop(SHARD);
    await rig.until(() => rig.store.isFree(SHARD));
    await rig.reopen();
    assert.deepEqual(rig.store.shards, [OTHER]);
  });

  sentence('the hash is that of the rows, whatever led to them', async (rig) => {
    rig.create(OTHER);
    rig.apply([put('a', '1'), put('b', '2'), put('c', '3', 4)]);
    await rig.checkpoint();
    rig.apply([put('a', 'x'), remove('b'), put('d', '4')]);
    rig.apply([put('b', '2'), remove('d')]);
    await rig.checkpoint();
    rig.apply([put('a', '1')]);
    rig.apply([put('b', '2'), put('a', '1')], OTHER);
    rig.apply([put('c', '3', 4)], OTHER);
    assert.ok(rig.store.hash(SHARD)?.length === 2);
    assert.deepEqual(rig.store.hash(SHARD), rig.store.hash(OTHER));
    rig.apply([put('c', '3', 5), remove('c', 4)]);
    assert.notDeepEqual(rig.store.hash(SHARD), rig.store.hash(OTHER));
  });

  sentence('the hash of a read and written key needs no second read', async (rig) => {
    rig.apply([put('a', '1')]);
    await rig.checkpoint();
    const before = rig.store.hash(SHARD);
    rig.store.get(SHARD, 0, bytesOf('a'));
    rig.store.get(SHARD, 0, bytesOf('b'));
    rig.apply([put('a', '2'), put('b', '2')]);
    assert.notDeepEqual(rig.store.hash(SHARD), before);
    await rig.checkpoint();
    rig.apply([put('a', '1'), remove('b')]);
    assert.deepEqual(rig.store.hash(SHARD), before);
  });

  sentence('keys and values at their limits are kept, and beyond them refused', async (rig) => {
    const key = new Uint8Array(ROW_LIMITS.keyBytesMax).fill(0xff);
    const value = new Uint8Array(ROW_LIMITS.valueBytesMax).fill(1);
    const section = STATE_LIMITS.sections - 1;
    rig.apply([
      { section, key, value },
      { section, key: new Uint8Array(0), value: key },
    ]);
    await rig.checkpoint();
    assert.ok(Buffer.compare(rig.store.get(SHARD, section, key) ?? key, value) === 0);
    const rows = await rig.scanNow({ section });
    assert.deepEqual(
      rows.map((row) => row.value.length),
      [key.length, value.length],
    );
    const long = new Uint8Array(key.length + 1);
    assert.throws(() => rig.store.get(SHARD, 0, long), /limit/);
    assert.throws(() => rig.store.get(SHARD, STATE_LIMITS.sections, key), /limit/);
  });

  sentence('an entry out of order is never applied', async (rig) => {
    rig.apply([put('a', '1')]);
    const entry = { configuration: undefined, writes: [] };
    for (const index of [1, 3]) {
      const position = { index, term: 1 };
      assert.throws(() => rig.store.apply(SHARD, { ...entry, position }), /without a gap/);
    }
  });

  sentence('configurations survive with the state they belong to', async (rig) => {
    const configuration = { voters: [3 as never], outgoing: [], learners: [5 as never] };
    const position = { index: 1, term: 4 };
    rig.store.apply(SHARD, { position, configuration, writes: [] });
    await rig.checkpoint();
    rig.store.apply(SHARD, {
      position: { index: 2, term: 4 },
      configuration: { ...configuration, learners: [] },
      writes: [],
    });
    await rig.reopen();
    const expected = { ...position, configuration, configurationAt: position };
    assert.deepEqual(rig.store.description(SHARD), expected);
  });
}

test('a hash asked for while the disk is being asked counts nothing twice', async () => {
  const rig = new StateRig(new MemoryMedium());
  await rig.open();
  rig.create();
  rig.apply([put('a', '1'), put('b', '1'), put('c', '1')]);
  await rig.checkpoint();
  await rig.reopen();
  rig.apply([put('a', '2'), remove('b')]);
  rig.store.checkpoint();
  // The disk was asked for the replaced rows, and has not answered.
  while (rig.store.work(0) === 'again');
  const meanwhile = rig.store.hash(SHARD);
  assert.ok(meanwhile !== undefined);
  await rig.checkpoint();
  assert.deepEqual(rig.store.hash(SHARD), meanwhile);
  await rig.reopen();
  assert.deepEqual(rig.store.hash(SHARD), meanwhile);
  const twin = new StateRig(new MemoryMedium());
  await twin.open();
  twin.create();
  twin.apply([put('a', '2'), put('c', '1')]);
  assert.deepEqual(twin.store.hash(SHARD), meanwhile);
});

test('a checkpoint is due by size, by number of rows and by age', async () => {
  for (const due of ['bytes', 'rows', 'age'] as const) {
    const rig = new StateRig(new MemoryMedium());
    await rig.open();
    rig.create();
    const value = new Uint8Array(due === 'bytes' ? STATE_LIMITS.checkpointBytes : 1);
    const count = due === 'rows' ? STATE_LIMITS.checkpointRows : 1;
    const write = (at: number) => {
      return { section: 0, key: bytesOf(`${at}`), value: value.subarray(0, 4 << 20) };
    };
    await rig.turn();
    for (let at = 0; at < Math.max(count, due === 'bytes' ? 2 : 1); at++) {
      rig.apply([write(at)]);
    }
    if (due === 'age') {
      for (let turn = 0; turn < 20; turn++) await rig.turn();
      assert.equal(rig.reported.size, 0);
      rig.now += STATE_LIMITS.checkpointMilliseconds;
    }
    for (let turn = 0; turn < 200; turn++) await rig.turn();
    assert.equal(rig.reported.size, 1, due);
  }
});

test('when the disk is behind there is no room, and again when it has caught up', async () => {
  const rig = new StateRig(new MemoryMedium());
  await rig.open();
  rig.create();
  rig.durable.set(SHARD, 0);
  const value = new Uint8Array(1 << 20);
  let applied = 0;
  while (rig.store.hasRoom) {
    rig.apply([{ section: 0, key: bytesOf(`${applied++}`), value }]);
    await rig.turn();
    assert.ok(
      applied * value.length <= STATE_LIMITS.memtableBytesMax,
      'the memtables have a bound',
    );
  }
  assert.throws(() => rig.apply([]), /room/);
  rig.durable.set(SHARD, applied);
  await rig.until(() => rig.store.hasRoom, 'room');
  rig.apply([]);
});

test('a failed write is reported once, and nothing is confirmed after it', async () => {
  const medium = new MemoryMedium();
  const rig = new StateRig(medium);
  await rig.open();
  rig.create();
  rig.apply([put('a', '1')]);
  await rig.checkpoint();
  medium.state.fault = new Error('no space');
  rig.apply([put('a', '2')]);
  rig.store.checkpoint();
  for (let turn = 0; turn < 100; turn++) {
    rig.store.checkpoint();
    if (rig.faults.length === 0) await rig.turn();
  }
  assert.deepEqual(rig.faults, [medium.state.fault]);
  assert.equal(rig.reported.get(SHARD), 1);
});
