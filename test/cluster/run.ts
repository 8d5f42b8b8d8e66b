/** One seed of a simulated cluster, from its plan to its verdict. */

import { Random } from '../../src/base/random.ts';
import { withoutAmbient } from '../sim/ambient.ts';
import { type Failure, failureOf } from '../sim/failure.ts';
import { type ClusterPlan, World } from './world.ts';

export interface ClusterResult {
  readonly seed: number;
  readonly plan: ClusterPlan;
  readonly failure: Failure | undefined;
  readonly virtualMilliseconds: number;
  readonly operations: number;
  readonly probes: ReadonlyMap<string, number>;
}

export function runClusterSeed(seed: number): ClusterResult {
  const plan = drawPlan(new Random(seed).fork('plan'));
  const world = new World(seed, plan);
  let failure: Failure | undefined;
  try {
    withoutAmbient(() => world.run());
  } catch (error) {
    failure = failureOf(error, world.agenda.now);
  }
  return {
    seed,
    plan,
    failure,
    virtualMilliseconds: world.agenda.now,
    operations: world.history.length,
    probes: world.probes.counts,
  };
}

function drawPlan(random: Random): ClusterPlan {
  return {
    nodes: random.pick([1, 2, 3, 3, 3, 4, 5]),
    shards: random.pick([1, 2, 4, 8]),
    customers: random.between(1, 5),
    keys: random.pick([1, 3, 10]),
    faultMilliseconds: random.between(5000, 60_000),
  };
}
