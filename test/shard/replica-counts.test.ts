/** The counts of a replica belong to its state. */

import { deepEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { bytesOf } from '../machine/machine-rig.ts';
import { snapshotOf } from './made-snapshot.ts';
import { ReplicaRig } from './replica-rig.ts';

test('counts of a state that a snapshot has replaced are dropped', async () => {
  const rig = new ReplicaRig();
  rig.open();
  const ranges = [{ from: bytesOf('k'), to: bytesOf('l') }];
  rig.replica.counts.want([{ id: 1, ranges }]);
  const known = rig.replica.counts.of(1);
  const slice = known?.begin();
  ok(known !== undefined && slice !== undefined);
  known.take(slice, []);
  ok(known.isComplete);
  rig.replica.receive(await snapshotOf(9));
  rig.turns(60);
  const count = rig.replica.counts.of(1);
  deepEqual([rig.replica.applied, count?.isComplete, count?.keys], [9, false, 0]);
});
