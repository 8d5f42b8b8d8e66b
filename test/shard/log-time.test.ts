/** The log time of a shard, as one of its replicas computes it. */

import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { LogTime } from '../../src/shard/log-time.ts';

const HOUR = 3_600_000;

test('log time continues from an entry by the own clock', () => {
  const time = new LogTime({ time: 5000, now: 100, isGuess: false });
  equal(time.read(100), 5000);
  equal(time.read(130.9), 5030);
  time.confirm(5010, 120);
  equal(time.read(130), 5030, 'what a leader stamped before it was committed changes nothing');
  time.confirm(9000, 140);
  equal(time.read(150), 9010);
});

test('log time never falls, also if the clock does', () => {
  const time = new LogTime({ time: 5000, now: 100, isGuess: false });
  time.confirm(6000, 200);
  equal(time.read(150), 6000);
});

test('a newcomer whose wall clock is ahead takes the time of the first entry', () => {
  const time = new LogTime({ time: 1_700_000_000_000 + HOUR, now: 100, isGuess: true });
  time.follow(1_700_000_000_000, 200);
  equal(time.read(200), 1_700_000_000_000);
  equal(time.isGuess, false);
});

test('an entry without a time confirms no guess', () => {
  const time = new LogTime({ time: 5000, now: 100, isGuess: true });
  time.follow(0, 200);
  equal(time.isGuess, true);
  equal(time.read(200), 5100, 'a shard is born at the wall clock of its first leader');
});

test('a follower whose clock runs fast is ahead by what it gained since the last entry', () => {
  const time = new LogTime({ time: 0, now: 0, isGuess: false });
  // An hour of entries of a leader whose clock is slower by a fifth.
  for (let told = 1000; told <= HOUR; told += 1000) time.follow(told, told * 1.2);
  equal(time.read(HOUR * 1.2), HOUR);
  equal(time.read(HOUR * 1.2 + 60), HOUR + 60);
});
