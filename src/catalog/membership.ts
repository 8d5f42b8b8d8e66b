/**
 * Membership of the cluster: a newcomer that replaces a lost node, the operator's goals for nodes,
 * and when the row of a removed node may be deleted.
 */

import type { NodeId } from '../base/ids.ts';
import { isSameDigest, sha256 } from '../base/sha256.ts';
import type { ClusterMap, NodeDescription, NodeRow, ShardRow } from './cluster-map.ts';
import { NO_NODE } from './cluster-map.ts';
import type { CatalogCommand, CatalogRefusal, CommandOf } from './command.ts';
import { nodeNumbered } from './questions.ts';

interface Newcomer {
  readonly node: NodeId;
  readonly tokenDigest: Uint8Array;
  readonly description: NodeDescription;
}

/** What a newcomer changes: its own row, those of the nodes it replaces, and the goals. */
interface Admission {
  readonly nodes: readonly NodeRow[];
  readonly shards: readonly ShardRow[];
  readonly replaces: NodeId;
}

/**
 * The nodes known at the address of a newcomer. It listens there with another folder, so their
 * folders are lost; whether they are really silent is checked before the command is proposed.
 */
function predecessorsOf(
  { nodes }: ClusterMap,
  { description }: Pick<Newcomer, 'description'>,
): readonly NodeRow[] {
  return nodes.filter(({ peerUrl }) => peerUrl === description.peerUrl);
}

/**
 * The newcomer replaces its predecessors in all goals, so no other node's replicas move. Each shard
 * then replaces the lost voter by the new member in one joint change, once that member has caught
 * up: the shard never has one more voter, and never counts the machine twice.
 */
export function admit(map: ClusterMap, newcomer: Newcomer, index: number): Admission {
  const { node, tokenDigest, description } = newcomer;
  const predecessors = predecessorsOf(map, newcomer);
  const former = predecessors.at(-1);
  const bases = predecessors.flatMap(({ basis }) => basis ?? []);
  // If two nodes are replaced at once the goals lose one node, so they are computed anew.
  const basis = bases.length === 1 ? bases[0] : undefined;
  const row: NodeRow = {
    ...{ node, revision: index, tokenDigest, incarnation: 0, life: 0, ...description, basis },
    membership: former?.membership === 'draining' ? 'draining' : 'active',
    replaces: former?.node ?? NO_NODE,
  };
  const leaving = predecessors.map((known): NodeRow => {
    return { ...known, revision: index, basis: undefined, membership: 'removing' };
  });
  const isReplaced = (one: NodeId) => predecessors.some((known) => known.node === one);
  const shards = map.shards.flatMap((shard): ShardRow[] => {
    if (!shard.goal.some(isReplaced)) return [];
    // Its number is the greatest of all, so the goal stays in rising order.
    const goal = [...shard.goal.filter((one) => !isReplaced(one)), node];
    const preferredNode = isReplaced(shard.preferredNode) ? node : shard.preferredNode;
    return [{ ...shard, revision: index, goal, preferredNode }];
  });
  return { nodes: [...leaving, row], shards, replaces: row.replaces };
}

/** The changed row, nothing if it is already so, or the refusal. */
export function membershipOf(
  map: ClusterMap,
  { node, revision, membership, isForced }: CommandOf<'set-membership'>,
  index: number,
): NodeRow | 'nothing' | CatalogRefusal {
  const row = nodeNumbered(map, node);
  if (row === undefined) {
    const isGone = node < map.nextNode && membership === 'removing';
    return isGone ? 'nothing' : 'unknown-node';
  }
  if (row.membership === membership) return 'nothing';
  if (row.revision !== revision) return 'stale-revision';
  if (successorOf(map, node) !== undefined) return 'replaced';
  if (membership === 'removing') {
    const objection = objectionToRemoval(map, node);
    if (objection === 'last-node' || (objection !== undefined && !isForced)) return objection;
  }
  return { ...row, revision: index, membership };
}

/** The node that replaced this one. */
function successorOf({ nodes }: ClusterMap, node: NodeId): NodeRow | undefined {
  return nodes.find(({ replaces }) => replaces === node);
}

/** Numbers are assigned once, so an assigned number without a row is of a removed node. */
export function isRemoved(map: ClusterMap, node: NodeId): boolean {
  return node < map.nextNode && nodeNumbered(map, node) === undefined;
}

type Objection = Extract<CatalogRefusal, 'still-running' | 'no-majority'>;

/**
 * Objections that depend on which nodes are alive, which the map does not say. Checked by the
 * catalog's leader before it proposes. Safety does not depend on it: a node that is replaced or
 * removed by mistake loses its place, and no shard loses a voter before another has caught up.
 */
export function objectionOf(
  map: ClusterMap | undefined,
  command: CatalogCommand,
  isUp: (node: NodeId) => boolean,
): Objection | undefined {
  if (map === undefined) return undefined;
  if (command.type === 'join') {
    // A folder that asks again has its number already.
    const isKnown = nodeWithToken(map, command.joinToken) !== undefined;
    const running = predecessorsOf(map, command).some(({ node }) => isUp(node));
    return running && !isKnown ? 'still-running' : undefined;
  }
  if (command.type !== 'set-membership' || command.membership !== 'removing') return undefined;
  const { node } = command;
  if (isUp(node)) return undefined;
  return map.shards.some((row) => dependsOn(row, node, isUp)) ? 'no-majority' : undefined;
}

/** The node is silent, and the shard can neither begin nor continue without it. */
function dependsOn(
  { isFounded, founder, members }: ShardRow,
  node: NodeId,
  isUp: (node: NodeId) => boolean,
): boolean {
  if (!isFounded) return members.some((one) => one.member === founder && one.node === node);
  const voters = members.filter(({ isVoter }) => isVoter);
  if (!voters.some((voter) => voter.node === node)) return false;
  return voters.filter((voter) => isUp(voter.node)).length * 2 <= voters.length;
}

/** The node whose data folder has this token. */
export function nodeWithToken({ nodes }: ClusterMap, joinToken: Uint8Array): NodeRow | undefined {
  const digest = sha256(joinToken);
  return nodes.find(({ tokenDigest }) => isSameDigest(tokenDigest, digest));
}

/** Objections to the removal of a node, whether or not it is alive. */
function objectionToRemoval(
  map: ClusterMap,
  node: NodeId,
): 'last-node' | 'fewer-replicas' | undefined {
  const before = map.nodes.filter(mayCarry);
  const after = before.filter((row) => row.node !== node).length;
  if (after === 0) return 'last-node';
  const isFewer = after < Math.min(before.length, map.settings.replicas);
  return isFewer ? 'fewer-replicas' : undefined;
}

/** Whether the node may hold replicas, given the operator's goal. */
export function mayCarry({ weight, membership }: NodeRow): boolean {
  return weight > 0 && membership !== 'removing';
}

/**
 * The nodes whose rows are deleted with this change: being removed, in no goal, and listed by no
 * shard. A listed node may be in a configuration, and a voter without an address is lost.
 */
export function nodesGone(
  map: ClusterMap,
  changed: { readonly nodes: readonly NodeRow[]; readonly shards: readonly ShardRow[] },
): readonly NodeId[] {
  const nodes = new Map(map.nodes.map((row) => [row.node, row]));
  for (const row of changed.nodes) nodes.set(row.node, row);
  const leaving = new Set<NodeId>();
  for (const { node, membership, basis } of nodes.values()) {
    if (membership === 'removing' && basis === undefined) leaving.add(node);
  }
  if (leaving.size === 0) return [];
  const shards = [...map.shards];
  for (const row of changed.shards) shards[row.shard] = row;
  for (const { goal, members } of shards) {
    for (const node of goal) leaving.delete(node);
    for (const { node } of members) leaving.delete(node);
  }
  return [...leaving];
}
