/** Rounds of heartbeats: one number for liveness, reads and leases (thesis §6.2, §6.4). */

import type { Progress } from './progress.ts';
import { reachedByQuorum } from './quorum.ts';
import { grantReads, takeRound } from './read-index.ts';
import { configurationOf, type Leader, note, type RaftState, to } from './state.ts';

/** Starts a round. Its number is made here, never by a client, so no answer counts twice. */
export function beat(state: RaftState, leader: Leader, how: { readonly isLast: boolean }): void {
  leader.round += 1;
  if (leader.roundsSent[leader.roundsSent.length - 1]?.at !== state.now) {
    leader.roundsSent.push({ round: leader.round, at: state.now });
  }
  const timeoutMilliseconds = Math.ceil(state.timeout.milliseconds);
  for (const progress of leader.followers.values()) {
    sendHeartbeat(state, leader, { progress, isLast: how.isLast, timeoutMilliseconds });
  }
  confirmRounds(state, leader);
}

/** In the present round. */
function sendHeartbeat(state: RaftState, leader: Leader, about: HeartbeatAbout): void {
  const { progress, isLast, timeoutMilliseconds } = about;
  const commit = Math.min(progress.match, state.commit);
  if (commit < state.commit) note(state, 'heartbeat-commit-clamped');
  progress.toldCommit = commit;
  state.outbox.send({
    type: 'heartbeat',
    ...to(state, progress.member),
    commit,
    round: leader.round,
    configuration: state.configurations.newest.at,
    isLast,
    isEstablished: state.commit >= leader.firstOwnIndex,
    timeoutMilliseconds,
  });
}

interface HeartbeatAbout {
  readonly progress: Progress;
  readonly isLast: boolean;
  readonly timeoutMilliseconds: number;
}

/**
 * A heartbeat between rounds, if the follower can commit more than it was told and no append leaves
 * for it anyway. It begins no round: an answer proves what an answer to the present round proves.
 */
export function announceCommit(state: RaftState, leader: Leader, progress: Progress): void {
  if (state.ticks >= leader.announceUntil || progress.next <= state.log.lastIndex) return;
  if (Math.min(progress.match, state.commit) <= progress.toldCommit) return;
  const timeoutMilliseconds = Math.ceil(state.timeout.milliseconds);
  sendHeartbeat(state, leader, { progress, isLast: false, timeoutMilliseconds });
}

/** Activity in a quiesced shard: the leader sends heartbeats immediately. */
export function wakeLeader(state: RaftState, leader: Leader): void {
  leader.idleTicks = 0;
  if (!leader.isQuiet) return;
  note(state, 'woken');
  leader.isQuiet = false;
  // These values are as old as the silence, and so are the delays that followers stated.
  leader.roundsSent = [];
  leader.heartbeatElapsed = 0;
  state.timeout.majorityDelay = undefined;
  for (const progress of leader.followers.values()) progress.woken(state.ticks);
  beat(state, leader, { isLast: false });
}

/** A quorum answered: no newer leader existed when the round left. */
export function confirmRounds(state: RaftState, leader: Leader): void {
  const confirmed = reachedByQuorum(configurationOf(state), (voter) => {
    return voter === state.self ? leader.round : (leader.followers.get(voter)?.answeredRound ?? 0);
  });
  let newest: number | undefined;
  for (let sent = leader.roundsSent[0]; sent !== undefined; sent = leader.roundsSent[0]) {
    if (sent.round > confirmed) break;
    newest = sent.at;
    leader.roundsSent.shift();
  }
  if (newest !== undefined) {
    leader.leaseFrom = newest;
    state.timeout.observeOthers(state.now - newest);
  }
  grantReads(state, leader, confirmed);
}

/** ReadIndex: one round for all reads that wait for one. */
export function sendReadRound(state: RaftState, leader: Leader): void {
  if (!takeRound(state, leader)) return;
  leader.heartbeatElapsed = 0;
  beat(state, leader, { isLast: false });
}
