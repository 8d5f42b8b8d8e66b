/** What was greatest lately, and what was great for long. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { RecentMaximum } from '../../src/base/recent-maximum.ts';

function pass(recent: RecentMaximum, ticks: number): void {
  for (let left = ticks; left > 0; left--) recent.tick();
}

test('the greatest value counts for one to two windows', () => {
  const recent = new RecentMaximum(10);
  assert.equal(recent.value, 0);
  pass(recent, 5);
  recent.observe(7);
  recent.observe(3);
  pass(recent, 14);
  assert.equal(recent.value, 7);
  pass(recent, 1);
  assert.equal(recent.value, 0);
});

test('a repeated value is sustained, and a single outlier is not', () => {
  const recent = new RecentMaximum(10);
  recent.observe(7);
  pass(recent, 10);
  assert.equal(recent.sustained, 0);
  recent.observe(5);
  assert.equal(recent.sustained, 5);
  pass(recent, 10);
  assert.equal(recent.sustained, 0);
});

test('a negative value counts as none', () => {
  const recent = new RecentMaximum(1);
  recent.observe(-4);
  assert.equal(recent.value, 0);
});
