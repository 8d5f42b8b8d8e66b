/** The walk that counts what a replica has, on a real store, and after a snapshot. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { STORAGE_QUOTA_LIMITS } from '../../src/node/limits.ts';
import type { NodeState } from '../../src/node/node-state.ts';
import { RangeWalk } from '../../src/node/range-walk.ts';
import type { CountedRanges } from '../../src/shard/range-count.ts';
import { bytesOf } from '../machine/machine-rig.ts';
import { snapshotOf } from '../shard/made-snapshot.ts';
import { ReplicaRig } from '../shard/replica-rig.ts';

const { walkMilliseconds, walkRowsMax } = STORAGE_QUOTA_LIMITS;
const ALL: CountedRanges = { id: 1, ranges: [{ from: bytesOf('k'), to: bytesOf('l') }] };

class WalkRig {
  readonly rig = new ReplicaRig();
  readonly node: { now: number; hasViews: boolean };
  readonly #walk: RangeWalk;
  views = 0;

  constructor() {
    const { rig } = this;
    rig.open();
    const open = () => {
      this.views += 1;
    };
    const node = {
      now: 0,
      hasViews: true,
      get replicas() {
        return { all: [rig.replica] };
      },
      store: {
        get hasViews() {
          return node.hasViews;
        },
        view: (shard: never) => {
          open();
          return rig.store.view(shard);
        },
      },
    };
    this.node = node;
    this.#walk = new RangeWalk(node as unknown as NodeState);
  }

  get count() {
    const count = this.rig.replica.counts.of(ALL.id);
    ok(count !== undefined);
    return count;
  }

  /** One period of the walk; its slices may need the disk. */
  walk(periods: number): void {
    for (let at = 0; at < periods; at++) {
      this.node.now += walkMilliseconds;
      this.#walk.tick();
      this.rig.turns(3);
    }
  }
}

test('a snapshot that becomes the state of a replica is counted anew', async () => {
  const walk = new WalkRig();
  const { rig } = walk;
  rig.replica.counts.want([ALL]);
  walk.walk(3);
  deepEqual([walk.count.keys, walk.count.isComplete], [0, true]);
  rig.replica.receive(await snapshotOf(9));
  rig.turns(60);
  equal(rig.replica.applied, 9);
  equal(walk.count.isComplete, false);
  walk.walk(10);
  deepEqual([walk.count.keys, walk.count.bytes, walk.count.isComplete], [9, 18, true]);
});

test('one period reads a bounded amount, and a walk that is over reads nothing', async () => {
  const walk = new WalkRig();
  walk.rig.replica.receive(await snapshotOf(60));
  walk.rig.turns(60);
  const one = (at: number) => [`k${at}`, `k${at + 1}`].map(bytesOf) as [Uint8Array, Uint8Array];
  const ranges = [1, 3, 5, 7].map((at) => ({ from: one(at)[0], to: one(at)[1] }));
  walk.rig.replica.counts.want(Array.from({ length: 12 }, (_, id) => ({ id, ranges })));
  walk.walk(1);
  const { views } = walk;
  ok(views * STORAGE_QUOTA_LIMITS.sliceRowsMin <= walkRowsMax, `${views} slices in one period`);
  walk.walk(200);
  ok(walk.rig.replica.counts.all.every(({ isComplete }) => isComplete));
  const after = walk.views;
  walk.walk(5);
  equal(walk.views, after);
});

test('without room for another view the walk waits', async () => {
  const walk = new WalkRig();
  walk.rig.replica.counts.want([ALL]);
  walk.node.hasViews = false;
  walk.walk(3);
  deepEqual([walk.views, walk.count.isComplete], [0, false]);
  walk.node.hasViews = true;
  walk.walk(3);
  equal(walk.count.isComplete, true);
});
