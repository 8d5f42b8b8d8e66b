/** The end of the faults: everything is repaired, or only a sound majority is. */

import type { MemberId, ShardId } from '../../src/base/ids.ts';
import type { Host } from './host.ts';
import type { World } from './world.ts';

/** The nodes that are sound from here on. */
export function heal(world: World): ReadonlySet<number> {
  const { services, hosts } = world;
  const { network, buggify, plan, probes } = services;
  buggify.rest();
  network.heal();
  // A change from now on could depend on nodes that are about to be lost.
  if (plan.heal === 'core') {
    world.operator.rest();
    for (const host of hosts) host.forgetOrders();
  }
  const core = plan.heal === 'core' ? pickCore(world) : allOf(world);
  if (core.size === hosts.length) world.operator.resume();
  for (const host of hosts) {
    host.effectsLeft = Number.POSITIVE_INFINITY;
    host.disk.heal();
    host.resume({ isSuspended: false });
    host.setRate(1);
    host.start();
  }
  if (core.size === hosts.length) return core;
  probes.hit('heal core');
  freeze(world, core);
  return core;
}

function allOf(world: World): Set<number> {
  return new Set(world.hosts.map((host) => host.id));
}

/** Nodes leave the core one by one, in random order, as long as every shard tolerates it. */
function pickCore(world: World): Set<number> {
  const core = allOf(world);
  const random = world.services.random.fork('core');
  for (const host of random.shuffle(world.hosts)) {
    core.delete(host.id);
    if (!world.shards.every((shard) => hasQuorum(world, shard, core))) core.add(host.id);
  }
  return core;
}

function hasQuorum(world: World, shard: ShardId, core: ReadonlySet<number>): boolean {
  const { invariants } = world.services;
  const possible = invariants.truthOf(shard).possibleConfigurations();
  return possible.every(({ configuration }) =>
    [configuration.voters, configuration.outgoing].every((voters) => {
      const sound = voters.filter((voter) => isSound(world, shard, voter, core)).length;
      return voters.length === 0 || sound > voters.length / 2;
    }),
  );
}

function isSound(
  world: World,
  shard: ShardId,
  member: MemberId,
  core: ReadonlySet<number>,
): boolean {
  const { registry } = world.services;
  const node = registry.nodeOf(member);
  if (node === undefined || !core.has(node) || registry.isImpaired(member)) return false;
  const host = world.hosts[node];
  const image = host?.ledger.durable.get(shard);
  if (host === undefined || host.isSuspect || host.corruptionChanged.has(shard)) return false;
  return image?.member === member && image.damaged.size === 0;
}

/** All damage is found. */
export function scrub({ shards }: World, host: Host): void {
  for (const shard of shards) {
    if (host.corruptionChanged.has(shard)) host.push({ type: 'corrupt', shard });
    for (const index of host.ledger.durable.get(shard)?.damaged ?? []) {
      host.push({ type: 'order', order: { type: 'scrub', shard, index } });
    }
  }
}

/** The others are dead, or can only send, or can only receive, for ever. */
function freeze(world: World, core: ReadonlySet<number>): void {
  const { operator, services } = world;
  const random = services.random.fork('freeze');
  for (const host of world.hosts) {
    if (core.has(host.id)) continue;
    operator.lost.add(host.id);
    const fate = random.pick(['dead', 'mute', 'deaf'] as const);
    services.probes.hit(`heal ${fate}`);
    if (fate === 'dead') {
      host.crash();
      host.isRetired = true;
    } else for (const sound of core) silence(world, host, { sound, isMute: fate === 'mute' });
  }
}

function silence(
  world: World,
  host: Host,
  how: { readonly sound: number; readonly isMute: boolean },
): void {
  const { network } = world.services;
  if (how.isMute) network.cut(host.id, how.sound);
  else network.cut(how.sound, host.id);
}
