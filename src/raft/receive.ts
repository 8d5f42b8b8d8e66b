/**
 * Entry of messages: rejects invalid messages and strangers, settles terms, dispatches to the
 * roles.
 */

import { unreachable } from '../base/assert.ts';
import { type MemberId, NO_MEMBER } from '../base/ids.ts';
import { isMember, isVoter } from './configuration.ts';
import { doubt } from './contradiction.ts';
import { receiveAppend, receiveHeartbeat } from './follower.ts';
import { wakeLeader } from './heartbeats.ts';
import {
  type AppendEntries,
  faultOf,
  type Heartbeat,
  type Message,
  type Removed,
  type RepairResponse,
  type SnapshotChunk,
  type VoteRequest,
} from './message.ts';
import { type StepResult, TAKEN } from './ready.ts';
import { answerRepair, askForRepair, takeRepairs } from './repair.ts';
import {
  receiveAppendResponse,
  receiveHeartbeatResponse,
  receiveSnapshotResponse,
} from './responses.ts';
import { receiveChunk } from './snapshot-receiver.ts';
import {
  adoptTerm,
  becomeFollower,
  compareConfiguration,
  configurationOf,
  damageOf,
  type Follower,
  leaderOf,
  note,
  type RaftState,
  refuse,
  sendWithTerm,
  to,
} from './state.ts';
import {
  answerVoteRequest,
  campaign,
  isLeaseInForce,
  promisedTicks,
  receiveVoteResponse,
  refuseVoteOfLowerTerm,
} from './vote.ts';

export function receive(state: RaftState, message: Message): StepResult {
  const outcome = turnAway(state, message) ?? settleTerm(state, message) ?? act(state, message);
  if (outcome.type === 'refused') note(state, 'message-dropped');
  return outcome;
}

function turnAway(state: RaftState, message: Message): StepResult | undefined {
  if (message.shard !== state.shard) return refuse('wrong-shard');
  if (message.to !== state.self) return refuse('not-for-us');
  if (faultOf(message) !== undefined) return refuse('malformed');
  if (isBelieved(state, message)) return undefined;
  if (message.type === 'vote-request') sendRemoved(state, message);
  return refuse('not-a-member');
}

/**
 * Members are believed. A stranger is believed if it shows a newer configuration: then this replica
 * is behind. A removed member knows an older one.
 */
function isBelieved(state: RaftState, message: Message): boolean {
  const configuration = configurationOf(state);
  switch (message.type) {
    case 'vote-request': {
      if (isVoter(configuration, message.from)) return true;
      const isAhead = compareConfiguration(state, message.configuration) > 0;
      if (isAhead) note(state, 'newer-configuration-believed');
      return isAhead;
    }
    case 'append':
    case 'heartbeat':
    case 'snapshot-chunk': {
      if (isVoter(configuration, message.from)) return true;
      // A sender that was accepted as this term's leader stays so, whatever a snapshot says.
      if (message.term === state.term && leaderOf(state) === message.from) return true;
      const theirs =
        message.type === 'snapshot-chunk'
          ? message.snapshot.configurationAt
          : message.configuration;
      const ahead = compareConfiguration(state, theirs);
      // Equal: a leader that is leaving leads until its own removal is committed (§6).
      const isAhead = ahead > 0 || (ahead === 0 && wasVoter(state, message.from));
      if (isAhead) note(state, 'newer-configuration-believed');
      return isAhead;
    }
    case 'removed':
      return compareConfiguration(state, message.configuration) > 0;
    case 'vote-response':
    case 'append-response':
    case 'heartbeat-response':
    case 'snapshot-response':
    case 'campaign-now':
    case 'repair-request':
    case 'repair-response':
      return isMember(configuration, message.from);
    default:
      return unreachable(message);
  }
}

function wasVoter(state: RaftState, member: MemberId): boolean {
  return state.configurations.all.some(({ configuration }) => isVoter(configuration, member));
}

/** Only a committed configuration is final enough to reject a member. */
function sendRemoved(state: RaftState, message: Message): void {
  const { at, configuration } = state.configurations.newest;
  if (at.index > state.commit || configuration.voters.length === 0) return;
  if (isMember(configuration, message.from)) return;
  note(state, 'non-member-told-removed');
  sendWithTerm(state, {
    type: 'removed',
    ...to(state, message.from),
    term: Math.max(state.term, 1),
    configuration: at,
  });
}

/**
 * The term rule of figure 2, with exceptions that keep a stray candidate from disturbing the shard.
 */
function settleTerm(state: RaftState, message: Message): StepResult | undefined {
  if (isOfNoTerm(message)) return undefined;
  if (message.term < state.term) return answerLowerTerm(state, message);
  if (message.type === 'vote-request') {
    wakeFor(state, message);
    if (message.term > state.term && isLeaseInForce(state, message)) return refuse('stale');
    if (message.term === state.term || message.isPreVote) return undefined;
  }
  if (message.term === state.term) return undefined;
  // A granted pre-vote carries the term of the coming campaign.
  if (message.type === 'vote-response' && message.isPreVote && message.isGranted) return undefined;
  if (state.role.type === 'leader') note(state, 'stepped-down-for-higher-term');
  adoptTerm(state, message.term, NO_MEMBER);
  becomeFollower(state, NO_MEMBER);
  return undefined;
}

/** Its content is valid in every term, and it makes no replica a leader or a candidate. */
function isOfNoTerm({ type }: Message): boolean {
  return type === 'removed' || type === 'repair-request' || type === 'repair-response';
}

/**
 * A leader of an earlier term must learn that it is one; a candidate of an earlier term must learn
 * the term, or neither it nor the shard can make progress (etcd's two answers to lower terms).
 */
function answerLowerTerm(state: RaftState, message: Message): StepResult {
  switch (message.type) {
    case 'vote-request':
      wakeFor(state, message);
      refuseVoteOfLowerTerm(state, message);
      break;
    case 'append':
    case 'heartbeat':
    case 'snapshot-chunk':
      note(state, 'append-stale-answered');
      observeGap(state, message);
      sendWithTerm(state, {
        type: 'heartbeat-response',
        ...to(state, message.from),
        round: 0,
        delayMilliseconds: state.timeout.ownDelay,
      });
      break;
    case 'vote-response':
    case 'append-response':
    case 'heartbeat-response':
    case 'snapshot-response':
    case 'campaign-now':
    case 'removed':
    case 'repair-request':
    case 'repair-response':
      break;
    default:
      unreachable(message);
  }
  return refuse('stale');
}

function act(state: RaftState, message: Message): StepResult {
  switch (message.type) {
    case 'vote-request':
      return answerVoteRequest(state, message);
    case 'vote-response':
      return receiveVoteResponse(state, message);
    case 'append':
    case 'heartbeat':
    case 'snapshot-chunk':
      return follow(state, message);
    case 'append-response':
    case 'heartbeat-response':
    case 'snapshot-response':
      if (state.role.type !== 'leader') return refuse('not-leader');
      if (message.type === 'append-response')
        return receiveAppendResponse(state, state.role, message);
      if (message.type === 'heartbeat-response') {
        return receiveHeartbeatResponse(state, state.role, message);
      }
      return receiveSnapshotResponse(state, state.role, message);
    case 'campaign-now':
      if (state.role.type !== 'follower' || leaderOf(state) !== message.from)
        return refuse('stale');
      return campaign(state, { isTransfer: true });
    case 'removed':
      return learnRemoval(state, message);
    case 'repair-request':
      return answerRepair(state, message);
    case 'repair-response':
      return receiveRepair(state, message);
    default:
      return unreachable(message);
  }
}

/** A member that sends as leader in this term is the leader of this term (§5.2). */
function follow(state: RaftState, message: AppendEntries | Heartbeat | SnapshotChunk): StepResult {
  if (state.role.type === 'leader') return refuse('malformed');
  const doubtful = doubt(state, message);
  if (doubtful !== undefined) return doubtful;
  if (state.role.type === 'candidate') becomeFollower(state, message.from);
  const follower = state.role as Follower;
  if (follower.leader !== NO_MEMBER && follower.leader !== message.from) return refuse('malformed');
  if (!follower.isQuiet) observeGap(state, message);
  if (state.promisedTo !== message.from) state.statedTicks = 0;
  if (message.type === 'heartbeat') hearTimeout(state, message);
  follower.leader = message.from;
  follower.elapsed = 0;
  state.heardAt = state.ticks;
  state.promisedTo = message.from;
  state.promiseTicks = promisedTicks(state);
  follower.isQuiet = false;
  switch (message.type) {
    case 'append':
      return receiveAppend(state, message);
    case 'heartbeat':
      return receiveHeartbeat(state, follower, message);
    case 'snapshot-chunk':
      return receiveChunk(state, follower, message);
  }
}

/** A leader that was given up is heard again: it was slow, and the next timeout allows for it. */
function observeGap(state: RaftState, message: AppendEntries | Heartbeat | SnapshotChunk): void {
  if (state.promisedTo !== message.from) return;
  const { heartbeatTicks, tickMilliseconds } = state.limits;
  state.timeout.observeOthers((state.ticks - state.heardAt - heartbeatTicks) * tickMilliseconds);
}

/** All members of a group wait about as long as its leader says that a majority needs. */
function hearTimeout(state: RaftState, { timeoutMilliseconds }: Heartbeat): void {
  const { electionTicksMax, tickMilliseconds } = state.limits;
  state.timeout.observeStated(timeoutMilliseconds);
  const stated = Math.ceil(timeoutMilliseconds / tickMilliseconds);
  state.statedTicks = Math.min(stated, electionTicksMax);
}

/**
 * A member campaigns: the silence is over. If it is the leader itself, it does not lead any more.
 */
function wakeFor(state: RaftState, request: VoteRequest): void {
  const { role } = state;
  if (role.type === 'leader') return wakeLeader(state, role);
  if (role.type !== 'follower') return;
  if (role.isQuiet) {
    note(state, 'woken');
    role.isQuiet = false;
    role.elapsed = 0;
    state.heardAt = state.ticks;
  }
  if (role.leader === request.from && request.term > state.term) role.leader = NO_MEMBER;
}

/** Asks for the next lost entry at once; a member without damage campaigns. */
function receiveRepair(state: RaftState, response: RepairResponse): StepResult {
  if (takeRepairs(state, response) === 0) return refuse('stale');
  if (leaderOf(state) !== NO_MEMBER) return TAKEN;
  if (damageOf(state) !== undefined) askForRepair(state);
  // Its own vote is bound by the promise to the leader as well.
  else if (state.promiseTicks === 0 && state.ticks >= state.votesFromTick) {
    campaign(state, { isTransfer: false });
  }
  return TAKEN;
}

function learnRemoval(state: RaftState, message: Removed): StepResult {
  if (compareConfiguration(state, message.configuration) <= 0) return refuse('stale');
  if (state.isRemoved) return TAKEN;
  note(state, 'learned-own-removal');
  state.isRemoved = true;
  becomeFollower(state, NO_MEMBER);
  return TAKEN;
}
