/**
 * A leader whose log contradicts what is committed here. Leader completeness (§5.4.3) excludes this
 * as long as disks keep what they acknowledged. It occurs if a majority lost entries, for example
 * through old copies of data folders, and continued without them. The two histories cannot be
 * reconciled. The one that a majority has continues: either the leader's, and this replica has to
 * be replaced, or that of the voters that do not follow the leader, and they elect another.
 */

import { type MemberId, NO_MEMBER } from '../base/ids.ts';
import type { AppendEntries, Heartbeat, SnapshotChunk } from './message.ts';
import type { Position } from './position.ts';
import type { StepResult } from './ready.ts';
import { note, type RaftState, refuse } from './state.ts';

/** The message is ignored, and its sender is not accepted as leader. */
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
 * The outcome of later messages of such a leader; undefined for any other sender. It gets no
 * answer, so that it cannot count this replica as a follower. If it says that it has committed an
 * entry of its term, a majority follows it, and the driver has to give this replica up.
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

/**
 * For a while it gets no vote either: otherwise it might win again before another voter campaigns.
 */
export function isDoubted(
  { contradiction, ticks, limits }: RaftState,
  candidate: MemberId,
): boolean {
  if (contradiction?.leader !== candidate) return false;
  return ticks - contradiction.tick < limits.electionTicksMax;
}

/** A log, and the index through which it is known to be committed: at least its base. */
type Known = Pick<RaftState, 'log' | 'commit'>;

/** Whether an entry is committed here that no log with this position can have. */
export function isContradicted({ log, commit }: Known, { index, term }: Position): boolean {
  // Terms never fall along a log, so positions outside of the known part can be judged as well.
  if (index > commit) return term < (log.termAt(commit) ?? 0);
  if (index < log.base.index) return term > log.base.term;
  return log.termAt(index) !== term;
}
