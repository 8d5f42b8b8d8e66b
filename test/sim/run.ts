/** One seed from beginning to end. */

import type { ShardId } from '../../src/base/ids.ts';
import { withoutAmbient } from './ambient.ts';
import { bootAll, converge } from './convergence.ts';
import { type Failure, failureOf } from './failure.ts';
import { Nemesis } from './faults.ts';
import { heal } from './heal.ts';
import { judgeByClients } from './linearizable.ts';
import { drawPlan, type Overrides, type Plan } from './plan.ts';
import { sceneOf } from './scene.ts';
import { changesOfLeader, judgeSlowness } from './slowness.ts';
import { judgeByWitness } from './witness.ts';
import { createWorld, type World } from './world.ts';

export interface SeedOptions {
  readonly profile: string;
  readonly seed: number;
  readonly overrides?: Overrides | undefined;
}

export interface SimResult {
  readonly plan: Plan;
  /** The fingerprint of the run: equal for equal options, always. */
  readonly traceHash: string;
  readonly virtualMilliseconds: number;
  readonly events: number;
  readonly operations: { readonly ok: number; readonly failed: number; readonly unknown: number };
  readonly probes: ReadonlyMap<string, number>;
  readonly failure: Failure | undefined;
  /** The cluster at the time of the failure. */
  readonly scene: readonly string[];
}

/** Never throws for what a seed finds: that is the result. */
export function runSeed(options: SeedOptions): SimResult {
  const plan = drawPlan(options.profile, options.seed, options.overrides);
  const world = createWorld(plan);
  let failure: Failure | undefined;
  let scene: string[] = [];
  try {
    withoutAmbient(() => play(world));
  } catch (error) {
    failure = failureOf(error, world.services.agenda.now);
    scene = sceneOf(world, failure.shard as ShardId | undefined);
  }
  const { trace, agenda, probes } = world.services;
  const count = (outcome: string) =>
    world.clients.history.filter((call) => call.outcome === outcome).length;
  return {
    plan,
    traceHash: trace.hash,
    virtualMilliseconds: agenda.now,
    events: trace.events,
    operations: { ok: count('ok'), failed: count('failed'), unknown: count('unknown') },
    probes: probes.counts,
    failure,
    scene,
  };
}

function play(world: World): void {
  const { services, clients } = world;
  const { agenda, plan, invariants, probes } = services;
  bootAll(world);
  clients.start();
  const nemesis = new Nemesis(world);
  const before = changesOfLeader(world);
  nemesis.start();
  agenda.runUntil(agenda.now + plan.safetyMilliseconds);
  if (plan.isSlow) judgeSlowness(world, before);
  nemesis.stop();
  clients.stop();
  if (!plan.isSafetyOnly) converge(world, heal(world));
  judgeByWitness(clients.history, invariants);
  judgeByClients(clients.history, probes);
}
