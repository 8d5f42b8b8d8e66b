/** The rows of nodes and shards as bytes: the same in the state store and in a map. */

import type { NodeId } from '../base/ids.ts';
import { CATALOG_LIMITS } from '../base/limits.ts';
import {
  count,
  fields,
  list,
  octets,
  optional,
  type Schema,
  struct,
  truth,
  where,
} from '../base/schema.ts';
import { RING_SPAN } from '../ring/arc.ts';
import { NO_NODE, type NodeRow, type ShardRow } from './cluster-map.ts';
import {
  AIMED_BASIS,
  CLUSTER_ID,
  DESCRIPTION_FIELDS,
  GOAL,
  MEMBER,
  MEMBERSHIP,
  NODE,
  NODE_OR_NONE,
  SETTINGS,
  SHARD,
} from './field-codec.ts';

/** The map without its rows. */
export const MAP_HEADER = {
  version: count(),
  clusterId: CLUSTER_ID,
  settings: SETTINGS,
  nextNode: NODE,
  aimedAt: count(),
};

export const NODE_ROW: Schema<NodeRow> = struct({
  node: NODE,
  revision: count(),
  tokenDigest: octets(32),
  incarnation: count(),
  life: count(),
  ...DESCRIPTION_FIELDS,
  basis: optional(fields(AIMED_BASIS)),
  membership: MEMBERSHIP,
  replaces: NODE_OR_NONE,
});

/** A row that contradicts itself is refused. */
export const SHARD_ROW: Schema<ShardRow> = where(
  struct({
    shard: SHARD,
    revision: count(),
    epoch: count(),
    from: count(),
    to: count(),
    founder: MEMBER,
    isFounded: truth,
    term: count(),
    goal: GOAL,
    preferredNode: NODE_OR_NONE,
    members: list(struct({ node: NODE, member: MEMBER, isWanted: truth, isVoter: truth }), {
      max: CATALOG_LIMITS.membersMax,
    }),
  }),
  isSoundRow,
);

/** A goal is a rising list of nodes, and the preferred one is among them. */
export function isSoundGoal(goal: readonly NodeId[], preferredNode: NodeId): boolean {
  if (goal.length === 0 || !isRising(goal)) return false;
  return preferredNode === NO_NODE || goal.includes(preferredNode);
}

function isSoundRow({ from, to, goal, preferredNode, members }: ShardRow): boolean {
  const nodes = members.map(({ node }) => node);
  return (
    from <= to &&
    to <= RING_SPAN &&
    isSoundGoal(goal, preferredNode) &&
    isRising(nodes) &&
    new Set(members.map(({ member }) => member)).size === members.length &&
    members.some(({ isWanted }) => isWanted)
  );
}

function isRising(numbers: readonly number[]): boolean {
  return numbers.every((number, at) => at === 0 || (numbers[at - 1] as number) < number);
}
