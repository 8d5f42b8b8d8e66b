/** The gate for messages: nonsense and strangers are turned away, terms are settled, roles act. */

import { unreachable } from '../base/assert.ts';
import { type MemberId, NOBODY } from '../base/ids.ts';
import { isMember, isVoter } from './configuration.ts';
import { doubt } from './contradiction.ts';
import {
  adoptTerm,
  becomeFollower,
  type Core,
  compareConfiguration,
  configurationOf,
  damageOf,
  type Follower,
  leaderOf,
  note,
  refuse,
  sendWithTerm,
  to,
} from './core.ts';
import { receiveAppend, receiveHeartbeat } from './follower.ts';
import { receiveChunk } from './incoming.ts';
import {
  type Append,
  faultOf,
  type Heartbeat,
  type Message,
  type Removed,
  type RepairResponse,
  type SnapshotChunk,
  type VoteRequest,
} from './message.ts';
import { type Outcome, TAKEN } from './ready.ts';
import { answerRepair, askForRepair, takeRepairs } from './repair.ts';
import {
  receiveAppendResponse,
  receiveHeartbeatResponse,
  receiveSnapshotResponse,
} from './responses.ts';
import { wakeLeader } from './rounds.ts';
import {
  answerVoteRequest,
  campaign,
  isLeaseInForce,
  promisedTicks,
  receiveVoteResponse,
  refuseVoteOfLowerTerm,
} from './vote.ts';

export function receive(core: Core, message: Message): Outcome {
  const outcome = turnAway(core, message) ?? settleTerm(core, message) ?? act(core, message);
  if (outcome.type === 'refused') note(core, 'message-dropped');
  return outcome;
}

function turnAway(core: Core, message: Message): Outcome | undefined {
  if (message.shard !== core.shard) return refuse('wrong-shard');
  if (message.to !== core.self) return refuse('not-for-us');
  if (faultOf(message) !== undefined) return refuse('malformed');
  if (isBelieved(core, message)) return undefined;
  if (message.type === 'vote-request') tellRemoved(core, message);
  return refuse('not-a-member');
}

/**
 * Members are believed. A stranger is believed if it shows a newer configuration than ours: then it
 * is we who are behind. A member that was removed knows an older one.
 */
function isBelieved(core: Core, message: Message): boolean {
  const configuration = configurationOf(core);
  switch (message.type) {
    case 'vote-request': {
      if (isVoter(configuration, message.from)) return true;
      const isAhead = compareConfiguration(core, message.configuration) > 0;
      if (isAhead) note(core, 'newer-configuration-believed');
      return isAhead;
    }
    case 'append':
    case 'heartbeat':
    case 'snapshot-chunk': {
      if (isVoter(configuration, message.from)) return true;
      // Somebody who was believed as this term's leader stays so, whatever a snapshot tells.
      if (message.term === core.term && leaderOf(core) === message.from) return true;
      const theirs =
        message.type === 'snapshot-chunk'
          ? message.snapshot.configurationAt
          : message.configuration;
      const ahead = compareConfiguration(core, theirs);
      // Equal: a leader that is leaving leads until its own removal is committed (§6).
      const isAhead = ahead > 0 || (ahead === 0 && wasVoter(core, message.from));
      if (isAhead) note(core, 'newer-configuration-believed');
      return isAhead;
    }
    case 'removed':
      return compareConfiguration(core, message.configuration) > 0;
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

function wasVoter(core: Core, member: MemberId): boolean {
  return core.configurations.all.some(({ configuration }) => isVoter(configuration, member));
}

/** Only a committed configuration is final enough to send someone away by. */
function tellRemoved(core: Core, message: Message): void {
  const { at, configuration } = core.configurations.newest;
  if (at.index > core.commit || configuration.voters.length === 0) return;
  if (isMember(configuration, message.from)) return;
  note(core, 'non-member-told-removed');
  sendWithTerm(core, {
    type: 'removed',
    ...to(core, message.from),
    term: Math.max(core.term, 1),
    configuration: at,
  });
}

/** The term rule of figure 2, with the exceptions that keep a stray candidate from disturbing. */
function settleTerm(core: Core, message: Message): Outcome | undefined {
  if (isOfNoTerm(message)) return undefined;
  if (message.term < core.term) return answerLowerTerm(core, message);
  if (message.type === 'vote-request') {
    wakeFor(core, message);
    if (message.term > core.term && isLeaseInForce(core, message)) return refuse('stale');
    if (message.term === core.term || message.isTrial) return undefined;
  }
  if (message.term === core.term) return undefined;
  // A granted trial speaks of the term that would come.
  if (message.type === 'vote-response' && message.isTrial && message.isGranted) return undefined;
  if (core.role.type === 'leader') note(core, 'stepped-down-for-higher-term');
  adoptTerm(core, message.term, NOBODY);
  becomeFollower(core, NOBODY);
  return undefined;
}

/** What it says holds in every term, and it makes nobody a leader or a candidate. */
function isOfNoTerm({ type }: Message): boolean {
  return type === 'removed' || type === 'repair-request' || type === 'repair-response';
}

/**
 * A leader of the past must learn that it is one; a candidate of the past must learn the term, or
 * neither it nor the shard can move on (etcd's two answers to lower terms).
 */
function answerLowerTerm(core: Core, message: Message): Outcome {
  switch (message.type) {
    case 'vote-request':
      wakeFor(core, message);
      refuseVoteOfLowerTerm(core, message);
      break;
    case 'append':
    case 'heartbeat':
    case 'snapshot-chunk':
      note(core, 'append-stale-answered');
      observeGap(core, message);
      sendWithTerm(core, {
        type: 'heartbeat-response',
        ...to(core, message.from),
        round: 0,
        delayMilliseconds: core.timeout.ownDelay,
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

function act(core: Core, message: Message): Outcome {
  switch (message.type) {
    case 'vote-request':
      return answerVoteRequest(core, message);
    case 'vote-response':
      return receiveVoteResponse(core, message);
    case 'append':
    case 'heartbeat':
    case 'snapshot-chunk':
      return follow(core, message);
    case 'append-response':
    case 'heartbeat-response':
    case 'snapshot-response':
      if (core.role.type !== 'leader') return refuse('not-leader');
      if (message.type === 'append-response')
        return receiveAppendResponse(core, core.role, message);
      if (message.type === 'heartbeat-response') {
        return receiveHeartbeatResponse(core, core.role, message);
      }
      return receiveSnapshotResponse(core, core.role, message);
    case 'campaign-now':
      if (core.role.type !== 'follower' || leaderOf(core) !== message.from) return refuse('stale');
      return campaign(core, { isTransfer: true });
    case 'removed':
      return learnRemoval(core, message);
    case 'repair-request':
      return answerRepair(core, message);
    case 'repair-response':
      return receiveRepair(core, message);
    default:
      return unreachable(message);
  }
}

/** Whoever speaks as leader in this term is the leader of this term (§5.2). */
function follow(core: Core, message: Append | Heartbeat | SnapshotChunk): Outcome {
  if (core.role.type === 'leader') return refuse('malformed');
  const doubtful = doubt(core, message);
  if (doubtful !== undefined) return doubtful;
  if (core.role.type === 'candidate') becomeFollower(core, message.from);
  const follower = core.role as Follower;
  if (follower.leader !== NOBODY && follower.leader !== message.from) return refuse('malformed');
  if (!follower.isQuiet) observeGap(core, message);
  if (core.promisedTo !== message.from) core.statedTicks = 0;
  if (message.type === 'heartbeat') hearTimeout(core, message);
  follower.leader = message.from;
  follower.elapsed = 0;
  core.heardAt = core.ticks;
  core.promisedTo = message.from;
  core.promiseTicks = promisedTicks(core);
  follower.isQuiet = false;
  switch (message.type) {
    case 'append':
      return receiveAppend(core, message);
    case 'heartbeat':
      return receiveHeartbeat(core, follower, message);
    case 'snapshot-chunk':
      return receiveChunk(core, follower, message);
  }
}

/** A leader that was given up is heard again: it was slow, and the next timeout allows for it. */
function observeGap(core: Core, message: Append | Heartbeat | SnapshotChunk): void {
  if (core.promisedTo !== message.from) return;
  const { heartbeatTicks, tickMilliseconds } = core.limits;
  core.timeout.observeOthers((core.ticks - core.heardAt - heartbeatTicks) * tickMilliseconds);
}

/** All members of a group wait about as long as its leader says that a majority needs. */
function hearTimeout(core: Core, { timeoutMilliseconds }: Heartbeat): void {
  const { electionTicksMax, tickMilliseconds } = core.limits;
  core.timeout.observeStated(timeoutMilliseconds);
  const stated = Math.ceil(timeoutMilliseconds / tickMilliseconds);
  core.statedTicks = Math.min(stated, electionTicksMax);
}

/** Somebody wants to be leader: silence is over. If it is the leader itself, it leads no more. */
function wakeFor(core: Core, request: VoteRequest): void {
  const { role } = core;
  if (role.type === 'leader') return wakeLeader(core, role);
  if (role.type !== 'follower') return;
  if (role.isQuiet) {
    note(core, 'woken');
    role.isQuiet = false;
    role.elapsed = 0;
    core.heardAt = core.ticks;
  }
  if (role.leader === request.from && request.term > core.term) role.leader = NOBODY;
}

/** The next that is lost is asked for at once; who is whole stands for election. */
function receiveRepair(core: Core, response: RepairResponse): Outcome {
  if (takeRepairs(core, response) === 0) return refuse('stale');
  if (leaderOf(core) !== NOBODY) return TAKEN;
  if (damageOf(core) !== undefined) askForRepair(core);
  // Its own vote is promised to the leader as well as any other.
  else if (core.promiseTicks === 0 && core.ticks >= core.votesFromTick) {
    campaign(core, { isTransfer: false });
  }
  return TAKEN;
}

function learnRemoval(core: Core, message: Removed): Outcome {
  if (compareConfiguration(core, message.configuration) <= 0) return refuse('stale');
  if (core.isRemoved) return TAKEN;
  note(core, 'learned-own-removal');
  core.isRemoved = true;
  becomeFollower(core, NOBODY);
  return TAKEN;
}
