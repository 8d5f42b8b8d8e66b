/** Which damage a shard can survive: damaged values of users that exist nowhere else. */

import type { MemberId } from '../base/ids.ts';
import { SECTION } from '../machine/section.ts';
import type { Configuration } from '../raft/configuration.ts';
import type { Position } from '../raft/position.ts';
import type { StateDamage } from '../storage/state/state.ts';

interface Kept {
  readonly member: MemberId;
  /** The newest one in its log. */
  readonly configuration: Configuration;
  /** Where its log begins. */
  readonly base: Position;
}

/**
 * No other replica has the rows, and the log lacks entries that made them. No new replica can get
 * them either: it would be fed a snapshot, and a damaged state provides none.
 */
export function isIrreplaceable({ member, configuration, base }: Kept): boolean {
  const { voters, outgoing, learners } = configuration;
  const isAlone = voters.length === 1 && voters[0] === member;
  return isAlone && outgoing.length === 0 && learners.length === 0 && base.index > 0;
}

/** The machine cannot run without its own sections. */
export function isValue({ row }: StateDamage): boolean {
  return row?.section === SECTION.values;
}
