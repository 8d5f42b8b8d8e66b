/** The clock of the processor. */

import { ok } from 'node:assert/strict';
import { test } from 'node:test';
import { monotoneNow, processorTime } from '../../src/base/ambient.ts';

test('processor time is in milliseconds, and grows with work', () => {
  const before = processorTime();
  const began = monotoneNow();
  // Of its own clock, so that a starved process works as long.
  while (processorTime() - before < 50 && monotoneNow() - began < 30_000);
  const [used, elapsed] = [processorTime() - before, monotoneNow() - began];
  ok(used >= 50, `${used} ms of work in ${elapsed} ms`);
  // All threads of the process together: fewer than a hundred.
  ok(used <= 100 * elapsed, `${used} ms of work in ${elapsed} ms`);
});
