/** Steps are waited for as long as they usually take, and not for ever. */

import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { TRANSACTION_LIMITS } from '../../src/base/transaction-limits.ts';
import { StepTimes } from '../../src/txn/step-times.ts';

const { prepareMilliseconds, resolveMilliseconds } = TRANSACTION_LIMITS;
const { patienceMillisecondsMax, stepWindowTicks } = TRANSACTION_LIMITS;

test('time limits have a minimum and a maximum, and follow the observed steps between them', () => {
  const times = new StepTimes();
  equal(times.prepareMilliseconds, prepareMilliseconds);
  equal(times.resolveMilliseconds, resolveMilliseconds);
  times.observe(500);
  equal(times.prepareMilliseconds, prepareMilliseconds);
  equal(times.resolveMilliseconds, 1500);
  times.observe(1500.1);
  equal(times.prepareMilliseconds, 4501, 'whole milliseconds, for they are sent to others');
  times.observe(2000);
  times.observe(10);
  equal(times.prepareMilliseconds, 6000);
  times.observe(60_000);
  equal(times.prepareMilliseconds, patienceMillisecondsMax);
});

test('slow steps are forgotten', () => {
  const times = new StepTimes();
  times.observe(2000);
  for (let tick = 0; tick < 2 * stepWindowTicks; tick++) times.tick();
  equal(times.prepareMilliseconds, prepareMilliseconds);
});
