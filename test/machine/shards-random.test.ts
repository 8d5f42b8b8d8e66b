/** Transactions between shards are done everywhere or nowhere, once, and as they were told. */

import { ok } from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../src/base/random.ts';
import { byEffort } from '../support/effort.ts';
import { ShardsWorld } from './shards-world.ts';

const SEEDS = byEffort({ full: 100, brief: 12 });
const STEPS = 2500;

test(`${SEEDS} seeds of ${STEPS} steps: all of a transaction takes effect or nothing`, () => {
  let committed = 0;
  let begun = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const world = new ShardsWorld(new Random(seed));
    for (let step = 0; step < STEPS; step++) world.step();
    world.settle();
    world.check();
    committed += world.committed;
    begun += world.stories.size;
  }
  ok(committed > begun / 10, `${committed} of ${begun} are committed`);
  ok(committed < begun * 0.8, `${committed} of ${begun} are committed`);
});
