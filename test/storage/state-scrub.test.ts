/** Missing, outdated and returned rows: their checksums are sound, their sums are not. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { ClassicLevel } from 'classic-level';
import type { ShardId } from '../../src/base/ids.ts';
import { STATE_LIMITS } from '../../src/storage/limits.ts';
import type { DiskRow, StateDisk } from '../../src/storage/state/state-disk.ts';
import { Place } from '../../src/storage/state/state-key.ts';
import { StateScrub } from '../../src/storage/state/state-scrub.ts';
import {
  bytesOf,
  DAMAGEABLE_MEDIA,
  LevelMedium,
  type Medium,
  MemoryMedium,
  put,
  remove,
  SHARD,
  StateRig,
} from './state-rig.ts';

const OTHER = 8 as ShardId;
const ROWS = 700;
const stored = (key: string) => new Place(SHARD, 1).key(0, bytesOf(key));
const name = (at: number) => `key ${String(at).padStart(4, '0')}`;

interface Harm {
  readonly what: string;
  /** The key, and its new content, from the rows of an older checkpoint. */
  readonly key: string;
  readonly becomes: 'missing' | 'as it was before';
}

const HARMS: readonly Harm[] = [
  { what: 'a row is missing', key: name(1), becomes: 'missing' },
  { what: 'the last row is missing', key: name(ROWS - 1), becomes: 'missing' },
  { what: 'an older version is back', key: name(2), becomes: 'as it was before' },
  { what: 'a row that was deleted is back', key: name(3), becomes: 'as it was before' },
];

const ENCODINGS = { keyEncoding: 'view', valueEncoding: 'view', compression: false } as const;

async function rowsOf(medium: Medium): Promise<readonly DiskRow[]> {
  if (medium instanceof MemoryMedium) return medium.state.rows();
  const level = new ClassicLevel<Uint8Array, Uint8Array>(folderOf(medium), ENCODINGS);
  const rows = await level.iterator().all();
  await level.close();
  return rows;
}

function folderOf(medium: Medium): string {
  assert.ok(medium instanceof LevelMedium);
  return medium.folder;
}

/** In a closed store one row reverts to an older version, or is removed. */
async function change(medium: Medium, key: Uint8Array, value: Uint8Array | undefined) {
  if (medium instanceof MemoryMedium) {
    const others = medium.state.rows().filter(([other]) => Buffer.compare(other, key) !== 0);
    const rows: DiskRow[] = value === undefined ? others : [...others, [key, value]];
    medium.state.restore(rows.sort(([one], [other]) => Buffer.compare(one, other)));
    return;
  }
  const level = new ClassicLevel<Uint8Array, Uint8Array>(folderOf(medium), ENCODINGS);
  if (value === undefined) await level.del(key, { sync: true });
  else await level.put(key, value, { sync: true });
  await level.close();
}

/** Two checkpoints, the second with changes; returns the first, with the rig closed. */
async function written(medium: Medium) {
  const rig = new StateRig(medium);
  await rig.open();
  rig.create();
  rig.create(OTHER);
  for (let at = 0; at < ROWS; at++) rig.apply([put(name(at), `old ${at}`)]);
  rig.apply([put('elsewhere', 'x')], OTHER);
  await rig.checkpoint();
  await rig.close();
  const before = await rowsOf(medium);
  await rig.open();
  for (let at = 0; at < ROWS; at += 2) rig.apply([put(name(at), `new ${at}`)]);
  rig.apply([remove(name(3))]);
  rig.apply([put('in another room', 'y', 3)]);
  await rig.checkpoint();
  await rig.close();
  return { rig, before };
}

for (const newMedium of DAMAGEABLE_MEDIA) {
  const { name: kind } = newMedium();

  test(`${kind}: rows that are as they were written add up, shard by shard`, async () => {
    const { rig } = await written(newMedium());
    const disk = await rig.medium.open((cause) => rig.faults.push(cause));
    const damages: Error[] = [];
    const scrub = new StateScrub({ disk, onDamage: (damage) => damages.push(damage) });
    let now = 0;
    const work = async (isOver: () => boolean) => {
      for (let turn = 0; turn < 100_000 && !isOver(); turn++) {
        now += STATE_LIMITS.scrubSliceMilliseconds;
        scrub.work(now, () => [SHARD, OTHER]);
        await rig.medium.turn();
      }
    };
    await work(() => scrub.sound === 2);
    const until = now + STATE_LIMITS.scrubMilliseconds / 2;
    await work(() => now > until);
    assert.equal(scrub.sound, 2, 'not again so soon');
    now += STATE_LIMITS.scrubMilliseconds;
    await work(() => scrub.sound === 4);
    assert.deepEqual([scrub.sound, damages], [4, []]);
    scrub.close();
    await closeDisk(disk, rig.medium);
    rig.medium.dispose();
  });

  for (const { what, key, becomes } of HARMS) {
    test(`${kind}: ${what}, and the shard is condemned`, async () => {
      const { rig, before } = await written(newMedium());
      const old = before.find(([each]) => Buffer.compare(each, stored(key)) === 0);
      assert.ok(old, 'it was there');
      await change(rig.medium, stored(key), becomes === 'missing' ? undefined : old[1]);
      await rig.open();
      assert.equal(rig.store.isDamaged(SHARD), false, 'nothing is known yet');
      await rig.until(() => rig.damages.length > 0, 'the damage is found');
      const [damage] = rig.damages;
      assert.deepEqual([damage?.shard, damage?.row], [SHARD, undefined]);
      await rig.checkpoint();
      assert.equal(rig.store.snapshots(SHARD).open(0), undefined);
      await rig.reopen();
      assert.equal(rig.store.isCondemned(SHARD), true, 'the next life knows');
      assert.equal(rig.store.isDamaged(OTHER), false);
      await rig.close();
      rig.medium.dispose();
    });
  }
}

test('a damaged row is reported with its key', async () => {
  const medium = new MemoryMedium();
  const { rig } = await written(medium);
  medium.state.damage(stored(name(5)), (value) => value.fill(1, 8, 9));
  await rig.open();
  await rig.until(() => rig.damages.length > 0, 'the damage is found');
  assert.deepEqual(rig.damages[0]?.row, { section: 0, key: bytesOf(name(5)) });
  assert.equal(rig.store.isCondemned(SHARD), false);
  await rig.close();
});

test('no view is kept open while the disk is nearly full', async () => {
  const { rig } = await written(new MemoryMedium());
  const disk = await rig.medium.open(() => {});
  let isShort = true;
  let views = 0;
  const scrub = new StateScrub({
    disk: {
      ...disk,
      get isShort() {
        return isShort;
      },
      view: () => {
        views += 1;
        const { get, cursor, close } = disk.view();
        return {
          get,
          cursor,
          close: () => {
            views -= 1;
            close();
          },
        };
      },
    },
    onDamage: () => {},
  });
  const work = (now: number) => scrub.work(now, () => [SHARD]);
  work(1000);
  assert.equal(views, 0);
  isShort = false;
  work(2000);
  assert.equal(views, 1);
  await rig.medium.turn();
  isShort = true;
  work(3000);
  assert.equal(views, 0);
  isShort = false;
  for (let turn = 0; turn < 100 && scrub.sound === 0; turn++) {
    work(4000 + 100 * turn + STATE_LIMITS.scrubMilliseconds);
    await rig.medium.turn();
  }
  assert.deepEqual([scrub.sound, views], [1, 0]);
});

async function closeDisk(disk: StateDisk, medium: Medium): Promise<void> {
  let isClosed = false;
  disk.close(() => {
    isClosed = true;
  });
  while (!isClosed) await medium.turn();
}
