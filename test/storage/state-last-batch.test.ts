/** The last batch of LevelDB is lost or damaged: the log still has its entries. */

import assert from 'node:assert/strict';
import { readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import type { ShardId } from '../../src/base/ids.ts';
import { byEffort } from '../support/effort.ts';
import { change, closeStore, copyOf, filesOf, flip, openStore, temporary } from './level-folder.ts';
import { bytesOf, LevelMedium, MEDIA, put, SHARD, StateRig, textOf } from './state-rig.ts';

const OTHER = 8 as ShardId;
const LOG = /^\d+\.log$/;

for (const medium of MEDIA.map((make) => make())) {
  test(`${medium.name}: the log forgets a checkpoint when another batch followed`, async () => {
    const rig = new StateRig(medium);
    await rig.open();
    rig.create();
    rig.create(OTHER);
    rig.apply([put('a', '1')]);
    await rig.checkpoint();
    assert.deepEqual([rig.reported.get(SHARD), rig.forgettable.get(SHARD)], [1, undefined]);
    rig.apply([put('a', '2')]);
    await rig.checkpoint();
    assert.deepEqual([rig.reported.get(SHARD), rig.forgettable.get(SHARD)], [2, 1]);
    rig.apply([put('a', '2')], OTHER);
    await rig.checkpoint();
    assert.equal(rig.forgettable.get(SHARD), 2, 'a batch of another shard follows as well');
    rig.forgettable.clear();
    await rig.reopen();
    assert.deepEqual([...rig.forgettable], []);
    await rig.checkpoint();
    await rig.until(() => rig.forgettable.size === 2, 'a batch without rows');
    assert.deepEqual([rig.forgettable.get(SHARD), rig.forgettable.get(OTHER)], [2, 1]);
    rig.apply([put('a', '3')]);
    await rig.checkpoint();
    rig.store.drop(SHARD);
    rig.forgettable.clear();
    await rig.until(() => rig.store.isIdle, 'leaving');
    assert.equal(rig.forgettable.has(SHARD), false, 'a shard that left has no log');
    await rig.close();
    medium.dispose();
  });
}

interface TwoCheckpoints {
  readonly folder: string;
  /** The offsets of the last batch in LevelDB's log. */
  readonly from: number;
  readonly to: number;
  readonly log: string;
  readonly forgettable: number;
}

/** The last batch has a first, some middle and a last piece. */
async function twoCheckpoints(folder: string): Promise<TwoCheckpoints> {
  const rig = new StateRig(new LevelMedium(folder));
  await rig.open();
  rig.create();
  const sizes: number[] = [0];
  const [log = ''] = filesOf(folder, LOG);
  for (const round of [1, 2]) {
    rig.apply(Array.from({ length: 80 }, (_, at) => put(`k${at}`, `${round}`.repeat(1500))));
    await rig.checkpoint();
    sizes.push(statSync(join(folder, log)).size);
  }
  const forgettable = rig.forgettable.get(SHARD) ?? 0;
  const copy = copyOf(folder, 'kept');
  await rig.close();
  const [, from = 0, to = 0] = sizes;
  return { folder: copy, from, to, log, forgettable };
}

const BLOCK = 32 * 1024;
/** One place in so many is damaged. */
const SAMPLED = byEffort({ full: 1, brief: 4 });

/** Some of each kind of place in a batch: headers byte by byte, data, the ends of blocks. */
function placesIn({ from, to }: TwoCheckpoints): readonly number[] {
  const starts = [from];
  for (let at = from - (from % BLOCK) + BLOCK; at < to; at += BLOCK) starts.push(at);
  const near = starts.flatMap((start) =>
    [-8, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 20].map((by) => start + by),
  );
  const inside = Array.from(
    { length: 12 },
    (_, part) => from + Math.floor(((to - from) * part) / 12),
  );
  const places = [...near, ...inside, to - 1, to - 2, to - 9];
  return [...new Set(places)].filter((at) => at >= from && at < to);
}

test('damage in the last batch leaves the checkpoint that the log goes on from', async (t) => {
  const made = await twoCheckpoints(temporary(t));
  t.after(() => rmSync(made.folder, { recursive: true, force: true }));
  assert.equal(made.forgettable, 1);
  const places = placesIn(made);
  assert.ok(places.length > 30, `${places.length} places`);
  const harms = {
    flip: (path: string, at: number) => flip(path, at * 8 + (at % 8)),
    cut: (path: string, at: number) => change(path, (bytes) => bytes.subarray(0, at)),
    zeros: (path: string, at: number) => change(path, (bytes) => bytes.fill(0, at) as Buffer),
  };
  for (const [what, harm] of Object.entries(harms)) {
    for (const at of places.filter((_, nth) => nth % SAMPLED === 0)) {
      const copy = copyOf(made.folder, 'harmed');
      harm(join(copy, made.log), at);
      const store = await openStore(copy);
      const { index } = store.description(SHARD);
      assert.ok(index >= made.forgettable, `${what} at ${at}: the state is of entry ${index}`);
      const value = textOf(store.get(SHARD, 0, bytesOf('k3')));
      assert.equal(value?.[0], `${index}`, 'the rows are those of that checkpoint');
      await closeStore(store);
      rmSync(copy, { recursive: true, force: true });
    }
  }
  assert.equal(readFileSync(join(made.folder, made.log)).length, made.to);
});
