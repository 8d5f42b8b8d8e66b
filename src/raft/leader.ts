/** Leadership: taking office, keeping it, and stepping down (§5.2, §6). */

import type { MemberId } from '../base/ids.ts';
import { isJoint, isVoter } from './configuration.ts';
import { DELAYS_PER_TIMEOUT } from './election-timeout.ts';
import { beat } from './heartbeats.ts';
import { appendAsLeader, nextPosition, watchMembers } from './proposals.ts';
import { reachedByQuorum } from './quorum.ts';
import { tickTransferTo } from './snapshot-sender.ts';
import { configurationOf, damageOf, type Leader, note, type RaftState, stepDown } from './state.ts';
import { beginTransfer, tickTransfer } from './transfer.ts';

export function becomeLeader(state: RaftState): void {
  note(state, 'became-leader');
  const leader: Leader = {
    type: 'leader',
    followers: new Map(),
    firstOwnIndex: state.log.lastIndex + 1,
    heartbeatElapsed: 0,
    idleTicks: 0,
    isQuiet: false,
    round: 0,
    roundsSent: [],
    leaseFrom: Number.NEGATIVE_INFINITY,
    isLeaseRevoked: false,
    reads: [],
    uncommitted: [],
    uncommittedBytes: 0,
    transfer: undefined,
    announceUntil: 0,
    handOverFrom: state.ticks,
  };
  state.role = leader;
  watchMembers(state, leader);
  // §8: committing an entry of its own term tells a leader what was committed before it.
  appendAsLeader(state, leader, [{ ...nextPosition(state), kind: 'empty' }]);
}

export function tickLeader(state: RaftState, leader: Leader): void {
  state.timeout.majorityDelay = delayOfMajority(state, leader, state.timeout.ownDelay);
  if (hasLostQuorum(state, leader)) return stepDown(state, 'stepped-down-without-quorum');
  if (leader.isQuiet) return;
  tickTransfer(state, leader);
  handOverIfSlow(state, leader);
  for (const progress of leader.followers.values()) {
    progress.endTransferIfSilent(state.ticks);
    tickTransferTo(state, progress);
  }
  leader.heartbeatElapsed += 1;
  leader.idleTicks = isIdle(state, leader) ? leader.idleTicks + 1 : 0;
  if (leader.idleTicks >= state.limits.quiesceTicks) return fallSilent(state, leader);
  if (leader.heartbeatElapsed < state.limits.heartbeatTicks) return;
  leader.heartbeatElapsed = 0;
  beat(state, leader, { isLast: false });
}

/**
 * Check-quorum: a leader that does not hear a majority may have a successor already (thesis §6.2),
 * once it has waited for as long as its most patient follower. Its own delays do not matter here:
 * faster voters replace it.
 */
function hasLostQuorum(state: RaftState, leader: Leader): boolean {
  const configuration = configurationOf(state);
  const isAlone = configuration.voters.length === 1 && !isJoint(configuration);
  if ((isAlone && isVoter(configuration, state.self)) || leader.isQuiet) return false;
  const heardAt = reachedByQuorum(configuration, (voter) => {
    return voter === state.self ? state.ticks : (leader.followers.get(voter)?.heardAt ?? 0);
  });
  return state.ticks - heardAt >= 2 * state.timeout.ticks;
}

/** The delay that a majority of the voters stays within; Infinity if too few are heard. */
function delayOfMajority(state: RaftState, leader: Leader, own: number): number {
  const shortest = reachedByQuorum(configurationOf(state), (voter) => {
    return voter === state.self ? -own : -(leader.followers.get(voter)?.delay ?? 0);
  });
  return -shortest;
}

/**
 * A leader hands over to a faster voter only if a majority manages without it: its own delays, in
 * both of the last two windows, exceed the election timeout that the others need among themselves.
 * If all are slow, the timeout of all is long and nothing happens.
 */
function handOverIfSlow(state: RaftState, leader: Leader): void {
  if (leader.transfer !== undefined || state.ticks < leader.handOverFrom) return;
  const { timeout, limits } = state;
  const own = timeout.ownDelaySustained;
  if (own <= limits.electionTicksMin * limits.tickMilliseconds) return;
  const others = reachedByQuorum(configurationOf(state), (voter) => {
    const progress = leader.followers.get(voter);
    return progress?.isActive(state.ticks) === true ? -progress.delay : Number.NEGATIVE_INFINITY;
  });
  if (own <= -others * DELAYS_PER_TIMEOUT) return;
  const heir = fastestVoter(state, leader);
  if (heir === undefined) return;
  note(state, 'handed-over-to-faster-voter');
  leader.handOverFrom = state.ticks + limits.delayWindowTicks;
  beginTransfer(state, heir);
}

function fastestVoter(state: RaftState, leader: Leader): MemberId | undefined {
  const ready = [...leader.followers.values()].filter(
    (each) => each.state === 'replicate' && isVoter(configurationOf(state), each.member),
  );
  ready.sort((one, other) => one.delay - other.delay || other.match - one.match);
  return ready[0]?.member;
}

/** Nothing is in flight, and every member has every entry. */
function isIdle(state: RaftState, leader: Leader): boolean {
  const { lastIndex } = state.log;
  if (state.commit !== lastIndex || state.applied !== lastIndex) return false;
  if (state.log.durable !== lastIndex || damageOf(state) !== undefined) return false;
  if (leader.reads.length > 0 || leader.transfer !== undefined) return false;
  for (const progress of leader.followers.values()) {
    if (progress.match !== lastIndex || !progress.isActive(state.ticks)) return false;
  }
  return true;
}

function fallSilent(state: RaftState, leader: Leader): void {
  note(state, 'quiesced');
  beat(state, leader, { isLast: true });
  leader.isQuiet = true;
}
