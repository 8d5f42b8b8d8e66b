/** What a leader learns from the answers of its followers (§5.3). */

import { advanceCommit } from './commit.ts';
import { type Core, type Leader, note, refuse } from './core.ts';
import type { AppendResponse, HeartbeatResponse, SnapshotResponse } from './message.ts';
import { learnOffset } from './outgoing.ts';
import type { Progress } from './progress.ts';
import { type Outcome, TAKEN } from './ready.ts';
import { sendNudge } from './replication.ts';
import { confirmRounds, wakeLeader } from './rounds.ts';
import { sendWhenReady } from './transfer.ts';

export function receiveAppendResponse(
  core: Core,
  leader: Leader,
  response: AppendResponse,
): Outcome {
  const progress = hear(core, leader, response);
  if (progress === undefined) return refuse('not-a-member');
  if (response.index > core.log.lastIndex) return refuse('malformed');
  switch (response.answer) {
    case 'have':
      learnMatch(core, leader, progress, response.index);
      break;
    case 'missing':
      learnConflict(core, progress, response);
      break;
    case 'damaged':
      if (response.index === 0) return refuse('malformed');
      progress.lost(response.index);
      break;
    case 'stateless':
      if (progress.state !== 'snapshot') progress.lostState(response.index);
      break;
  }
  core.hasNews = true;
  return TAKEN;
}

export function receiveHeartbeatResponse(
  core: Core,
  leader: Leader,
  response: HeartbeatResponse,
): Outcome {
  const progress = hear(core, leader, response);
  if (progress === undefined) return refuse('not-a-member');
  progress.delay = response.delayMilliseconds;
  learnPace(core, progress);
  const isLinkFull = core.links.room(progress.member, 'append') === 0;
  const isAllSent = progress.next > core.log.lastIndex || progress.isWindowFull || isLinkFull;
  // What was sent and never answered may be lost: an answer tells, whichever it is.
  if (progress.isOverdue(core.ticks, { isLinkFull })) {
    progress.asked(core.ticks);
    if (isAllSent && progress.match < core.log.lastIndex) sendNudge(core, progress);
  }
  if (progress.match < core.log.lastIndex) core.hasNews = true;
  return TAKEN;
}

export function receiveSnapshotResponse(
  core: Core,
  leader: Leader,
  response: SnapshotResponse,
): Outcome {
  const progress = hear(core, leader, response);
  if (progress === undefined) return refuse('not-a-member');
  const { transfer } = progress;
  if (transfer === undefined || transfer.snapshot.index !== response.index) return refuse('stale');
  core.hasNews = true;
  if (response.answer === 'refused') {
    note(core, 'snapshot-refused');
    progress.probe();
    return TAKEN;
  }
  if (response.offset === transfer.offset) return TAKEN;
  // The follower began anew.
  if (response.offset < transfer.offset) note(core, 'snapshot-resumed');
  const isLinkFull = core.links.room(progress.member, 'chunk') === 0;
  learnOffset(core, transfer, { offset: response.offset, isLinkFull });
  return TAKEN;
}

/** Any answer in this term shows that its sender is there and follows. */
function hear(
  core: Core,
  leader: Leader,
  response: AppendResponse | HeartbeatResponse | SnapshotResponse,
): Progress | undefined {
  const progress = leader.followers.get(response.from);
  if (progress === undefined) return undefined;
  // A silent leader has no answer outstanding but to its last round, and that one is a protest.
  const isBelated = response.type === 'heartbeat-response' && response.round < leader.round;
  if (leader.isQuiet && !isBelated) wakeLeader(core, leader);
  progress.heard(core.ticks);
  if (response.round > progress.answeredRound && response.round <= leader.round) {
    progress.answeredRound = response.round;
    confirmRounds(core, leader);
  }
  return progress;
}

function learnMatch(core: Core, leader: Leader, progress: Progress, index: number): void {
  const isNews = progress.has(index);
  learnPace(core, progress);
  if (!isNews) return;
  advanceCommit(core, leader);
  if (core.role === leader) sendWhenReady(core, leader);
}

function learnConflict(core: Core, progress: Progress, response: AppendResponse): void {
  const agreed = core.log.couldAgreeAt(response.hint);
  if (agreed.index < response.index - 1) note(core, 'probe-skipped-entries');
  progress.misses({ index: response.index, couldMatch: agreed.index });
}

function learnPace(core: Core, progress: Progress): void {
  const now = { lastIndex: core.log.lastIndex, now: core.ticks };
  if (progress.catchUp(now)) note(core, 'follower-caught-up');
}
