/**
 * Which member should lead a shard, as its present leader sees it.
 *
 * Leaders gather on one node while that node has time to spare: requests of many shards then share
 * turns, frames and appends, and both parts of most transactions have the same leader. They spread
 * as the goals prefer where it has none. Only the load of the own node is needed: one that
 * has time to spare gives its leaders away, and one that is busy gives up those of others.
 */

import type { MemberId } from '../base/ids.ts';
import { NO_NODE, type ShardRow } from './cluster-map.ts';
import { memberOn } from './questions.ts';

/**
 * How much of a processor core the process of a node uses. `idle`: it could do the work of others,
 * too. `busy`: more work would make requests wait. `working`: neither, so nothing should change.
 */
export type Load = 'idle' | 'working' | 'busy';

interface LeaderChoice {
  readonly row: ShardRow;
  /** The present leader. */
  readonly self: MemberId;
  /** Of the leader's node. */
  readonly load: Load;
  /** It could lead immediately; true for the leader unless its node is drained. */
  readonly isAble: (member: MemberId) => boolean;
}

/** Undefined where it does not matter, and where the one that should lead cannot. */
export function wishedLeader({ row, self, load, isAble }: LeaderChoice): MemberId | undefined {
  if (row.preferredNode === NO_NODE) return undefined;
  const gatherer = row.members.find(({ member, isWanted }) => isWanted && isAble(member))?.member;
  const mayGather = self === gatherer ? load !== 'busy' : load === 'idle';
  const wished = mayGather ? gatherer : preferredOf(row);
  return wished !== undefined && isAble(wished) ? wished : undefined;
}

/** The member on the node that the goals prefer, if the shard wants it. */
function preferredOf(row: ShardRow): MemberId | undefined {
  const listed = memberOn(row, row.preferredNode);
  return listed?.isWanted === true ? listed.member : undefined;
}
