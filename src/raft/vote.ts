/** Elections from both sides: standing for one, and answering those who do (§5.2, §5.4.1). */

import { type MemberId, NOBODY, NUMBER_MAX } from '../base/ids.ts';
import { isDoubted } from './contradiction.ts';
import {
  adoptTerm,
  becomeFollower,
  type Candidate,
  type Core,
  configurationOf,
  drawTimeout,
  mayCampaign,
  note,
  refuse,
  sendDurably,
  sendWithTerm,
  to,
} from './core.ts';
import { becomeLeader } from './leader.ts';
import type { VoteRequest, VoteResponse } from './message.ts';
import { verdictOf } from './quorum.ts';
import { type Outcome, TAKEN } from './ready.ts';
import { askForRepair } from './repair.ts';

/** Stands for election; a trial first, unless the leader itself asked for it. */
export function campaign(core: Core, how: { readonly isTransfer: boolean }): Outcome {
  const obstacle = mayCampaign(core);
  if (obstacle === 'damaged') {
    note(core, 'damage-prevented-campaign');
    askForRepair(core);
  }
  if (obstacle !== undefined) return refuse(obstacle);
  if (core.term >= NUMBER_MAX) return refuse('out-of-numbers');
  begin(core, { isTrial: !how.isTransfer, isTransfer: how.isTransfer });
  return TAKEN;
}

export function tickCandidate(core: Core, candidate: Candidate): void {
  candidate.elapsed += 1;
  const { timeout, isTrial } = candidate;
  // A trial takes no write of anybody: what is not answered soon can as well be asked again.
  if (candidate.elapsed < (isTrial ? timeout : core.timeout.stretched(timeout))) return;
  note(core, 'campaign-ran-out');
  if (!isTrial) core.timeout.double();
  becomeFollower(core, NOBODY);
  campaign(core, { isTransfer: false });
}

/** A candidate's own vote counts when it can no longer be forgotten. */
export function countOwnVote(core: Core, candidate: Candidate): void {
  if (candidate.votes.has(core.self) || !core.outbox.isDurable(candidate.ownVoteWrite)) return;
  candidate.votes.set(core.self, true);
  conclude(core, candidate);
}

/** Invariant: for a real campaign `core.term` is the request's term by now. */
export function answerVoteRequest(core: Core, request: VoteRequest): Outcome {
  if (!core.mayVote || core.isRemoved) {
    note(core, 'vote-refused-without-memory');
    return refuse('may-not-vote');
  }
  const isFree =
    core.vote === request.from ||
    (request.isTrial && request.term > core.term) ||
    (core.vote === NOBODY && !hasLeader(core, request.from) && !isPromised(core, request));
  const isUpToDate = core.log.isUpToDate(request.last);
  const isInDoubt = isDoubted(core, request.from);
  if (!isFree) note(core, 'vote-refused-already-given');
  else if (!isUpToDate) note(core, 'vote-refused-for-older-log');
  else if (isInDoubt) note(core, 'vote-refused-in-doubt');
  const isGranted = isFree && isUpToDate && !isInDoubt;
  if (isGranted && !request.isTrial) {
    if (request.isTransfer) note(core, 'vote-given-to-transfer');
    if (core.vote === NOBODY) adoptTerm(core, core.term, request.from);
    if (core.role.type === 'follower') core.role.elapsed = 0;
  }
  respond(core, request, isGranted);
  return TAKEN;
}

/** Lower terms get an answer as well: their sender learns the term and can rejoin. */
export function refuseVoteOfLowerTerm(core: Core, request: VoteRequest): void {
  note(core, 'lower-term-answered');
  respond(core, request, false);
}

/**
 * How long a word of the leader binds its followers: as long as the leader says that its group has
 * to wait, and never for less than the shortest election timeout, which outlasts every lease.
 */
export function promisedTicks({ limits, statedTicks }: Core): number {
  return Math.max(limits.electionTicksMin, statedTicks);
}

/**
 * A leader was heard within the election timeout, so there is no need for another (§6,
 * thesis §4.2.3); and a voter that just came back may have promised so in its former life.
 */
export function isLeaseInForce(core: Core, request: VoteRequest): boolean {
  if (request.isTransfer) return false;
  switch (core.role.type) {
    case 'leader':
      note(core, 'vote-refused-by-lease');
      return true;
    case 'follower': {
      const { leader, elapsed, isQuiet } = core.role;
      const isRecent = isQuiet || elapsed < promisedTicks(core);
      if (leader !== NOBODY && leader !== request.from && isRecent) {
        note(core, 'vote-refused-by-lease');
        return true;
      }
      break;
    }
    case 'candidate':
      break;
  }
  return isPromised(core, request);
}

/**
 * The promise holds in whatever term this replica came to be since: other members' messages may
 * bring it to a later one while the leader it was given to still reads by its lease (§6.4.1).
 */
function isPromised(core: Core, request: VoteRequest): boolean {
  if (request.isTransfer) return false;
  if (core.promiseTicks > 0 && core.promisedTo !== request.from) {
    note(core, 'vote-refused-by-lease');
    return true;
  }
  if (core.ticks >= core.votesFromTick) return false;
  note(core, 'vote-refused-after-restart');
  return true;
}

export function receiveVoteResponse(core: Core, response: VoteResponse): Outcome {
  const { role } = core;
  if (role.type !== 'candidate' || role.isTrial !== response.isTrial) return refuse('stale');
  const expected = role.isTrial && response.isGranted ? core.term + 1 : core.term;
  if (response.term !== expected && response.isGranted) return refuse('stale');
  core.timeout.observeOthers((core.ticks - response.sentAt) * core.limits.tickMilliseconds);
  if (!role.votes.has(response.from)) role.votes.set(response.from, response.isGranted);
  conclude(core, role);
  return TAKEN;
}

function begin(core: Core, how: Pick<Candidate, 'isTrial' | 'isTransfer'>): void {
  if (!how.isTrial) adoptTerm(core, core.term + 1, core.self);
  const candidate: Candidate = {
    type: 'candidate',
    ...how,
    votes: new Map(how.isTrial ? [[core.self, true]] : []),
    ownVoteWrite: core.outbox.pendingWrite,
    elapsed: 0,
    timeout: drawTimeout(core),
  };
  core.role = candidate;
  const { voters, outgoing } = configurationOf(core);
  for (const voter of new Set([...voters, ...outgoing])) {
    if (voter !== core.self) request(core, candidate, voter);
  }
  conclude(core, candidate);
}

function request(core: Core, candidate: Candidate, voter: MemberId): void {
  const message: VoteRequest = {
    type: 'vote-request',
    ...to(core, voter),
    term: candidate.isTrial ? core.term + 1 : core.term,
    isTrial: candidate.isTrial,
    isTransfer: candidate.isTransfer,
    last: core.log.last,
    configuration: core.configurations.newest.at,
    sentAt: core.ticks,
  };
  // The request boasts of the log's end, which a crash must not be able to take back.
  if (candidate.isTrial) core.outbox.send(message);
  else sendDurably(core, message);
}

function respond(core: Core, request: VoteRequest, isGranted: boolean): void {
  // An answer to a trial vouches for nothing: it reveals the term, and waits for no other write.
  const send = request.isTrial ? sendWithTerm : sendDurably;
  send(core, {
    type: 'vote-response',
    ...to(core, request.from),
    term: request.isTrial && isGranted ? request.term : core.term,
    isTrial: request.isTrial,
    isGranted,
    sentAt: request.sentAt,
  });
}

function conclude(core: Core, candidate: Candidate): void {
  switch (verdictOf(configurationOf(core), candidate.votes)) {
    case 'open':
      return;
    case 'lost':
      note(core, candidate.isTrial ? 'trial-lost' : 'campaign-lost');
      becomeFollower(core, NOBODY);
      return;
    case 'won':
      if (!candidate.isTrial) return becomeLeader(core);
      note(core, 'trial-won');
      return begin(core, { isTrial: false, isTransfer: false });
  }
}

/** Who leads this term is known, and it is not the one who asks. */
function hasLeader(core: Core, asking: MemberId): boolean {
  if (core.role.type === 'leader') return true;
  return (
    core.role.type === 'follower' && core.role.leader !== NOBODY && core.role.leader !== asking
  );
}
