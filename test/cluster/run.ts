/** One seed of a simulated cluster, from its plan to its verdict. */

import { Random } from '../../src/base/random.ts';
import { withoutAmbient } from '../sim/ambient.ts';
import { type Failure, failureOf } from '../sim/failure.ts';
import { type ClusterPlan, drawPlan } from './plan.ts';
import type { Profile } from './profile.ts';
import { World } from './world.ts';

export interface ClusterResult {
  readonly seed: number;
  readonly plan: ClusterPlan;
  readonly failure: Failure | undefined;
  readonly virtualMilliseconds: number;
  readonly operations: number;
  readonly probes: ReadonlyMap<string, number>;
}

export function runClusterSeed(seed: number, profile: Profile = 'cluster'): ClusterResult {
  const plan = drawPlan(new Random(seed).fork('plan'), profile);
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
    operations: world.operations,
    probes: world.probes.counts,
  };
}
