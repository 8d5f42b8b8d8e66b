/**
 * A leader whose log contradicts what is committed here. Leader completeness (§5.4.3) rules it out
 * as long as disks keep what they acknowledged: a majority lost entries, by old copies of folders
 * for example, and went on without them. Neither history can be led to the other. The one that a
 * majority has goes on: either the leader's, and this replica has to be replaced, or that of the
 * voters that do not follow it, and they elect another.
 */

import { type MemberId, NO_MEMBER } from '../base/ids.ts';
import type { AppendEntries, Heartbeat, SnapshotChunk } from './message.ts';
import type { Position } from './position.ts';
import type { StepResult } from './ready.ts';
import { note, type RaftState, refuse } from './state.ts';

/** Nothing of the message is taken, and its sender is no leader to this replica. */
export function contradict(
  state: RaftState,
  { from }: AppendEntries | SnapshotChunk,
  told: Position,
): StepResult {
  note(state, 'leader-contradicted');
  const index = Math.min(told.index, state.commit);
  state.contradiction = {
    leader: from,
    term: state.term,
    tick: state.ticks,
    committed: { index, term: state.log.termAt(index) ?? 0 },
    told: { index: told.index, term: told.term },
  };
  if (state.role.type === 'follower') state.role.leader = NO_MEMBER;
  return refuse('in-doubt');
}

/**
 * What becomes of the next messages of such a leader; undefined from any other. No answer: it must
 * not take this replica for one that follows it. If it says that it has committed an entry of its
 * term, a majority does, and the driver has to give this replica up.
 */
export function doubt(
  state: RaftState,
  message: AppendEntries | Heartbeat | SnapshotChunk,
): StepResult | undefined {
  const { contradiction } = state;
  if (contradiction?.term !== state.term || contradiction.leader !== message.from) return undefined;
  const isFollowed = message.type === 'heartbeat' && message.isEstablished;
  return refuse(isFollowed ? 'contradicted' : 'in-doubt');
}

/** For a while it gets no vote either: else it may win again before another voter stands. */
export function isDoubted(
  { contradiction, ticks, limits }: RaftState,
  candidate: MemberId,
): boolean {
  if (contradiction?.leader !== candidate) return false;
  return ticks - contradiction.tick < limits.electionTicksMax;
}

/** A log, and through where it is known to be committed: at least its base. */
type Known = Pick<RaftState, 'log' | 'commit'>;

/** Whether a committed entry is known here that no log with this position can have. */
export function isContradicted({ log, commit }: Known, { index, term }: Position): boolean {
  // Terms never fall along a log, so a position outside of what is known can be judged as well.
  if (index > commit) return term < (log.termAt(commit) ?? 0);
  if (index < log.base.index) return term > log.base.term;
  return log.termAt(index) !== term;
}
