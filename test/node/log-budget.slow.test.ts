/** The logs of all shards of a node are bounded in bytes together. */

import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { shareOf } from '../../src/node/log-budget.ts';
import { STATE_LIMITS } from '../../src/storage/limits.ts';
import { Stage } from '../cluster/stage.ts';

const KIB = 1024;

test('the largest are cut to one size, and the small ones stay as they are', () => {
  equal(shareOf([], 100), Number.POSITIVE_INFINITY);
  equal(shareOf([10, 20, 70], 100), Number.POSITIVE_INFINITY);
  equal(shareOf([10, 20, 71], 100), 70);
  equal(shareOf([1000, 10, 1000], 100), 45);
  equal(shareOf([50, 50, 50], 100), 33);
});

test('a dead follower of many shards does not make the log grow, and gets snapshots later', () => {
  const logKeptBytesMax = 512 * KIB;
  const stage = new Stage(6, { nodes: 3, shards: 16, limits: { logKeptBytesMax } });
  const dead = 3;
  stage.computer(dead).crash({ isPower: false });
  let longest = 0;
  const rows = 200;
  for (let round = 0; round < 12; round++) {
    stage.put({ count: rows, atOnce: 64, value: 'x'.repeat(KIB) });
    // The log can be truncated once another checkpoint followed.
    stage.run(STATE_LIMITS.checkpointMilliseconds + 500);
    for (const node of [1, 2]) {
      longest = Math.max(longest, stage.computer(node).core?.state.log.metrics().liveBytes ?? 0);
    }
  }
  ok(longest > logKeptBytesMax / 2, `the log keeps what it may: ${longest} bytes`);
  const checkpointBytes = rows * 1.25 * KIB;
  ok(longest <= logKeptBytesMax + checkpointBytes, `and no more: ${longest} bytes`);
  equal(stage.probes.counts.get('snapshot-installed') ?? 0, 0);
  stage.computer(dead).start();
  stage.until('it has everything', () => stage.laggingOn(dead).length === 0, 30_000);
  ok((stage.probes.counts.get('snapshot-installed') ?? 0) > 0, 'by snapshots');
});

test('where every follower has everything, little is kept, and by a single voter nothing', () => {
  const logTailBytesMax = 128 * KIB;
  for (const nodes of [1, 3]) {
    const stage = new Stage(6, {
      nodes,
      shards: 4,
      limits: { logTailBytesMax, tailEntries: 4096 },
    });
    const rows = 400;
    for (let round = 0; round < 8; round++) {
      stage.put({ count: rows, atOnce: 64, value: 'x'.repeat(KIB) });
      // Two batches: the log reaches back to the one before the last.
      stage.run(2 * (STATE_LIMITS.checkpointMilliseconds + 500));
    }
    const bytes = stage.computers.map(({ core }) => core?.state.log.metrics().liveBytes ?? 0);
    const kept = nodes === 1 ? 16 * KIB : logTailBytesMax + 64 * KIB;
    const roundBytes = rows * 1.25 * KIB;
    ok(Math.max(...bytes) <= kept + roundBytes, `${nodes} nodes keep ${bytes} bytes`);
  }
});
