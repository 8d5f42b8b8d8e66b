/** The health of a cluster, derived from its map and the report of each node. Pure. */

import {
  CATALOG_SHARD,
  type ClusterMap,
  type NodeMembership,
  type ShardRow,
} from '../src/catalog/cluster-map.ts';
import { mayCarry } from '../src/catalog/membership.ts';
import { type ClusterSeen, clusterText } from './clusters-seen.ts';
import { type Move, movesFrom, nodeName, shardName } from './moves.ts';
import type { NodeInfo, ReplicaInfo } from './node-info.ts';

/** `SPLIT`: the queried nodes belong to different clusters. */
export type Verdict = 'HEALTHY' | 'DEGRADED' | 'UNAVAILABLE' | 'SPLIT';

export interface NodeHealth {
  readonly node: number;
  /** The name from its configuration, or empty. */
  readonly name: string;
  /** The display name: its name if that is unique, else its number. */
  readonly label: string;
  readonly url: string;
  readonly zone: string;
  readonly weight: number;
  readonly membership: NodeMembership;
  /** The node that it replaces, or 0. */
  readonly replaces: number;
  /** Undefined if the node did not answer; `fault` has the reason. */
  readonly info: NodeInfo | undefined;
  readonly fault: string;
}

export interface ShardHealth {
  readonly shard: number;
  readonly from: number;
  readonly to: number;
  /** 0 if no node reports that it leads the shard. */
  readonly leaderNode: number;
  readonly term: number;
  /** Nodes whose replicas vote, and those among them that are up and serve. */
  readonly voters: readonly number[];
  readonly liveVoters: readonly number[];
  readonly replicasWanted: number;
  /** Voters whose state is being replaced: they vote but do not serve. */
  readonly quarantined: readonly number[];
  /** A membership change is in progress. */
  readonly isMoving: boolean;
  readonly lagEntries: number;
  /** A short status: `ok` only if all replicas are up and none is being added. */
  readonly state: string;
  /** It is gaining the replicas that it lacks, and nothing blocks that. */
  readonly isGrowing: boolean;
}

export interface Health {
  readonly cluster: string;
  readonly verdict: Verdict;
  /** All nodes belong to one cluster, but the configuration names another. */
  readonly isForeign: boolean;
  /** A shard has no leader but has a majority: an election may be in progress. */
  readonly isElecting: boolean;
  /** How many nodes can fail, whichever they are, without loss of service. */
  readonly canLose: number;
  readonly nodes: readonly NodeHealth[];
  readonly shards: readonly ShardHealth[];
  /** Replica moves in progress, queued, or blocked by a node. */
  readonly moves: readonly Move[];
  /** The reasons why it is not healthy, the worst first. */
  readonly reasons: readonly string[];
}

/** For each node of the map: its report, or why there is none. */
export type Answers = ReadonlyMap<number, NodeInfo | string>;

const CATALOG_VOTERS_MAX = 5;

export function judge(
  map: ClusterMap,
  answers: Answers,
  clusters: readonly ClusterSeen[] = [],
): Health {
  const nodes = map.nodes.map((row): NodeHealth => {
    const { node, clientUrl } = row;
    const answer = ownAnswer(node, map.clusterId, answers.get(node));
    const isUp = typeof answer !== 'string';
    const info = isUp ? answer : undefined;
    const url = clientUrl.replace(/^ws/, 'kv');
    const { name, zone, weight, membership, replaces } = row;
    const label = labelOf(row, map.nodes);
    const known = { node, name, label, url, zone, weight, membership, replaces };
    return { ...known, info, fault: isUp ? '' : answer };
  });
  const shards = map.shards.map((row) => shardHealth(row, map, nodes));
  const broken = shards.flatMap(breakageOf);
  const moves = movesFrom(map, nodes, shards);
  const blocked = moves.filter(({ phase }) => phase === 'blocked').map(({ shard }) => shard);
  // Adding replicas is normal work while all nodes are up.
  const stuck = shards.filter(({ shard, isGrowing }) => !isGrowing || blocked.includes(shard));
  const wear = [...nodes.flatMap(complaintsOf), ...stuck.flatMap(shortageOf)];
  const spare = shards.map(({ voters, liveVoters }) => liveVoters.length - majorityOf(voters));
  const isSplit = clusters.length > 1;
  const isBroken = broken.length > 0;
  const isWorn = wear.length > 0;
  return {
    cluster: map.clusterId,
    verdict: isSplit ? 'SPLIT' : isBroken ? 'UNAVAILABLE' : isWorn ? 'DEGRADED' : 'HEALTHY',
    isForeign: isSplit && clusters.filter((one) => one.nodes.length > 0).length === 1,
    isElecting: shards.some(isElecting),
    canLose: spare.length === 0 ? 0 : Math.max(0, Math.min(...spare)),
    nodes,
    shards,
    moves,
    reasons: isSplit ? clusters.map(clusterText) : [...broken, ...wear],
  };
}

/** A node that lost its folder rejoins under a new number at the same address. */
function ownAnswer(
  node: number,
  cluster: string,
  answer: NodeInfo | string | undefined,
): NodeInfo | string {
  if (answer === undefined) return 'the node was not queried';
  if (typeof answer === 'string') return answer;
  const isForeign = answer.cluster !== '' && answer.cluster !== cluster;
  if (isForeign) return `a node of cluster ${answer.cluster} answers at its address`;
  return answer.node === node ? answer : `node ${answer.node} answers at its address`;
}

/** A wiped node rejoins with its old name and a new number, so a name may occur twice. */
function labelOf(
  { node, name }: { readonly node: number; readonly name: string },
  all: readonly { readonly name: string }[],
): string {
  if (name === '') return String(node);
  return all.filter((other) => other.name === name).length === 1 ? name : `${name}#${node}`;
}

function shardHealth(row: ShardRow, map: ClusterMap, nodes: readonly NodeHealth[]): ShardHealth {
  const { shard, from, to, members } = row;
  const reported = members.filter(({ isVoter }) => isVoter);
  // The configuration is unknown until a leader has reported it.
  const listed = reported.length > 0 ? reported : members.filter(({ isWanted }) => isWanted);
  const voters = listed.map(({ node }) => node as number);
  const replicas = nodes.flatMap(({ node, info }) => {
    const replica = info?.replicas.find((candidate) => candidate.shard === shard);
    return replica === undefined ? [] : [{ node, replica }];
  });
  const working = replicas.filter(({ replica }) => replica.stopReason === '');
  const leader = leaderAmong(working);
  const isUp = (one: number) => nodes.some(({ node, info }) => node === one && info !== undefined);
  const health = {
    shard,
    from,
    to,
    leaderNode: leader?.node ?? 0,
    term: leader?.replica.term ?? 0,
    voters,
    liveVoters: voters.filter((voter) => working.some(({ node }) => node === voter)),
    quarantined: working.filter(({ replica }) => replica.isQuarantined).map(({ node }) => node),
    replicasWanted: replicasWantedOf(row, map),
    isMoving: members.some(({ isWanted, isVoter }) => isWanted !== isVoter),
    lagEntries: leader?.replica.lagEntries ?? 0,
  };
  const isGrowing = [...row.goal, ...members.map(({ node }) => node)].every(isUp);
  return { ...health, isGrowing, state: stateOf(health, isGrowing) };
}

function stateOf(
  shard: Omit<ShardHealth, 'state' | 'isGrowing'>,
  isGrowing: boolean,
): ShardHealth['state'] {
  const { voters, liveVoters, quarantined, replicasWanted, leaderNode, isMoving } = shard;
  const [all, live] = [voters.length, liveVoters.length];
  if (live < majorityOf(voters)) return 'no majority';
  if (leaderNode === 0) return 'no leader';
  if (live < all) return `${live} of ${all} up`;
  if (quarantined.length > 0) return 'repairing';
  if (isMoving) return 'moving';
  if (all < replicasWanted) return isGrowing ? 'growing' : `${all} of ${replicasWanted}`;
  return 'ok';
}

function isElecting({ voters, liveVoters, leaderNode }: ShardHealth): boolean {
  return leaderNode === 0 && liveVoters.length >= majorityOf(voters);
}

/** A former leader may not know yet that it was replaced: the highest term counts. */
function leaderAmong(
  replicas: readonly { readonly node: number; readonly replica: ReplicaInfo }[],
) {
  const leaders = replicas.filter(({ replica }) => replica.role === 'leader');
  return leaders.sort((one, other) => other.replica.term - one.replica.term)[0];
}

/** The number of replicas grows with the nodes; the catalog has its own odd number. */
function replicasWantedOf({ shard }: ShardRow, { nodes, settings }: ClusterMap): number {
  const active = nodes.filter((row) => mayCarry(row) && row.membership === 'active').length;
  // Drained nodes keep replicas for which no other node has quota.
  const able = nodes.filter(mayCarry).length;
  const carrying = Math.max(active, Math.min(able, settings.replicas));
  if (shard !== CATALOG_SHARD) return Math.max(1, Math.min(settings.replicas, carrying));
  const most = Math.min(CATALOG_VOTERS_MAX, carrying);
  return Math.max(1, most % 2 === 1 ? most : most - 1);
}

function majorityOf({ length }: readonly number[]): number {
  return Math.floor(length / 2) + 1;
}

function breakageOf({ shard, voters, liveVoters, leaderNode }: ShardHealth): string[] {
  const name = shardName(shard);
  if (liveVoters.length < majorityOf(voters)) {
    return [
      `${name} has lost its majority: ${liveVoters.length} of ${voters.length} replicas are up`,
    ];
  }
  return leaderNode === 0 ? [`${name} has no leader`] : [];
}

function complaintsOf(row: NodeHealth): string[] {
  const { url, membership, info, fault } = row;
  const name = `${nodeName(row)} (${url})`;
  if (info === undefined && membership === 'removing') {
    return [`${name} is down and not yet replaced in all shards`];
  }
  if (info === undefined) return [`${name} is unreachable: ${fault}`];
  const { replicas, consistency, unconfirmed } = info;
  const stopped = replicas.filter(({ stopReason }) => stopReason !== '');
  const doubting = replicas.filter(({ doubt, stopReason }) => doubt !== '' && stopReason === '');
  const quarantined = replicas.filter(({ isQuarantined }) => isQuarantined);
  return [
    ...(unconfirmed === '' ? [] : [`${name} does not serve yet: ${unconfirmed}`]),
    ...(info.isReadOnly ? [`${name} refuses writes: its disk is nearly full`] : []),
    ...(info.log.damages === 0
      ? []
      : [`${name} found ${info.log.damages} damaged places in its log: check its disk`]),
    ...(info.audit?.isWorking === false
      ? [`${name} cannot write its audit trail: see its log`]
      : []),
    ...(info.isClosing ? [`${name} is shutting down`] : []),
    ...stopped.map(({ shard, stopReason }) => {
      return `${name} has stopped its replica of ${shardName(shard)}: ${stopReason}`;
    }),
    ...doubting.map(({ shard, doubt }) => {
      return `${name} does not follow the leader of ${shardName(shard)}: ${doubt}`;
    }),
    ...quarantined.map(({ shard }) => {
      return `${name} waits for an intact snapshot of ${shardName(shard)}: its state is damaged`;
    }),
    ...consistency.undecided.map((shard) => {
      return `the replicas of ${shardName(shard)} have different states, and no majority agrees`;
    }),
  ];
}

function shortageOf({ shard, voters, replicasWanted }: ShardHealth): string[] {
  if (voters.length >= replicasWanted) return [];
  return [`${shardName(shard)} has ${voters.length} of ${replicasWanted} replicas`];
}
