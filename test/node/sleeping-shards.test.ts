/** Idle shards quiesce; what happens when their leader's node ends. */

import { notEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { ShardId } from '../../src/base/ids.ts';
import { NODE_LIMITS } from '../../src/base/node-limits.ts';
import { Stage } from '../cluster/stage.ts';
import { casesByEffort } from '../support/effort.ts';

const SHARD = 1 as ShardId;

for (const seed of casesByEffort([1, 2, 3, 4, 5], { brief: 1 })) {
  test(`the end of a process is detected at once in a quiescent shard: ${seed}`, () => {
    const stage = new Stage(seed, { nodes: 3, shards: 1 });
    stage.put({ count: 10, atOnce: 1, value: 'before' });
    stage.run(5000);
    const before = stage.leaderOf(SHARD);
    const leader = stage.computer(before);
    ok(leader.core?.state.replicas.get(SHARD)?.status().isQuiet, 'the shard is silent');
    leader.crash({ isPower: false });
    const isLed = () => stage.leaderOf(SHARD) > 0 && stage.leaderOf(SHARD) !== before;
    // Sooner than silence alone would show.
    stage.until('another node leads', isLed, NODE_LIMITS.silenceMilliseconds);
    notEqual(stage.leaderOf(SHARD), before);
  });
}
