/** Steps are waited for as long as they usually take, and not for ever. */

import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { ShardId } from '../../src/base/ids.ts';
import { TRANSACTION_LIMITS } from '../../src/base/transaction-limits.ts';
import { StepTimes } from '../../src/txn/step-times.ts';

const { prepareMilliseconds, resolveMilliseconds } = TRANSACTION_LIMITS;
const { patienceMillisecondsMax, stepWindowTicks } = TRANSACTION_LIMITS;
const SHARD = 1 as ShardId;

test('time limits have a minimum and a maximum, and follow the observed steps between them', () => {
  const times = new StepTimes();
  equal(times.prepareMilliseconds, prepareMilliseconds);
  equal(times.resolveMilliseconds, resolveMilliseconds);
  times.observe(SHARD, 500);
  equal(times.prepareMilliseconds, prepareMilliseconds);
  equal(times.resolveMilliseconds, 1500);
  times.observe(SHARD, 1500.1);
  equal(times.prepareMilliseconds, 4501, 'whole milliseconds, for they are sent to others');
  times.observe(SHARD, 2000);
  times.observe(SHARD, 10);
  equal(times.prepareMilliseconds, 6000);
  times.observe(SHARD, 60_000);
  equal(times.prepareMilliseconds, patienceMillisecondsMax);
});

test('slow steps are forgotten', () => {
  const times = new StepTimes();
  times.observe(SHARD, 2000);
  for (let tick = 0; tick < 2 * stepWindowTicks; tick++) times.tick();
  equal(times.prepareMilliseconds, prepareMilliseconds);
});

test('a shard is silent from a step that failed until it answers one', () => {
  const times = new StepTimes();
  times.miss(SHARD);
  equal(times.isSilent(SHARD), true);
  equal(times.isSilent(2 as ShardId), false);
  times.observe(SHARD, 5);
  equal(times.isSilent(SHARD), false);
});
