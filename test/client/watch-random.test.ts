/**
 * Watches of a client in a network that cuts, loses and repeats, at replicas that lag, forget and
 * refuse: what a consumer folds is always the state of the shards at the positions of its token.
 */

import { ok } from 'node:assert/strict';
import { test } from 'node:test';
import { casesByEffort } from '../support/effort.ts';
import { runWatchSeed, type Sums } from './model/watch-seed.ts';

const SEEDS = casesByEffort([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], { brief: 5 });
const total: Sums = {};

for (const seed of SEEDS) {
  test(`seed ${seed}: the fold of a watch is the state at its token`, () => {
    for (const [name, count] of Object.entries(runWatchSeed(seed))) {
      total[name] = (total[name] ?? 0) + count;
    }
  });
}

test('the seeds together have met all that a watch may meet', () => {
  const text = JSON.stringify(total);
  const { checks = 0, skips = 0, resumed = 0, compacted = 0, refused = 0, parts = 0 } = total;
  ok(checks > 100 && skips > 5 && resumed > 2 && compacted > 5 && parts > 20, text);
  const { lost = 0, lostUnmoved = 0, repeated = 0, syncs = 0, blocked = 0, pages = 0 } = total;
  ok(lostUnmoved > 3, text);
  ok(refused > 5 && lost > 3 && repeated > 3 && syncs > 10 && blocked > 10 && pages > 50, text);
});
