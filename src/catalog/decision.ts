/** The effect of a command on the map: the rows that change, or why it is refused. */

import type { AccessTable } from '../access/access-table.ts';
import { unreachable } from '../base/assert.ts';
import type { NodeId, ShardId } from '../base/ids.ts';
import { type Life, lifeMissingIn, wordOf } from '../base/life.ts';
import { CATALOG_LIMITS } from '../base/limits.ts';
import { isSameDigest, sha256 } from '../base/sha256.ts';
import { arcStart } from '../ring/arc.ts';
import { type AccessCommand, accessAfter, isAccessCommand } from './access-changes.ts';
import {
  CATALOG_SHARD,
  type ClusterMap,
  NO_NODE,
  type NodeRow,
  type ShardRow,
} from './cluster-map.ts';
import type { CatalogCommand, CatalogRefusal, CommandOf } from './command.ts';
import { faultOfDescription } from './description.ts';
import { admit, membershipOf, nodesGone, nodeWithToken } from './membership.ts';
import { basisOf, isSameBasis, nodeNumbered } from './questions.ts';
import { isSoundGoal } from './row.ts';
import type { MapHeader } from './state-rows.ts';

export type CatalogDecision =
  | {
      readonly type: 'change';
      readonly own: MapHeader;
      readonly nodes: readonly NodeRow[];
      readonly shards: readonly ShardRow[];
      /** Nodes whose rows are deleted. */
      readonly gone: readonly NodeId[];
      /** The assigned number, or `NO_NODE`. */
      readonly node: NodeId;
      /** Users, tokens and roles, if they change. */
      readonly access?: AccessTable;
    }
  /** The command is already in effect. */
  | { readonly type: 'nothing'; readonly node: NodeId }
  | { readonly type: 'refused'; readonly reason: CatalogRefusal };

/** Before the deletion of rows is decided. */
type Change = Omit<Extract<CatalogDecision, { readonly type: 'change' }>, 'gone'>;
type Outcome = Change | Exclude<CatalogDecision, { readonly type: 'change' }>;

/** `index` is that of the entry: the revision of every row that it changes. */
export function decide(
  map: ClusterMap | undefined,
  command: CatalogCommand,
  index: number,
): CatalogDecision {
  if (command.type === 'found') return found(map, command, index);
  if (map === undefined) return refuse('not-founded');
  if (isAccessCommand(command)) return changeAccess(map, command, index);
  const outcome = outcomeOf(map, command, index);
  if (outcome.type !== 'change') return outcome;
  const gone = nodesGone(map, outcome);
  const nodes = outcome.nodes.filter(({ node }) => !gone.includes(node));
  return { ...outcome, nodes, gone };
}

function outcomeOf(
  map: ClusterMap,
  command: Exclude<CatalogCommand, AccessCommand | { readonly type: 'found' }>,
  index: number,
): Outcome {
  switch (command.type) {
    case 'join':
      return join(map, command, index);
    case 'announce':
      return announce(map, command, index);
    case 'aim':
      return aim(map, command, index);
    case 'place':
      return place(map, command, index);
    case 'report':
      return report(map, command, index);
    case 'lose':
      return lose(map, command, index);
    case 'set-membership':
      return setMembership(map, command, index);
    case 'permitted':
      // It is unwrapped before, once.
      return refuse('malformed');
    default:
      return unreachable(command);
  }
}

/** Repeated by the same folder, it has no further effect. */
function found(
  map: ClusterMap | undefined,
  command: CommandOf<'found'>,
  index: number,
): CatalogDecision {
  const { clusterId, settings, joinToken, description, members } = command;
  if (map !== undefined) {
    const known = nodeWithToken(map, joinToken);
    const isAgain = map.clusterId === clusterId && known?.node === 1;
    return isAgain ? { type: 'nothing', node: known.node } : refuse('already-founded');
  }
  const isComplete = members.length === settings.shards + 1;
  if (clusterId === '' || description.weight === 0 || !isComplete) return refuse('unsound');
  if (faultOfDescription(description) !== undefined) return refuse('unsound');
  const node = 1 as NodeId;
  const { weight, zone } = description;
  const tokenDigest = sha256(joinToken);
  const row: NodeRow = {
    ...{ node, revision: index, tokenDigest, incarnation: 0, life: 0, ...description },
    basis: { weight, zone, isDrained: false },
    membership: 'active',
    replaces: NO_NODE,
  };
  const shards = members.map((founder, at): ShardRow => {
    // The catalog exists: this very command was committed in it.
    const isFounded = at === CATALOG_SHARD;
    return {
      shard: at as ShardId,
      revision: index,
      epoch: 1,
      from: isFounded ? 0 : arcStart(at - 1, settings.shards),
      to: isFounded ? 0 : arcStart(at, settings.shards),
      founder,
      isFounded,
      term: 0,
      goal: [node],
      preferredNode: isFounded ? NO_NODE : node,
      members: [{ node, member: founder, isWanted: true, isVoter: isFounded }],
    };
  });
  const nextNode = 2 as NodeId;
  const own: MapHeader = { version: index, clusterId, settings, nextNode, aimedAt: 0 };
  return { type: 'change', own, nodes: [row], shards, gone: [], node };
}

/** One folder gets one number, however often it asks. At a known address it replaces that node. */
function join(
  map: ClusterMap,
  { joinToken, description }: CommandOf<'join'>,
  index: number,
): Outcome {
  const known = nodeWithToken(map, joinToken);
  if (known !== undefined) return { type: 'nothing', node: known.node };
  if (faultOfDescription(description) !== undefined) return refuse('unsound');
  const newcomers = map.nodes.filter(({ incarnation }) => incarnation === 0).length;
  if (newcomers >= CATALOG_LIMITS.newcomersMax) return refuse('too-many-newcomers');
  if (map.nodes.length >= CATALOG_LIMITS.nodesMax) return refuse('full');
  const node = map.nextNode;
  const newcomer = { node, tokenDigest: sha256(joinToken), description };
  const { nodes, shards, replaces } = admit(map, newcomer, index);
  const own = { ...ownOf(map, index), nextNode: (node + 1) as NodeId };
  // Goals that were computed with the replaced node must not be set any more.
  const aimedAt = replaces === NO_NODE ? own.aimedAt : index;
  return { type: 'change', own: { ...own, aimedAt }, nodes, shards, node };
}

/** Lives follow each other: each announced life knows the word of the one before. */
function announce(map: ClusterMap, command: CommandOf<'announce'>, index: number): Outcome {
  const { node, joinToken, lineage, description } = command;
  const row = nodeNumbered(map, node);
  if (row === undefined) return refuse('unknown-node');
  if (!isSameDigest(row.tokenDigest, sha256(joinToken))) return refuse('wrong-token');
  const known = lifeOfRow(row);
  if (lifeMissingIn(lineage, known) !== undefined) return refuse('older-copy');
  const { incarnation } = lineage;
  if (incarnation < 1 || faultOfDescription(description) !== undefined) return refuse('unsound');
  const life = wordOf(lineage);
  const isAgain = known.length > 0 && life === row.life;
  if (isAgain && incarnation !== row.incarnation) return refuse('unsound');
  if (isAgain) return { type: 'nothing', node: NO_NODE };
  const announced = { ...row, ...description, revision: index, incarnation, life };
  return changeOf(map, index, { nodes: [announced] });
}

/** The known lives of a node: none before the first announcement. */
export function lifeOfRow({ incarnation, life }: NodeRow): readonly Life[] {
  return incarnation === 0 ? [] : [{ incarnation, word: life }];
}

function aim(
  map: ClusterMap,
  { aimedAt, nodes, shards }: CommandOf<'aim'>,
  index: number,
): Outcome {
  if (aimedAt !== map.aimedAt) return refuse('stale-revision');
  const aimed = new Map(nodes.map((node) => [node.node, node]));
  const goals = shards.flatMap(({ goal }) => goal);
  const known = new Set(map.nodes.map(({ node }) => node));
  if (![...aimed.keys(), ...goals].every((node) => known.has(node))) return refuse('unknown-node');
  const isSound =
    aimed.size === nodes.length &&
    shards.length === map.shards.length &&
    shards.every(({ goal, preferredNode }) => isSoundGoal(goal, preferredNode)) &&
    goals.every((node) => aimed.has(node));
  if (!isSound) return refuse('unsound');
  const nodesChanged = map.nodes.flatMap((row): NodeRow[] => {
    const news = aimed.get(row.node);
    const { basis } = row;
    if (isSameBasis(basis, news)) return [];
    return [{ ...row, revision: index, basis: news && basisOf(news) }];
  });
  const shardsChanged = map.shards.flatMap((row, at): ShardRow[] => {
    const { goal, preferredNode } = shards[at] as CommandOf<'aim'>['shards'][number];
    if (goal.join() === row.goal.join() && preferredNode === row.preferredNode) return [];
    return [{ ...row, revision: index, goal, preferredNode }];
  });
  const own = { ...ownOf(map, index), aimedAt: index };
  return { type: 'change', own, nodes: nodesChanged, shards: shardsChanged, node: NO_NODE };
}

/**
 * A member that is being removed never comes back: a configuration without it may be committed
 * already, and that is final. Its node gets a new one when it is gone from the row.
 */
function place(
  map: ClusterMap,
  { shard, revision, members }: CommandOf<'place'>,
  index: number,
): Outcome {
  const row = map.shards[shard];
  if (row === undefined) return refuse('unknown-shard');
  if (row.revision !== revision) return refuse('stale-revision');
  if (members.some(({ node }) => nodeNumbered(map, node) === undefined)) {
    return refuse('unknown-node');
  }
  const listed = new Map(row.members.map((member) => [member.node, member]));
  const idsListed = new Set(row.members.map(({ member }) => member));
  const isSound = members.every(({ node, member }) => {
    const former = listed.get(node);
    if (former === undefined) return !idsListed.has(member);
    return former.isWanted && former.member === member;
  });
  const hasTwice =
    new Set(members.map(({ node }) => node)).size < members.length ||
    new Set(members.map(({ member }) => member)).size < members.length;
  if (members.length === 0 || !isSound || hasTwice) return refuse('unsound');
  const wanted = new Map(members.map(({ node, member }) => [node, member]));
  const kept = row.members.map((member) => ({ ...member, isWanted: wanted.has(member.node) }));
  const added = members
    .filter(({ node }) => !listed.has(node))
    .map(({ node, member }) => ({ node, member, isWanted: true, isVoter: false }));
  if (kept.length + added.length > CATALOG_LIMITS.membersMax) return refuse('full');
  const all = [...kept, ...added].sort((one, other) => one.node - other.node);
  return changeOf(map, index, { shards: [{ ...row, revision: index, members: all }] });
}

/** The only place where a member leaves the row: unwanted, and in no configuration. */
function report(map: ClusterMap, command: CommandOf<'report'>, index: number): Outcome {
  const { shard, revision, term, voters, learners } = command;
  const row = map.shards[shard];
  if (row === undefined) return refuse('unknown-shard');
  if (row.revision !== revision) return refuse('stale-revision');
  if (term < row.term) return refuse('older-leader');
  if (voters.length === 0) return refuse('unsound');
  const configured = new Set([...voters, ...learners]);
  const members = row.members
    .filter(({ member, isWanted }) => isWanted || configured.has(member))
    .map((member) => ({ ...member, isVoter: voters.includes(member.member) }));
  const isKnown =
    row.isFounded &&
    term === row.term &&
    members.length === row.members.length &&
    members.every(({ isVoter }, at) => isVoter === row.members[at]?.isVoter);
  if (isKnown) return { type: 'nothing', node: NO_NODE };
  const reported = { ...row, revision: index, isFounded: true, term, members };
  return changeOf(map, index, { shards: [reported] });
}

/**
 * The member is not wanted any more; the leader removes it, and then its node gets another one. The
 * only wanted member stays: without it the shard could not continue.
 */
function lose(map: ClusterMap, { shard, member }: CommandOf<'lose'>, index: number): Outcome {
  const row = map.shards[shard];
  if (row === undefined) return refuse('unknown-shard');
  const lost = row.members.find((listed) => listed.member === member);
  if (lost === undefined || !lost.isWanted) return { type: 'nothing', node: NO_NODE };
  if (row.members.filter(({ isWanted }) => isWanted).length === 1) return refuse('unsound');
  const members = row.members.map((one) => (one === lost ? { ...one, isWanted: false } : one));
  return changeOf(map, index, { shards: [{ ...row, revision: index, members }] });
}

function setMembership(
  map: ClusterMap,
  command: CommandOf<'set-membership'>,
  index: number,
): Outcome {
  const row = membershipOf(map, command, index);
  if (row === 'nothing') return { type: 'nothing', node: NO_NODE };
  return typeof row === 'string' ? refuse(row) : changeOf(map, index, { nodes: [row] });
}

/**
 * A change that takes a right away also raises the epoch of every data shard: each adopts it by an
 * entry of its own, and executes nothing after it that was permitted before.
 */
function changeAccess(map: ClusterMap, command: AccessCommand, index: number): CatalogDecision {
  const after = accessAfter(map.access, command, index);
  if (after.type === 'nothing') return { type: 'nothing', node: NO_NODE };
  if (after.type === 'refused') return refuse(after.reason);
  const raised = map.shards.flatMap((row): ShardRow[] => {
    const isOfData = row.shard !== CATALOG_SHARD;
    return isOfData ? [{ ...row, revision: index, epoch: row.epoch + 1 }] : [];
  });
  const shards = after.isNarrower ? raised : [];
  const about = { own: ownOf(map, index), nodes: [], shards, gone: [], node: NO_NODE };
  return { type: 'change', ...about, access: after.table };
}

function changeOf(
  map: ClusterMap,
  index: number,
  rows: { readonly nodes?: readonly NodeRow[]; readonly shards?: readonly ShardRow[] },
): Outcome {
  const { nodes = [], shards = [] } = rows;
  return { type: 'change', own: ownOf(map, index), nodes, shards, node: NO_NODE };
}

function ownOf(map: ClusterMap, index: number): MapHeader {
  const { clusterId, settings, nextNode, aimedAt } = map;
  return { version: index, clusterId, settings, nextNode, aimedAt };
}

function refuse(reason: CatalogRefusal): Extract<CatalogDecision, { readonly type: 'refused' }> {
  return { type: 'refused', reason };
}
