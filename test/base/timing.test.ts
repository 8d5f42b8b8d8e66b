/** What may be set of time makes sound limits of Raft, whatever it is within its bounds. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { RAFT_LIMITS } from '../../src/base/limits.ts';
import {
  faultOfTiming,
  raftLimitsFor,
  TIMING_BOUNDS,
  TIMING_DEFAULT,
} from '../../src/base/timing.ts';

test('the defaults are the present limits', () => {
  assert.deepEqual(raftLimitsFor(TIMING_DEFAULT), RAFT_LIMITS);
  assert.equal(faultOfTiming(TIMING_DEFAULT), undefined);
});

test('all consistent settings within their bounds make valid limits, with the same lease', () => {
  let count = 0;
  const { tickMilliseconds: tick, electionMilliseconds: least } = TIMING_BOUNDS;
  const { electionMillisecondsMax: most } = TIMING_BOUNDS;
  for (const tickMilliseconds of [tick.min, 7, 20, 33, tick.max]) {
    for (const electionMilliseconds of [least.min, 201, 999, 5000, least.max]) {
      for (const electionMillisecondsMax of [most.min, 3000, most.max]) {
        const timing = { tickMilliseconds, electionMilliseconds, electionMillisecondsMax };
        if (faultOfTiming(timing) !== undefined) continue;
        count += 1;
        const limits = raftLimitsFor(timing);
        assert.equal(limits.leaseMilliseconds, RAFT_LIMITS.leaseMilliseconds);
        assert.ok(limits.electionTicksMin * limits.tickMilliseconds >= electionMilliseconds);
      }
    }
  }
  assert.ok(count > 20, `${count} of them go together`);
});

test('an inconsistent setting is named with its value and the allowed values', () => {
  const tight = { ...TIMING_DEFAULT, tickMilliseconds: 50 };
  assert.match(faultOfTiming(tight) ?? '', /electionMilliseconds is 200, must be at least 500/);
  const short = { ...TIMING_DEFAULT, electionMilliseconds: 5000 };
  assert.match(
    faultOfTiming(short) ?? '',
    /electionMillisecondsMax is 3000, must be at least 5000/,
  );
});
