/** A preference for a leader that does not last is followed ever more rarely. */

import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { ShardId } from '../../src/base/ids.ts';
import { CATALOG_LIMITS, RAFT_LIMITS } from '../../src/base/limits.ts';
import { Handovers } from '../../src/node/handovers.ts';

const SHARD = 3 as ShardId;
const { handoverTicksMin, handoverTicksMax } = CATALOG_LIMITS;
const WAIT = handoverTicksMin * RAFT_LIMITS.tickMilliseconds;
const WAIT_MAX = handoverTicksMax * RAFT_LIMITS.tickMilliseconds;

test('a new leader hands over after the usual time', () => {
  const handovers = new Handovers();
  equal(handovers.isDue(SHARD, 10 * WAIT), false);
  handovers.tookOffice(SHARD, 1000);
  equal(handovers.isDue(SHARD, 1000 + WAIT - 1), false);
  equal(handovers.isDue(SHARD, 1000 + WAIT), true);
});

test('leadership that comes back is handed over after twice the time, up to a bound', () => {
  const handovers = new Handovers();
  let now = 0;
  handovers.tookOffice(SHARD, now);
  const waits: number[] = [];
  for (let round = 0; round < 12; round++) {
    let wait = WAIT;
    while (!handovers.isDue(SHARD, now + wait)) wait *= 2;
    waits.push(wait);
    now += wait;
    handovers.gave(SHARD, now);
    now += WAIT / 10;
    handovers.tookOffice(SHARD, now);
  }
  equal(waits[0], WAIT);
  equal(waits[3], 8 * WAIT);
  ok((waits.at(-1) ?? 0) <= 2 * WAIT_MAX, `${waits}`);
});

test('a transfer that does not happen counts as one that came back', () => {
  const handovers = new Handovers();
  handovers.tookOffice(SHARD, 0);
  handovers.gave(SHARD, WAIT);
  handovers.failed(SHARD, WAIT + 200);
  equal(handovers.isDue(SHARD, WAIT + 200 + WAIT), false);
  equal(handovers.isDue(SHARD, WAIT + 200 + 2 * WAIT), true);
});

test('a handover that lasted resets the time', () => {
  const handovers = new Handovers();
  handovers.tookOffice(SHARD, 0);
  handovers.gave(SHARD, WAIT);
  handovers.tookOffice(SHARD, 100 * WAIT);
  equal(handovers.isDue(SHARD, 101 * WAIT), true);
});
