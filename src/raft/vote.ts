/** Elections from both sides: campaigning, and answering candidates (§5.2, §5.4.1). */

import { type MemberId, NO_MEMBER, NUMBER_MAX } from '../base/ids.ts';
import { isDoubted } from './contradiction.ts';
import { becomeLeader } from './leader.ts';
import type { VoteRequest, VoteResponse } from './message.ts';
import { verdictOf } from './quorum.ts';
import { type StepResult, TAKEN } from './ready.ts';
import { askForRepair } from './repair.ts';
import {
  adoptTerm,
  becomeFollower,
  type CandidateRole,
  configurationOf,
  drawTimeout,
  mayCampaign,
  note,
  type RaftState,
  refuse,
  sendDurably,
  sendWithTerm,
  to,
} from './state.ts';

/** Campaigns; with a pre-vote first, unless the leader itself asked for the campaign. */
export function campaign(state: RaftState, how: { readonly isTransfer: boolean }): StepResult {
  const obstacle = mayCampaign(state);
  if (obstacle === 'damaged') {
    note(state, 'damage-prevented-campaign');
    askForRepair(state);
  }
  if (obstacle !== undefined) return refuse(obstacle);
  if (state.term >= NUMBER_MAX) return refuse('out-of-numbers');
  begin(state, { isPreVote: !how.isTransfer, isTransfer: how.isTransfer });
  return TAKEN;
}

export function tickCandidate(state: RaftState, candidate: CandidateRole): void {
  candidate.elapsed += 1;
  const { timeout, isPreVote } = candidate;
  // A pre-vote costs no write, so an unanswered one can be repeated soon.
  if (candidate.elapsed < (isPreVote ? timeout : state.timeout.stretched(timeout))) return;
  note(state, 'campaign-ran-out');
  if (!isPreVote) state.timeout.double();
  becomeFollower(state, NO_MEMBER);
  campaign(state, { isTransfer: false });
}

/** A candidate's own vote counts once it is durable. */
export function countOwnVote(state: RaftState, candidate: CandidateRole): void {
  if (candidate.votes.has(state.self) || !state.outbox.isDurable(candidate.ownVoteWrite)) return;
  candidate.votes.set(state.self, true);
  conclude(state, candidate);
}

/** Invariant: for a real campaign `core.term` is the request's term by now. */
export function answerVoteRequest(state: RaftState, request: VoteRequest): StepResult {
  if (!state.mayVote || state.isRemoved) {
    note(state, 'vote-refused-without-memory');
    return refuse('may-not-vote');
  }
  const isFree =
    state.vote === request.from ||
    (request.isPreVote && request.term > state.term) ||
    (state.vote === NO_MEMBER && !hasLeader(state, request.from) && !isPromised(state, request));
  const isUpToDate = state.log.isUpToDate(request.last);
  const isInDoubt = isDoubted(state, request.from);
  if (!isFree) note(state, 'vote-refused-already-given');
  else if (!isUpToDate) note(state, 'vote-refused-for-older-log');
  else if (isInDoubt) note(state, 'vote-refused-in-doubt');
  const isGranted = isFree && isUpToDate && !isInDoubt;
  if (isGranted && !request.isPreVote) {
    if (request.isTransfer) note(state, 'vote-given-to-transfer');
    if (state.vote === NO_MEMBER) adoptTerm(state, state.term, request.from);
    if (state.role.type === 'follower') state.role.elapsed = 0;
  }
  respond(state, request, isGranted);
  return TAKEN;
}

/** Lower terms get an answer as well: their sender learns the term and can rejoin. */
export function refuseVoteOfLowerTerm(state: RaftState, request: VoteRequest): void {
  note(state, 'lower-term-answered');
  respond(state, request, false);
}

/**
 * How long a leader's message binds its followers: as long as the leader says that its group has to
 * wait, and at least the shortest election timeout, which outlasts every lease.
 */
export function promisedTicks({ limits, statedTicks }: RaftState): number {
  return Math.max(limits.electionTicksMin, statedTicks);
}

/**
 * A leader was heard within the election timeout, so no other is needed (§6, thesis §4.2.3); and a
 * voter that just restarted may have promised so in its former life.
 */
export function isLeaseInForce(state: RaftState, request: VoteRequest): boolean {
  if (request.isTransfer) return false;
  switch (state.role.type) {
    case 'leader':
      note(state, 'vote-refused-by-lease');
      return true;
    case 'follower': {
      const { leader, elapsed, isQuiet } = state.role;
      const isRecent = isQuiet || elapsed < promisedTicks(state);
      if (leader !== NO_MEMBER && leader !== request.from && isRecent) {
        note(state, 'vote-refused-by-lease');
        return true;
      }
      break;
    }
    case 'candidate':
      break;
  }
  return isPromised(state, request);
}

/**
 * The promise holds in whatever term this replica is now: messages of other members may raise its
 * term while the leader that it promised still reads by its lease (§6.4.1).
 */
function isPromised(state: RaftState, request: VoteRequest): boolean {
  if (request.isTransfer) return false;
  if (state.promiseTicks > 0 && state.promisedTo !== request.from) {
    note(state, 'vote-refused-by-lease');
    return true;
  }
  if (state.ticks >= state.votesFromTick) return false;
  note(state, 'vote-refused-after-restart');
  return true;
}

export function receiveVoteResponse(state: RaftState, response: VoteResponse): StepResult {
  const { role } = state;
  if (role.type !== 'candidate' || role.isPreVote !== response.isPreVote) return refuse('stale');
  const expected = role.isPreVote && response.isGranted ? state.term + 1 : state.term;
  if (response.term !== expected && response.isGranted) return refuse('stale');
  state.timeout.observeOthers((state.ticks - response.sentAt) * state.limits.tickMilliseconds);
  if (!role.votes.has(response.from)) role.votes.set(response.from, response.isGranted);
  conclude(state, role);
  return TAKEN;
}

function begin(state: RaftState, how: Pick<CandidateRole, 'isPreVote' | 'isTransfer'>): void {
  if (!how.isPreVote) adoptTerm(state, state.term + 1, state.self);
  const candidate: CandidateRole = {
    type: 'candidate',
    ...how,
    votes: new Map(how.isPreVote ? [[state.self, true]] : []),
    ownVoteWrite: state.outbox.pendingWrite,
    elapsed: 0,
    timeout: drawTimeout(state),
  };
  state.role = candidate;
  const { voters, outgoing } = configurationOf(state);
  for (const voter of new Set([...voters, ...outgoing])) {
    if (voter !== state.self) request(state, candidate, voter);
  }
  conclude(state, candidate);
}

function request(state: RaftState, candidate: CandidateRole, voter: MemberId): void {
  const message: VoteRequest = {
    type: 'vote-request',
    ...to(state, voter),
    term: candidate.isPreVote ? state.term + 1 : state.term,
    isPreVote: candidate.isPreVote,
    isTransfer: candidate.isTransfer,
    last: state.log.last,
    configuration: state.configurations.newest.at,
    sentAt: state.ticks,
  };
  // The request states the log's end, which must be durable first.
  if (candidate.isPreVote) state.outbox.send(message);
  else sendDurably(state, message);
}

function respond(state: RaftState, request: VoteRequest, isGranted: boolean): void {
  // An answer to a pre-vote promises nothing: it reveals the term, and waits for no other write.
  const send = request.isPreVote ? sendWithTerm : sendDurably;
  send(state, {
    type: 'vote-response',
    ...to(state, request.from),
    term: request.isPreVote && isGranted ? request.term : state.term,
    isPreVote: request.isPreVote,
    isGranted,
    sentAt: request.sentAt,
  });
}

function conclude(state: RaftState, candidate: CandidateRole): void {
  switch (verdictOf(configurationOf(state), candidate.votes)) {
    case 'open':
      return;
    case 'lost':
      note(state, candidate.isPreVote ? 'pre-vote-lost' : 'campaign-lost');
      becomeFollower(state, NO_MEMBER);
      return;
    case 'won':
      if (!candidate.isPreVote) return becomeLeader(state);
      note(state, 'pre-vote-won');
      return begin(state, { isPreVote: false, isTransfer: false });
  }
}

/** The leader of this term is known, and it is not the requester. */
function hasLeader(state: RaftState, asking: MemberId): boolean {
  if (state.role.type === 'leader') return true;
  return (
    state.role.type === 'follower' &&
    state.role.leader !== NO_MEMBER &&
    state.role.leader !== asking
  );
}
