/** Commands, replies and maps drawn from a seed. */

import type { MemberId, NodeId, ShardId } from '../../src/base/ids.ts';
import type { Random } from '../../src/base/random.ts';
import { sha256 } from '../../src/base/sha256.ts';
import type { ClusterMap, NodeDescription } from '../../src/catalog/cluster-map.ts';
import type { CatalogCommand, PlacedMember } from '../../src/catalog/command.ts';
import { foundation, tokenBehind, tokenOf } from './rows.ts';

const ZONES = ['', 'a', 'b', 'zürich', '', 'a', 'b', '\u001b[2J'];

/** Some that make sense for the map, many that do not. */
export function randomCommand(random: Random, map: ClusterMap | undefined): CatalogCommand {
  switch (random.below(map === undefined ? 4 : 13)) {
    case 0: {
      const shards = random.between(1, 3);
      const replicas = random.between(1, 3);
      return foundation({ shards, replicas, description: randomDescription(random) });
    }
    case 1:
    case 2:
      return {
        type: 'join',
        joinToken: tokenOf(random.below(24)),
        description: randomDescription(random),
        proof: random.chance(0.3) ? sha256(tokenOf(1)) : undefined,
      };
    case 3:
    case 4: {
      const node = nodeNear(random, map);
      const row = map?.nodes.find((one) => one.node === node);
      const known = row === undefined ? tokenOf(1) : tokenBehind(row.tokenDigest);
      return {
        type: 'announce',
        node,
        joinToken: random.chance(0.9) ? known : tokenOf(random.between(1, 6)),
        lineage: {
          incarnation: random.below(5),
          words: Array.from({ length: random.between(1, 3) }, () => random.below(3)),
        },
        description: randomDescription(random),
      };
    }
    case 5:
      return randomAim(random, map);
    case 6:
    case 7:
    case 8:
      return randomPlace(random, map);
    case 9:
      return randomLoss(random, map);
    case 10: {
      const node = nodeNear(random, map);
      const revision = map?.nodes.find((row) => row.node === node)?.revision ?? 0;
      return {
        type: 'set-membership',
        node,
        revision: slightlyOff(random, revision),
        membership: random.pick(['active', 'draining', 'removing', 'removing']),
        isForced: random.chance(0.5),
      };
    }
    default:
      return randomReport(random, map);
  }
}

function randomAim(random: Random, map: ClusterMap | undefined): CatalogCommand {
  const nodes = (map?.nodes ?? [])
    .filter(() => random.chance(0.9))
    .map(({ node, weight, zone }) => ({ node, weight, zone, isDrained: random.chance(0.2) }));
  const shards = (map?.shards ?? []).map(({ goal, preferredNode }) => {
    if (random.chance(0.5) || nodes.length === 0) return { goal, preferredNode };
    const goalNow = nodes.map(({ node }) => node).filter(() => random.chance(0.7));
    return { goal: goalNow.slice(0, 7), preferredNode: random.pick([...goalNow, 0 as NodeId]) };
  });
  return { type: 'aim', aimedAt: slightlyOff(random, map?.aimedAt ?? 0), nodes, shards };
}

function randomPlace(random: Random, map: ClusterMap | undefined): CatalogCommand {
  const shard = random.below(5) as ShardId;
  const row = map?.shards[shard];
  const kept: PlacedMember[] = (row?.members ?? [])
    .filter(({ isWanted }) => (isWanted ? random.chance(0.7) : random.chance(0.1)))
    .map(({ node, member }) => ({ node, member }));
  const added = Array.from({ length: random.below(3) }, () => ({
    node: nodeNear(random, map),
    member: random.between(1, 40) as MemberId,
  }));
  const revision = slightlyOff(random, row?.revision ?? 0);
  return { type: 'place', shard, revision, members: [...kept, ...added].slice(0, 7) };
}

function randomLoss(random: Random, map: ClusterMap | undefined): CatalogCommand {
  const shard = random.below(5) as ShardId;
  const members = map?.shards[shard]?.members ?? [];
  const isListed = members.length > 0 && random.chance(0.8);
  const member = isListed ? random.pick(members).member : (random.between(1, 40) as MemberId);
  return { type: 'lose', shard, member };
}

function randomReport(random: Random, map: ClusterMap | undefined): CatalogCommand {
  const shard = random.below(5) as ShardId;
  const row = map?.shards[shard];
  const members = (row?.members ?? []).map(({ member }) => member);
  const voters = members.filter(() => random.chance(0.6));
  return {
    type: 'report',
    shard,
    revision: slightlyOff(random, row?.revision ?? 0),
    term: Math.max((row?.term ?? 0) + random.between(-1, 2), 0),
    voters,
    learners: members.filter((member) => !voters.includes(member) && random.chance(0.5)),
  };
}

function randomDescription(random: Random): NodeDescription {
  const name = random.pick(['here', 'there', 'over-all']);
  const isSound = random.chance(0.95);
  return {
    name: random.chance(0.5) ? '' : name,
    peerUrl: `ws://${name}:${random.between(1, 4)}${isSound ? '' : '/admin?x='}`,
    clientUrl: `wss://${name}`,
    weight: random.below(4),
    zone: random.pick(ZONES),
  };
}

function nodeNear(random: Random, map: ClusterMap | undefined): NodeId {
  return random.between(1, (map?.nextNode ?? 2) - (random.chance(0.1) ? 0 : 1)) as NodeId;
}

function slightlyOff(random: Random, revision: number): number {
  return random.chance(0.1) ? Math.max(revision - random.below(3), 0) : revision;
}
