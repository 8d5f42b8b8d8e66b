/** A node that was away is fed by snapshots: all of its shards, at the speed of the disks. */

import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { STATE_LIMITS } from '../../src/storage/limits.ts';
import { Stage } from './stage.ts';

/** Logs without a tail, so that a node that was away needs snapshots. */
const FORGETFUL = { tailEntries: 4, slowFollowerEntriesMax: 16 };
const AWAY = 3;

/** A checkpoint is written, and another batch after it: the logs drop what it contains. */
function forget(stage: Stage): void {
  stage.run(STATE_LIMITS.checkpointMilliseconds * 2);
  stage.put({ count: 1, atOnce: 1, value: 'z' });
  stage.run(STATE_LIMITS.checkpointMilliseconds * 2);
}

test('a node that comes back gets the snapshots of all its shards on an idle cluster', () => {
  const shards = 4 * STATE_LIMITS.exportsMax;
  const stage = new Stage(1, { nodes: 3, shards, limits: FORGETFUL });
  stage.computer(AWAY).crash({ isPower: false });
  stage.put({ count: shards * 60, atOnce: 64, value: 'x'.repeat(40) });
  forget(stage);
  stage.computer(AWAY).start();
  stage.run(50);
  ok(stage.laggingOn(AWAY).length > STATE_LIMITS.exportsMax, 'more than are sent at once');
  stage.until('it has everything', () => stage.laggingOn(AWAY).length === 0, 10_000);
  const count = (fact: string) => stage.probes.counts.get(fact) ?? 0;
  ok(count('snapshot-installed') >= shards, 'by snapshots');
  equal(count('snapshot-superseded'), 0, 'none of them was given up on the way');
});

test('a snapshot moves as fast as the disks read and write, not with the heartbeats', () => {
  const stage = new Stage(2, { nodes: 3, shards: 1, limits: FORGETFUL });
  const count = 20_000;
  stage.put({ count, atOnce: 500, value: 'x'.repeat(60) });
  stage.computer(AWAY).crash({ isPower: false });
  stage.put({ count: 100, atOnce: 1, value: 'y' });
  forget(stage);
  stage.computer(AWAY).start();
  const milliseconds = stage.until('it has all', () => stage.laggingOn(AWAY).length === 0);
  ok((stage.probes.counts.get('snapshot-installed') ?? 0) > 0, 'by a snapshot');
  // In virtual time, with a millisecond between nodes and one for each access to a disk.
  ok(milliseconds < 1500, `${count} rows took ${milliseconds} ms`);
});
