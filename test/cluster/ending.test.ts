/** The end of a run: what it requires depends on whether nodes are gone for ever. */

import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../src/base/random.ts';
import { withoutAmbient } from '../sim/ambient.ts';
import { byEffort, casesByEffort } from '../support/effort.ts';
import { misplacementOf } from './placement.ts';
import { type ClusterPlan, drawPlan } from './plan.ts';
import { runClusterSeed } from './run.ts';
import { World } from './world.ts';

const SEEDS = byEffort({ full: [1, 2, 3], brief: [1] });

/** Two nodes, of which the second may not have joined when the faults end; a majority is left. */
function planOf(seed: number): ClusterPlan {
  const drawn = drawPlan(new Random(seed).fork('plan'), 'cluster');
  const small = { shards: 2, customers: 2, keys: 1, hasManyRows: false, hasBursts: false };
  const calm = { isSlow: false, losesCatalog: false, forgets: false, faultMilliseconds: 100 };
  return { ...drawn, ...small, ...calm, nodes: 2, ending: 'majority' };
}

test('a cluster that can spare no node has to become whole', () => {
  let whole = 0;
  for (const seed of SEEDS) {
    const world = new World(seed, planOf(seed));
    withoutAmbient(() => world.run());
    const isGone = world.probes.counts.has('a minority is gone for ever');
    equal(world.probes.counts.has('ended majority'), isGone, `seed ${seed}`);
    if (isGone) continue;
    equal(misplacementOf(world.computers), undefined, `seed ${seed}`);
    whole += 1;
  }
  ok(whole > 0, 'no node could be spared under one of the seeds');
});

/**
 * The founder has just started when the faults end, and the two other nodes have not joined. Their
 * addresses do not answer, so it serves five seconds later: as long as the timeout of a read.
 */
for (const seed of casesByEffort([7006], { brief: 0 })) {
  test(`seed ${seed}: reads are not judged while the founder waits for other addresses`, () => {
    equal(runClusterSeed(seed).failure, undefined);
  });
}
