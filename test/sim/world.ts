/** One simulated cluster: everything that a seed drew, put together. */

import type { MemberId, ShardId } from '../../src/base/ids.ts';
import { Random } from '../../src/base/random.ts';
import { Agenda } from './agenda.ts';
import { Atlas } from './atlas.ts';
import { Buggify } from './buggify.ts';
import { Clients } from './clients.ts';
import { Host } from './host.ts';
import type { ReplicaImage } from './image.ts';
import { Invariants } from './invariants.ts';
import { Network } from './network.ts';
import { Operator } from './operator.ts';
import type { Plan } from './plan.ts';
import { Probes } from './probes.ts';
import { Registry } from './registry.ts';
import type { Services } from './services.ts';
import { Trace } from './trace.ts';

export interface World {
  readonly services: Services;
  readonly hosts: readonly Host[];
  readonly operator: Operator;
  readonly clients: Clients;
  readonly atlas: Atlas;
  readonly shards: readonly ShardId[];
}

export function createWorld(plan: Plan): World {
  const random = new Random(plan.seed).fork(`world ${plan.profile}`);
  const agenda = new Agenda(random.fork('ties'));
  const probes = new Probes();
  const registry = new Registry(random.fork('members'));
  const hosts: Host[] = [];
  const invariants = new Invariants({
    limits: plan.limits,
    now: () => agenda.now,
    durableOf: (shard, member) => durableOf(hosts, registry, shard, member),
  });
  const services: Services = {
    agenda,
    trace: new Trace(),
    probes,
    plan,
    random,
    buggify: new Buggify({ active: plan.sites, random: random.fork('buggify'), probes }),
    network: new Network({
      agenda,
      random: random.fork('network'),
      probes,
      nodes: plan.nodes,
      deliver: (frame) => hosts[frame.to]?.push({ type: 'frame', frame }),
      onBroken: (node, peer) => hosts[node]?.push({ type: 'broken', peer }),
    }),
    invariants,
    registry,
  };
  for (let id = 0; id < plan.nodes; id++) hosts.push(new Host(id, services));
  const damagedOf = (shard: ShardId) => damagedMembers(hosts, shard);
  const atlas = new Atlas({ invariants, registry, damagedOf, isArbitrary: plan.isSafetyOnly });
  return {
    services,
    hosts,
    operator: new Operator(services, hosts, atlas),
    clients: new Clients(services, hosts),
    atlas,
    shards: Array.from({ length: plan.shards }, (_, at) => (at + 1) as ShardId),
  };
}

function durableOf(
  hosts: readonly Host[],
  registry: Registry,
  shard: ShardId,
  member: MemberId,
): ReplicaImage | undefined {
  const node = registry.nodeOf(member);
  const image = node === undefined ? undefined : hosts[node]?.ledger.durable.get(shard);
  return image?.member === member ? image : registry.ghostOf(member);
}

function damagedMembers(hosts: readonly Host[], shard: ShardId): MemberId[] {
  return hosts.flatMap((host) => {
    const image = host.ledger.durable.get(shard);
    if (image === undefined) return [];
    const isBroken = host.isSuspect || host.corruptionChanged.has(shard) || image.damaged.size > 0;
    return isBroken ? [image.member] : [];
  });
}
