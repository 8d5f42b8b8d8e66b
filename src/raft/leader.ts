/** Leading: taking office, keeping it, and giving it up (§5.2, §6). */

import type { MemberId } from '../base/ids.ts';
import { isJoint, isVoter } from './configuration.ts';
import { type Core, configurationOf, damageOf, type Leader, note, stepDown } from './core.ts';
import { DELAYS_PER_TIMEOUT } from './election-timeout.ts';
import { tickTransferTo } from './outgoing.ts';
import { appendAsLeader, nextPosition, watchMembers } from './proposals.ts';
import { reachedByQuorum } from './quorum.ts';
import { beat } from './rounds.ts';
import { beginTransfer, tickTransfer } from './transfer.ts';

export function becomeLeader(core: Core): void {
  note(core, 'became-leader');
  const leader: Leader = {
    type: 'leader',
    followers: new Map(),
    firstOwnIndex: core.log.lastIndex + 1,
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
    handOverFrom: core.ticks,
  };
  core.role = leader;
  watchMembers(core, leader);
  // §8: committing an entry of its own term tells a leader what was committed before it.
  appendAsLeader(core, leader, [{ ...nextPosition(core), kind: 'empty' }]);
}

export function tickLeader(core: Core, leader: Leader): void {
  core.timeout.majorityDelay = delayOfMajority(core, leader, core.timeout.ownDelay);
  if (hasLostQuorum(core, leader)) return stepDown(core, 'stepped-down-without-quorum');
  if (leader.isQuiet) return;
  tickTransfer(core, leader);
  handOverIfSlow(core, leader);
  for (const progress of leader.followers.values()) {
    progress.endTransferIfSilent(core.ticks);
    tickTransferTo(core, progress);
  }
  leader.heartbeatElapsed += 1;
  leader.idleTicks = isIdle(core, leader) ? leader.idleTicks + 1 : 0;
  if (leader.idleTicks >= core.limits.quiesceTicks) return fallSilent(core, leader);
  if (leader.heartbeatElapsed < core.limits.heartbeatTicks) return;
  leader.heartbeatElapsed = 0;
  beat(core, leader, { isLast: false });
}

/**
 * Check-quorum: a leader that cannot hear a majority may have a successor already (§6.2 of the
 * thesis), once it has waited for as long as its most patient follower. How long its own disk or
 * loop stood still does not matter: if others are better, they show it.
 */
function hasLostQuorum(core: Core, leader: Leader): boolean {
  const configuration = configurationOf(core);
  const isAlone = configuration.voters.length === 1 && !isJoint(configuration);
  if ((isAlone && isVoter(configuration, core.self)) || leader.isQuiet) return false;
  const heardAt = reachedByQuorum(configuration, (voter) => {
    return voter === core.self ? core.ticks : (leader.followers.get(voter)?.heardAt ?? 0);
  });
  return core.ticks - heardAt >= 2 * core.timeout.ticks;
}

/** A majority of the voters has no longer delays than this; Infinity if too few are heard. */
function delayOfMajority(core: Core, leader: Leader, own: number): number {
  const shortest = reachedByQuorum(configurationOf(core), (voter) => {
    return voter === core.self ? -own : -(leader.followers.get(voter)?.delay ?? 0);
  });
  return -shortest;
}

/**
 * A leader gives way to a faster voter only if a majority shows that it does without it: its own
 * delays, in both of the last two windows, are longer than the election timeout that the others
 * need among themselves. Where all are slow, the timeout of all is long and nothing happens.
 */
function handOverIfSlow(core: Core, leader: Leader): void {
  if (leader.transfer !== undefined || core.ticks < leader.handOverFrom) return;
  const { timeout, limits } = core;
  const own = timeout.ownDelaySustained;
  if (own <= limits.electionTicksMin * limits.tickMilliseconds) return;
  const others = reachedByQuorum(configurationOf(core), (voter) => {
    const progress = leader.followers.get(voter);
    return progress?.isActive(core.ticks) === true ? -progress.delay : Number.NEGATIVE_INFINITY;
  });
  if (own <= -others * DELAYS_PER_TIMEOUT) return;
  const heir = fastestVoter(core, leader);
  if (heir === undefined) return;
  note(core, 'handed-over-to-faster-voter');
  leader.handOverFrom = core.ticks + limits.delayWindowTicks;
  beginTransfer(core, heir);
}

function fastestVoter(core: Core, leader: Leader): MemberId | undefined {
  const ready = [...leader.followers.values()].filter(
    ({ member, state }) => state === 'replicate' && isVoter(configurationOf(core), member),
  );
  ready.sort((one, other) => one.delay - other.delay || other.match - one.match);
  return ready[0]?.member;
}

/** Nothing is under way, and everybody has everything. */
function isIdle(core: Core, leader: Leader): boolean {
  const { lastIndex } = core.log;
  if (core.commit !== lastIndex || core.applied !== lastIndex) return false;
  if (core.log.durable !== lastIndex || damageOf(core) !== undefined) return false;
  if (leader.reads.length > 0 || leader.transfer !== undefined) return false;
  for (const progress of leader.followers.values()) {
    if (progress.match !== lastIndex || !progress.isActive(core.ticks)) return false;
  }
  return true;
}

function fallSilent(core: Core, leader: Leader): void {
  note(core, 'quiesced');
  beat(core, leader, { isLast: true });
  leader.isQuiet = true;
}
