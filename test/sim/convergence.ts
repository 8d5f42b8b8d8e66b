/** After the faults: what must work again, and by when. */

import type { ShardId } from '../../src/base/ids.ts';
import { isMember } from '../../src/raft/configuration.ts';
import { SimFailure } from './failure.ts';
import { scrub } from './heal.ts';
import type { Replica } from './replica.ts';
import type { World } from './world.ts';

/** Virtual time within which a healed cluster recovers; a shard with tiny limits is slow. */
const BOUND_MILLISECONDS = 240_000;
const LOOK_MILLISECONDS = 100;

/** Boot: every shard on the nodes it should be on. */
export function bootAll(world: World): void {
  const { operator, shards } = world;
  for (const host of world.hosts) host.start();
  wait(world, 'a node does not start', () => {
    return world.hosts.every(({ storage }) => storage !== undefined) ? undefined : shards[0];
  });
  operator.start();
  const find = () => shards.find((shard) => !operator.isSettled(shard));
  wait(world, 'a new shard is not where it should be', find);
}

/** `core`: the nodes that are sound; only these count from here on. */
export function converge(world: World, core: ReadonlySet<number>): void {
  const { operator, shards, services } = world;
  const isWhole = core.size === world.hosts.length;
  wait(world, 'a node does not start', () => {
    const isOpen = world.hosts.every((host) => !core.has(host.id) || host.storage !== undefined);
    return isOpen ? undefined : shards[0];
  });
  for (const host of world.hosts) scrub(world, host);
  services.agenda.runUntil(services.agenda.now + LOOK_MILLISECONDS);
  if (isWhole) {
    const find = () => shards.find((shard) => !operator.isSettled(shard));
    wait(world, 'a shard is not repaired', find);
  }
  operator.rest();
  wait(world, 'a shard has no sound leader', (): ShardId | undefined =>
    shards.find((shard) => !hasLeader(world, shard, core)),
  );
  exercise(world, core);
  wait(world, 'replicas differ', (): ShardId | undefined =>
    shards.find((shard) => !isEqual(world, shard, core)),
  );
  if (isWhole) {
    const find = () => shards.find((shard) => !isQuiet(world, shard));
    wait(world, 'an idle shard does not fall silent', find);
    services.probes.hit('convergence all quiet');
  }
  readAll(world, core);
}

function wait(world: World, what: string, find: () => ShardId | undefined): void {
  const { agenda } = world.services;
  const deadline = agenda.now + BOUND_MILLISECONDS;
  let open = find();
  while (open !== undefined) {
    if (agenda.now >= deadline) {
      throw new SimFailure('liveness', what, { shard: open, time: agenda.now });
    }
    agenda.runUntil(agenda.now + LOOK_MILLISECONDS);
    open = find();
  }
}

function hasLeader(world: World, shard: ShardId, core: ReadonlySet<number>): boolean {
  const leader = world.operator.leaderOf(shard);
  if (leader === undefined || !core.has(leader.host.id)) return false;
  return leader.status.commit === leader.status.last.index;
}

function replicasOf(world: World, shard: ShardId, core: ReadonlySet<number>): Replica[] {
  const leader = world.operator.leaderOf(shard);
  if (leader === undefined) return [];
  const { configuration } = leader.status.configuration;
  return world.hosts.flatMap((host) => {
    const replica = core.has(host.id) ? host.replicas.get(shard) : undefined;
    return replica !== undefined && isMember(configuration, replica.member) ? [replica] : [];
  });
}

function isEqual(world: World, shard: ShardId, core: ReadonlySet<number>): boolean {
  const leader = world.operator.leaderOf(shard);
  const replicas = replicasOf(world, shard, core);
  if (leader === undefined || replicas.length === 0) return false;
  const { index } = leader.status.last;
  if (replicas.some(({ isStateLost }) => isStateLost)) return false;
  if (!replicas.every(({ machine }) => machine.applied === index)) return false;
  const states = new Set(replicas.map(({ machine }) => machine.digest()));
  if (states.size === 1 && !states.has(undefined)) return true;
  const { now } = world.services.agenda;
  throw new SimFailure('state', 'equal indexes, different states', { shard, time: now });
}

function isQuiet(world: World, shard: ShardId): boolean {
  const everywhere = new Set(world.hosts.map((host) => host.id));
  return replicasOf(world, shard, everywhere).every(({ raft }) => raft.status().isQuiet);
}

/** A fresh write and a fresh read succeed on every shard. */
function exercise(world: World, core: ReadonlySet<number>): void {
  for (const kind of ['write', 'read'] as const) {
    const open = new Set(world.shards);
    for (const shard of world.shards) tryUntilDone(world, { shard, kind, key: 0 }, core, open);
    wait(world, `a fresh ${kind} does not succeed`, () => [...open][0]);
  }
}

/** Each attempt is an operation of its own in the history; nothing is hidden. */
function tryUntilDone(
  world: World,
  wish: { readonly shard: ShardId; readonly kind: 'write' | 'read'; readonly key: number },
  core: ReadonlySet<number>,
  open: Set<ShardId>,
): void {
  const leader = world.operator.leaderOf(wish.shard);
  const again = () => tryUntilDone(world, wish, core, open);
  if (leader === undefined || !core.has(leader.host.id)) {
    world.services.agenda.after(LOOK_MILLISECONDS, again);
    return;
  }
  const rest = { client: 1000, expected: [], padding: 0, isLease: false, node: leader.host.id };
  world.clients.call({ ...wish, ...rest }, 5000, (call) => {
    if (call.outcome === 'ok') open.delete(wish.shard);
    else world.services.agenda.after(LOOK_MILLISECONDS, again);
  });
}

/** The final value of every key, read once through the leader, without any fault. */
function readAll(world: World, core: ReadonlySet<number>): void {
  const { plan } = world.services;
  for (let key = 0; key < plan.keys; key++) {
    const open = new Set(world.shards);
    for (const shard of world.shards) tryUntilDone(world, { shard, kind: 'read', key }, core, open);
    wait(world, 'a final read does not succeed', () => [...open][0]);
  }
}
