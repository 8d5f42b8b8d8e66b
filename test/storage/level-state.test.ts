/** The calls that the state store makes to LevelDB, observed at the package's interface. */

import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { ClassicLevel } from 'classic-level';
import type { ShardId } from '../../src/base/ids.ts';
import { LevelMedium, pairs, put, remove, SHARD, StateRig } from './state-rig.ts';

const OTHER = 8 as ShardId;

interface Batch {
  write(options?: object): Promise<void>;
}

/**
 * Replaces the writing of batches by `write`, and forbids other ways to write. It observes that a
 * sync is requested; that LevelDB performs it is LevelDB's contract.
 */
function watchBatches(
  t: TestContext,
  write: (options: object | undefined, go: () => Promise<void>) => Promise<void>,
): void {
  const begin = ClassicLevel.prototype.batch as () => Batch;
  t.mock.method(ClassicLevel.prototype, 'batch', function watched(this: object, ...all: unknown[]) {
    assert.deepEqual(all, [], 'batches are chained ones');
    const batch = begin.call(this);
    const go = batch.write.bind(batch);
    batch.write = (options) => write(options, () => go(options));
    return batch;
  });
  for (const name of ['put', 'del', 'clear'] as const) {
    t.mock.method(ClassicLevel.prototype, name, () => assert.fail(`${name} bypasses the batches`));
  }
}

test('every batch is synced, whatever it is for, and nothing is written beside them', async (t) => {
  const asked: (object | undefined)[] = [];
  watchBatches(t, (options, go) => {
    asked.push(options);
    return go();
  });
  const rig = new StateRig(new LevelMedium());
  await rig.open();
  rig.create();
  rig.create(OTHER);
  rig.apply([put('a', '1'), put('b', '1')]);
  await rig.checkpoint();
  const checkpoints = asked.length;
  rig.apply([remove('b')]);
  await rig.checkpoint();
  await rig.installAll(await rig.exportAll(), OTHER);
  await rig.until(() => rig.store.isIdle, 'clearing');
  rig.store.drop(SHARD);
  await rig.until(() => rig.store.isIdle, 'leaving');
  assert.deepEqual(pairs(await rig.scanNow({}, OTHER)), ['a=1']);
  assert.ok(checkpoints > 0 && asked.length > checkpoints + 4, `${asked.length} batches`);
  for (const options of asked) assert.deepEqual(options, { sync: true });
  await rig.close();
  rig.medium.dispose();
});

test('a failed batch is reported once, and nothing is reported after it', async (t) => {
  let refusal: Error | undefined;
  watchBatches(t, (_, go) => (refusal === undefined ? go() : Promise.reject(refusal)));
  const rig = new StateRig(new LevelMedium());
  await rig.open();
  rig.create();
  rig.apply([put('a', '1')]);
  await rig.checkpoint();
  refusal = new Error('no space');
  rig.apply([put('a', '2')]);
  rig.store.checkpoint();
  await rig.until(() => rig.faults.length > 0 || rig.reported.get(SHARD) !== 1, 'a word of it');
  for (let turn = 0; turn < 100; turn++) await rig.turn();
  assert.deepEqual(rig.faults, [refusal]);
  assert.equal(rig.reported.get(SHARD), 1);
  await rig.close();
  rig.medium.dispose();
});
