/** When an entry is committed, and what follows from it (§5.3, §5.4.2, §6). */

import type { MemberId } from '../base/ids.ts';
import { isJoint, isMember, isVoter, membersOf, settled } from './configuration.ts';
import { appendConfiguration } from './proposals.ts';
import { reachedByQuorum } from './quorum.ts';
import {
  commitThrough,
  configurationOf,
  type Leader,
  note,
  type RaftState,
  stepDown,
  to,
} from './state.ts';

/** The leader counts itself only for what its own disk has (thesis §10.2.1). */
export function advanceCommit(state: RaftState, leader: Leader): void {
  const reached = reachedByQuorum(configurationOf(state), (voter) => {
    return voter === state.self ? state.log.durable : (leader.followers.get(voter)?.match ?? 0);
  });
  if (reached <= state.commit) return;
  // §5.4.2, figure 8: entries of former terms are committed by a later entry of this term.
  if (state.log.termAt(reached) !== state.term) {
    note(state, 'old-term-commit-withheld');
    return;
  }
  const before = state.commit;
  commitThrough(state, reached);
  state.hasNews = true;
  while (leader.uncommitted.length > 0) {
    const batch = leader.uncommitted[0] as Leader['uncommitted'][number];
    if (batch.lastIndex > reached) break;
    leader.uncommittedBytes -= batch.bytes;
    leader.uncommitted.shift();
  }
  followConfiguration(state, leader, before);
}

/**
 * A committed joint configuration is left; a committed configuration without this leader ends its
 * leadership (§6).
 */
function followConfiguration(state: RaftState, leader: Leader, before: number): void {
  const { at, configuration } = state.configurations.newest;
  if (at.index > state.commit) return;
  if (isJoint(configuration)) {
    note(state, 'joint-left');
    appendConfiguration(state, leader, settled(configuration));
    return;
  }
  if (at.index <= before) return;
  sendRemovals(state, at.index);
  if (isVoter(configuration, state.self)) return;
  if (!isMember(configuration, state.self)) state.isRemoved = true;
  stepDown(state, 'stepped-down-after-removal');
}

/**
 * Members that this configuration leaves out learn it from a replica that knows it is committed.
 */
function sendRemovals(state: RaftState, index: number): void {
  const { all, newest } = state.configurations;
  const former = new Set<MemberId>();
  for (const placed of all) {
    if (placed.at.index >= index) break;
    for (const member of membersOf(placed.configuration)) former.add(member);
  }
  for (const member of former) {
    if (member === state.self || isMember(newest.configuration, member)) continue;
    state.outbox.send({ type: 'removed', ...to(state, member), configuration: newest.at });
  }
}
