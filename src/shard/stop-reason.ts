/** Why a replica cannot continue, as a text for people. */

import type { Position } from '../raft/position.ts';
import type { RaftStatus } from '../raft/status.ts';

export interface Stop {
  readonly reason: string;
  /** It cannot be repaired: another member has to take its place. */
  readonly isLost: boolean;
}

export function ofLaterVersion(index: number): Stop {
  return {
    reason: `entry ${index} was written by a later version: upgrade this node`,
    isLost: false,
  };
}

/** Why a replica does not follow the leader of its shard; empty if it does. */
export function doubtOf({ contradiction }: RaftStatus): string {
  if (contradiction === undefined) return '';
  const { committed, told } = contradiction;
  const both = `entry ${textOf(committed)} is committed here, and the leader has ${textOf(told)}`;
  return `${both} instead: nodes have lost acknowledged entries`;
}

/** A majority follows that leader, so its history continues. */
export function contradicted(status: RaftStatus): Stop {
  const text = `${doubtOf(status)}, and a majority of the voters continues without them`;
  return { reason: `${text}. A new member will replace this one`, isLost: true };
}

/** As index/term. */
function textOf({ index, term }: Position): string {
  return `${index}/${term}`;
}
