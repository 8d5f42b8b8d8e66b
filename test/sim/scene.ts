/** The state of the cluster at a failure, in lines for people. */

import type { ShardId } from '../../src/base/ids.ts';
import type { Configuration } from '../../src/raft/configuration.ts';
import type { Host } from './host.ts';
import type { World } from './world.ts';

/** Of one shard, or of all. */
export function sceneOf(world: World, shard: ShardId | undefined): string[] {
  const shards = shard === undefined ? world.shards : [shard];
  return shards.flatMap((one) => [
    `shard ${one}, goal ${world.operator.goals.get(one)?.join(' ')}, ` +
      `committed ${world.services.invariants.truthOf(one).commit}`,
    ...world.hosts.flatMap((host) => lineOf(world, host, one)),
  ]);
}

function lineOf(world: World, host: Host, shard: ShardId): string[] {
  const state = host.isUp ? (host.isPaused ? 'paused' : host.storage ? 'up' : 'booting') : 'down';
  const { plan, network } = world.services;
  const deafTo: number[] = [];
  for (let from = 0; from < plan.nodes; from++) {
    if (from !== host.id && network.isCut(from, host.id)) deafTo.push(from);
  }
  const replica = host.replicas.get(shard);
  const start = `  node ${host.id} ${state}, hears not ${deafTo.join(' ') || '-'}: `;
  if (replica === undefined) {
    const image = host.ledger.durable.get(shard);
    return image === undefined ? [] : [`${start}${nameOf(world, image.member)} not running`];
  }
  const status = replica.raft.status();
  const { role, term, vote, leader, commit, applied, durable, base, last } = status;
  const flags = [
    status.isQuiet ? 'quiet' : '',
    status.isRemoved ? 'removed' : '',
    status.mayVote ? '' : 'no vote',
    status.firstDamaged === undefined ? '' : `damaged ${status.firstDamaged}`,
  ].filter((flag) => flag !== '');
  const { configuration, at } = status.configuration;
  const followers = status.followers.map(
    ({ member, state: mode, match, next, isActive }) =>
      `${nameOf(world, member)} ${mode} ${match}/${next}${isActive ? '' : ' silent'}`,
  );
  return [
    `${start}${nameOf(world, replica.member)} ${role} term ${term} vote ${nameOf(world, vote)} ` +
      `leader ${nameOf(world, leader)} log ${base.index}..${last.index}(${last.term}) ` +
      `durable ${durable} commit ${commit} applied ${applied} machine ${replica.machine.applied} ` +
      `configuration ${at.index} ${textOf(world, configuration)} ${flags.join(' ')} ` +
      `backlog ${replica.backlog.length} inflight ${host.ledger.pendingCount} ` +
      `[${followers.join(', ')}]`,
  ];
}

function textOf(world: World, { voters, outgoing, learners }: Configuration): string {
  const [one, other, rest] = [voters, outgoing, learners].map((list) =>
    list.map((member) => nameOf(world, member)).join(' '),
  );
  return `(${one}|${other}|${rest})`;
}

/** The node, with enough of the member's id to distinguish its lives. */
function nameOf(world: World, member: number): string {
  if (member === 0) return 'no member';
  const node = world.services.registry.nodeOf(member as never) ?? '?';
  return `${node}.${(member % 4096).toString(16)}`;
}
