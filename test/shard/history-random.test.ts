/** Random histories: every change of a recorded window once, in order, from whatever replica. */

import { ok } from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../src/base/random.ts';
import { casesByEffort } from '../support/effort.ts';
import { HistoryWorld } from './history-world.ts';

const SEEDS = casesByEffort([1, 2, 3, 4, 5, 6, 7, 8], { brief: 2 });
const STEPS = 4000;
/** From one that holds everything to one that holds little. */
const BUDGETS = [1e8, 3000, 8000];
const RECORD_CHANCES = [0.02, 0.08, 0.2, 0.4];

for (const seed of SEEDS) {
  const bytesMax = BUDGETS[seed % BUDGETS.length] as number;
  test(`seed ${seed}, ${bytesMax} bytes: watchers see what the rows of entries show`, () => {
    const recordChance = RECORD_CHANCES[seed % RECORD_CHANCES.length] as number;
    const world = new HistoryWorld({ random: new Random(seed), bytesMax, recordChance });
    for (let step = 0; step < STEPS; step++) world.step();
    world.settle();
    const { delivered, gone, parts, forced, old, evicted } = world.counts;
    ok(delivered > 200 && gone > 20 && parts > 20, JSON.stringify(world.counts));
    ok(forced > 0 && old > 0, JSON.stringify(world.counts));
    ok(evicted > 0 === bytesMax < 1e6, JSON.stringify(world.counts));
  });
}
