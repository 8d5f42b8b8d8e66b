/** Leading: taking office, keeping it, and giving it up (§5.2, §6). */

import { isJoint, isVoter } from './configuration.ts';
import { type Core, configurationOf, damageOf, type Leader, note, stepDown } from './core.ts';
import type { Fact } from './fact.ts';
import { tickTransferTo } from './outgoing.ts';
import { appendAsLeader, nextPosition, watchMembers } from './proposals.ts';
import { reachedByQuorum } from './quorum.ts';
import { beat } from './rounds.ts';
import { tickTransfer } from './transfer.ts';

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
    writeSeen: undefined,
  };
  core.role = leader;
  watchMembers(core, leader);
  // §8: committing an entry of its own term tells a leader what was committed before it.
  appendAsLeader(core, leader, [{ ...nextPosition(core), kind: 'empty' }]);
}

export function tickLeader(core: Core, leader: Leader, passed: number): void {
  const failing = failingOf(core, leader, passed);
  if (failing !== undefined) return stepDown(core, failing);
  if (leader.isQuiet) return;
  tickTransfer(core, leader);
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
 * thesis). And one whose disk or loop stands still only keeps a better one from being elected.
 */
function failingOf(core: Core, leader: Leader, passed: number): Fact | undefined {
  const { electionTicksMin, tickMilliseconds } = core.limits;
  const configuration = configurationOf(core);
  const isAlone = configuration.voters.length === 1 && !isJoint(configuration);
  if (isAlone && isVoter(configuration, core.self)) return undefined;
  if (passed > electionTicksMin * tickMilliseconds) return 'stepped-down-for-stalled-loop';
  const oldest = core.outbox.oldestInflight;
  if (oldest === undefined) leader.writeSeen = undefined;
  else if (leader.writeSeen?.number !== oldest) {
    leader.writeSeen = { number: oldest, since: core.ticks };
  } else if (core.ticks - leader.writeSeen.since >= electionTicksMin) {
    return 'stepped-down-for-stalled-disk';
  }
  if (leader.isQuiet) return undefined;
  const heardAt = reachedByQuorum(configuration, (voter) => {
    return voter === core.self ? core.ticks : (leader.followers.get(voter)?.heardAt ?? 0);
  });
  return core.ticks - heardAt >= electionTicksMin ? 'stepped-down-without-quorum' : undefined;
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
