/** A node whose disk is nearly full: others lead, its log stops growing, and it recovers. */

import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { Stage } from '../cluster/stage.ts';

const KIB = 1024;
const FULL = 2;

function leadsOn(stage: Stage, node: number): number {
  return stage.shards.filter((shard) => stage.leaderOf(shard) === node).length;
}

test('a node without space hands over, the others serve, and it catches up with space', () => {
  const stage = new Stage(11, { nodes: 3, shards: 6 });
  stage.until('each node leads something', () => leadsOn(stage, FULL) > 0);
  const computer = stage.computer(FULL);
  computer.fillDisk(1000);
  stage.until('it says so', () => computer.core?.state.isReadOnly === true);
  stage.until('it leads nothing', () => leadsOn(stage, FULL) === 0);
  // More than its log has room for.
  stage.put({ count: 400, atOnce: 32, value: 'x'.repeat(20 * KIB) });
  ok(computer.isUp, 'it goes on');
  equal(leadsOn(stage, FULL), 0, 'nothing was given back to it');
  const waiting = computer.core?.state.log.metrics().queuedRecords ?? 0;
  ok(waiting <= stage.shards.length, `${waiting} records wait for room in its log`);
  computer.emptyDisk();
  stage.until('there is space again', () => computer.core?.state.isReadOnly === false);
  stage.until('it has everything', () => stage.laggingOn(FULL).length === 0);
  stage.until('it leads again', () => leadsOn(stage, FULL) > 0);
});
