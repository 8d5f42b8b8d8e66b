/** Membership changes: one at a time, joint consensus where the voters differ (§6, thesis §4.3). */

import { faultOfConfiguration, isJoint, isVoter, type Target, towards } from './configuration.ts';
import { appendConfiguration } from './proposals.ts';
import type { RaftRefusal, StepResult } from './ready.ts';
import { type Leader, note, type RaftState, refuse } from './state.ts';

export function change(state: RaftState, target: Target): StepResult {
  if (state.role.type !== 'leader') return refuse('not-leader');
  const leader = state.role;
  const obstacle = obstacleTo(state, leader, target);
  if (obstacle !== undefined) {
    note(state, 'change-refused');
    return refuse(obstacle);
  }
  const next = towards(state.configurations.newest.configuration, target);
  if (isJoint(next)) note(state, 'joint-entered');
  return { type: 'taken', position: appendConfiguration(state, leader, next) };
}

/** Checked against the newest configuration in the log, not the applied one. */
function obstacleTo(state: RaftState, leader: Leader, target: Target): RaftRefusal | undefined {
  const { at, configuration } = state.configurations.newest;
  if (leader.transfer !== undefined) return 'leadership-moving';
  // Without an entry of its own term committed, a leader may not know a committed change.
  if (state.commit < leader.firstOwnIndex) return 'no-own-term-commit';
  if (at.index > state.commit || isJoint(configuration)) return 'change-pending';
  const next = towards(configuration, target);
  const hasDuplicates =
    next.voters.length !== target.voters.length || next.learners.length !== target.learners.length;
  if (hasDuplicates || faultOfConfiguration(next) !== undefined) return 'target-unsound';
  const isSame =
    !isJoint(next) &&
    next.learners.length === configuration.learners.length &&
    next.learners.every((learner) => configuration.learners.includes(learner));
  if (isSame) return 'target-unchanged';
  const leaderNow = { lastIndex: state.log.lastIndex, now: state.ticks };
  for (const voter of next.voters) {
    if (isVoter(configuration, voter)) continue;
    const progress = leader.followers.get(voter);
    // A voter that is far behind would reduce availability immediately (thesis §4.2.1). While the
    // shard is quiesced no follower is heard, and every member has every entry.
    const isNear = leader.isQuiet || progress?.isCaughtUp(leaderNow);
    if (progress === undefined || !isNear) return 'learner-behind';
  }
  return undefined;
}
