/** A node behind a slow link is fed for minutes, and its heartbeats still arrive in time. */

import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { STATE_LIMITS } from '../../src/storage/limits.ts';
import { Stage } from '../cluster/stage.ts';

const KIB = 1024;
/** 200 kB in a second. */
const SLOW = { bytesPerMillisecond: 200 };
const AWAY = 3;
const PATIENCE = 120_000;

/** All traffic of the node passes one bottleneck in each direction. */
function slowDown(stage: Stage): void {
  const { url } = stage.computer(AWAY);
  for (const { url: other } of stage.computers) {
    if (other === url) continue;
    stage.network.disturb({ from: other, to: url }, SLOW);
    stage.network.disturb({ from: url, to: other }, SLOW);
  }
}

function countOf(stage: Stage, ...facts: readonly string[]): number {
  return facts.reduce((sum, fact) => sum + (stage.probes.counts.get(fact) ?? 0), 0);
}

/** Every campaign by timeout, and every leader that gave up, whatever came of it. */
function electionsOf(stage: Stage): number {
  const won = countOf(stage, 'became-leader') - countOf(stage, 'transfer-sent');
  return won + countOf(stage, 'pre-vote-lost', 'campaign-ran-out', 'stepped-down-without-quorum');
}

/** The node comes back, and no node calls an election until it has caught up. */
function catchUp(stage: Stage): number {
  stage.computer(AWAY).start();
  slowDown(stage);
  stage.run(1000);
  ok(stage.laggingOn(AWAY).length > 0, 'it takes its time');
  const before = electionsOf(stage);
  const milliseconds = stage.until(
    'it has all',
    () => stage.laggingOn(AWAY).length === 0,
    PATIENCE,
  );
  stage.run(2000);
  equal(electionsOf(stage), before, 'no replica stood for election');
  return milliseconds;
}

test('entries of many shards catch up over a slow link without an election', () => {
  const stage = new Stage(1, { nodes: 3, shards: 8, isLarge: true });
  stage.computer(AWAY).crash({ isPower: false });
  stage.put({ count: 2000, atOnce: 64, value: 'x'.repeat(2 * KIB) });
  const milliseconds = catchUp(stage);
  // 4 MB of values, each sent once or not much more.
  ok(milliseconds < 40_000, `it took ${milliseconds} ms`);
});

test('values of a megabyte pass a slow link one by one, without an election', () => {
  const stage = new Stage(2, { nodes: 3, shards: 2, isLarge: true });
  stage.computer(AWAY).crash({ isPower: false });
  stage.put({ count: 4, atOnce: 1, value: 'x'.repeat(1000 * KIB) });
  const milliseconds = catchUp(stage);
  ok(milliseconds < 40_000, `it took ${milliseconds} ms`);
});

test('snapshots of many shards pass a slow link without an election', () => {
  const limits = { tailEntries: 4, slowFollowerEntriesMax: 16 };
  const stage = new Stage(13, { nodes: 3, shards: 8, limits, isLarge: true });
  stage.computer(AWAY).crash({ isPower: false });
  stage.put({ count: 2000, atOnce: 64, value: 'x'.repeat(2 * KIB) });
  stage.run(STATE_LIMITS.checkpointMilliseconds * 2);
  const milliseconds = catchUp(stage);
  ok(countOf(stage, 'snapshot-installed') > 0, 'by snapshots');
  ok(milliseconds < 60_000, `it took ${milliseconds} ms`);
});

test('writes that need the node behind the slow link continue while it is fed', () => {
  const stage = new Stage(4, { nodes: 3, shards: 8, isLarge: true });
  stage.computer(AWAY).crash({ isPower: false });
  stage.put({ count: 2000, atOnce: 64, value: 'x'.repeat(2 * KIB) });
  stage.computer(AWAY).start();
  slowDown(stage);
  stage.run(1000);
  stage.writeOn();
  const { ok: served, failed } = stage.servedIn(10_000);
  stage.rest();
  ok(served > 100 && failed === 0, `${served} writes were served, ${failed} failed`);
});
