/** How a leader handles the answers of its followers (§5.3). */

import { advanceCommit } from './commit.ts';
import { confirmRounds, wakeLeader } from './heartbeats.ts';
import type { AppendResponse, HeartbeatResponse, SnapshotResponse } from './message.ts';
import type { Progress } from './progress.ts';
import { type StepResult, TAKEN } from './ready.ts';
import { sendNudge } from './replication.ts';
import { learnOffset } from './snapshot-sender.ts';
import { type Leader, note, type RaftState, refuse } from './state.ts';
import { sendWhenReady } from './transfer.ts';

export function receiveAppendResponse(
  state: RaftState,
  leader: Leader,
  response: AppendResponse,
): StepResult {
  const progress = hear(state, leader, response);
  if (progress === undefined) return refuse('not-a-member');
  if (response.index > state.log.lastIndex) return refuse('malformed');
  switch (response.answer) {
    case 'have':
      learnMatch(state, leader, progress, response.index);
      break;
    case 'missing':
      learnConflict(state, progress, response);
      break;
    case 'damaged':
      if (response.index === 0) return refuse('malformed');
      progress.lost(response.index);
      break;
    case 'stateless':
      if (progress.state !== 'snapshot') progress.lostState(response.index);
      break;
  }
  state.hasNews = true;
  return TAKEN;
}

export function receiveHeartbeatResponse(
  state: RaftState,
  leader: Leader,
  response: HeartbeatResponse,
): StepResult {
  const progress = hear(state, leader, response);
  if (progress === undefined) return refuse('not-a-member');
  progress.delay = response.delayMilliseconds;
  learnPace(state, progress);
  const isLinkFull = state.links.room(progress.member, 'append') === 0;
  const isAllSent = progress.next > state.log.lastIndex || progress.isWindowFull || isLinkFull;
  // Unanswered appends may be lost: the answer to a probe shows which.
  if (progress.isOverdue(state.ticks, { isLinkFull })) {
    progress.asked(state.ticks);
    if (isAllSent && progress.match < state.log.lastIndex) sendNudge(state, progress);
  }
  if (progress.match < state.log.lastIndex) state.hasNews = true;
  return TAKEN;
}

export function receiveSnapshotResponse(
  state: RaftState,
  leader: Leader,
  response: SnapshotResponse,
): StepResult {
  const progress = hear(state, leader, response);
  if (progress === undefined) return refuse('not-a-member');
  const { transfer } = progress;
  if (transfer === undefined || transfer.snapshot.index !== response.index) return refuse('stale');
  state.hasNews = true;
  if (response.answer === 'refused') {
    note(state, 'snapshot-refused');
    progress.probe();
    return TAKEN;
  }
  if (response.offset === transfer.offset) return TAKEN;
  // The follower started anew.
  if (response.offset < transfer.offset) note(state, 'snapshot-resumed');
  const isLinkFull = state.links.room(progress.member, 'chunk') === 0;
  learnOffset(state, transfer, { offset: response.offset, isLinkFull });
  return TAKEN;
}

/** Any answer in this term shows that its sender is alive and follows. */
function hear(
  state: RaftState,
  leader: Leader,
  response: AppendResponse | HeartbeatResponse | SnapshotResponse,
): Progress | undefined {
  const progress = leader.followers.get(response.from);
  if (progress === undefined) return undefined;
  // A quiesced leader expects only answers to its last round; any other answer is a protest.
  const isBelated = response.type === 'heartbeat-response' && response.round < leader.round;
  if (leader.isQuiet && !isBelated) wakeLeader(state, leader);
  progress.heard(state.ticks);
  if (response.round > progress.answeredRound && response.round <= leader.round) {
    progress.answeredRound = response.round;
    confirmRounds(state, leader);
  }
  return progress;
}

function learnMatch(state: RaftState, leader: Leader, progress: Progress, index: number): void {
  const isNews = progress.has(index);
  learnPace(state, progress);
  if (!isNews) return;
  advanceCommit(state, leader);
  if (state.role === leader) sendWhenReady(state, leader);
}

function learnConflict(state: RaftState, progress: Progress, response: AppendResponse): void {
  const agreed = state.log.couldAgreeAt(response.hint);
  if (agreed.index < response.index - 1) note(state, 'probe-skipped-entries');
  progress.misses({ index: response.index, couldMatch: agreed.index });
}

function learnPace(state: RaftState, progress: Progress): void {
  const now = { lastIndex: state.log.lastIndex, now: state.ticks };
  if (progress.catchUp(now)) note(state, 'follower-caught-up');
}
