/** Faults, and the calm after them: the events of a random cluster history. */

import type { NodeId } from '../../src/base/ids.ts';
import { CATALOG_LIMITS } from '../../src/base/limits.ts';
import type { Random } from '../../src/base/random.ts';
import type { ClusterMap } from '../../src/catalog/cluster-map.ts';
import type { World } from './world.ts';

interface Disorder {
  readonly events: number;
  readonly isForgetful: boolean;
  /** Nodes that never come back. */
  readonly lost?: ReadonlySet<NodeId>;
}

/** Any event in any order; more than half of the nodes stay alive. */
export function disorder(
  world: World,
  random: Random,
  { events, isForgetful, lost }: Disorder,
): void {
  const former: ClusterMap[] = [world.rig.map];
  for (let event = 0; event < events; event++) {
    const nodes = world.rig.map.nodes.map(({ node }) => node);
    const node = random.pick(nodes);
    const isLost = lost?.has(node) === true;
    const shard = random.pick(world.rig.map.shards).shard;
    former.push(world.rig.map);
    const acts: readonly (() => void)[] = [
      () => world.plan(),
      () => world.deliver({ isFair: false }),
      () => world.deliver({ isFair: false }),
      () => world.deliver({ isFair: false }),
      () => world.lead(shard),
      () => world.lead(shard),
      () => world.leadDeposed(shard),
      () => world.commit(shard),
      () => world.catchUp(shard),
      () => world.learn(node, random.pick(former)),
      () => world.learn(node, world.rig.map),
      () => {
        if (random.chance(0.3)) world.elect(shard);
      },
      () => {
        if (random.chance(0.2)) world.rig.reopen();
      },
      () => {
        if (random.chance(0.3)) world.alive.delete(node);
        const isFew = world.alive.size * 2 <= nodes.length - (lost?.size ?? 0);
        if (isFew && !isLost) world.alive.add(node);
      },
      () => {
        if (!isLost) world.alive.add(node);
      },
      () => world.complain(node),
      () => {
        if (isForgetful && random.chance(0.3)) world.forget(shard);
      },
    ];
    random.pick(acts)();
  }
}

/** All nodes are busy, so leaders spread, and act in turn until none has anything to do. */
export function calm(world: World, random: Random, check: () => void = () => {}): number {
  const { idleChance } = world;
  world.idleChance = 0;
  const rounds = calmBusy(world, random, check);
  world.idleChance = idleChance;
  return rounds;
}

function calmBusy(world: World, random: Random, check: () => void): number {
  for (let round = 1; round < 400; round++) {
    const { map } = world.rig;
    const acts = world.tally.commands + world.tally.changes + world.tally.transfers;
    for (const { node } of map.nodes) world.learn(node, map);
    for (const { node } of map.nodes) world.complain(node);
    world.plan();
    for (const { shard } of random.shuffle(map.shards)) {
      const led = world.shards.get(shard);
      if (led !== undefined) led.ticksSinceHandover += CATALOG_LIMITS.handoverTicksMin;
      if (led?.leader === 0 || (led && !world.isAlive(shard, led.leader))) world.elect(shard);
      for (let commit = 0; commit < 4; commit++) world.commit(shard);
      world.catchUp(shard);
      world.lead(shard);
      for (let commit = 0; commit < 4; commit++) world.commit(shard);
    }
    while (world.deliver({ isFair: true })) check();
    const actsNow = world.tally.commands + world.tally.changes + world.tally.transfers;
    if (acts === actsNow && map === world.rig.map && isSettled(world)) return round;
  }
  return Number.POSITIVE_INFINITY;
}

function isSettled(world: World): boolean {
  return [...world.shards.values()].every(({ isCommitted, configuration }) => {
    return isCommitted && configuration.outgoing.length === 0;
  });
}
