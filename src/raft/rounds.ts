/** Rounds of heartbeats: one number for liveness, reads and leases (thesis §6.2, §6.4). */

import {
  type Core,
  configurationOf,
  type Leader,
  note,
  refuse,
  to,
  type WaitingRead,
} from './core.ts';
import { reachedByQuorum } from './quorum.ts';
import { type Outcome, TAKEN } from './ready.ts';

/** A round leaves. Its number is made here, never by a client, so no answer is counted twice. */
export function beat(core: Core, leader: Leader, how: { readonly isLast: boolean }): void {
  leader.round += 1;
  if (leader.roundsSent[leader.roundsSent.length - 1]?.at !== core.now) {
    leader.roundsSent.push({ round: leader.round, at: core.now });
  }
  const timeoutMilliseconds = Math.ceil(core.timeout.milliseconds);
  for (const progress of leader.followers.values()) {
    const commit = Math.min(progress.match, core.commit);
    if (commit < core.commit) note(core, 'heartbeat-commit-clamped');
    core.outbox.send({
      type: 'heartbeat',
      ...to(core, progress.member),
      commit,
      round: leader.round,
      configuration: core.configurations.newest.at,
      isLast: how.isLast,
      isEstablished: core.commit >= leader.firstOwnIndex,
      timeoutMilliseconds,
    });
  }
  confirmRounds(core, leader);
}

/** Something happened to a silent shard: the leader speaks up at once. */
export function wakeLeader(core: Core, leader: Leader): void {
  leader.idleTicks = 0;
  if (!leader.isQuiet) return;
  note(core, 'woken');
  leader.isQuiet = false;
  // Their age is that of the silence.
  leader.roundsSent = [];
  leader.heartbeatElapsed = 0;
  for (const progress of leader.followers.values()) progress.heard(core.ticks);
  beat(core, leader, { isLast: false });
}

/** Queued until a round that leaves after this moment was answered by a quorum. */
export function queueRead(core: Core, id: number): Outcome {
  if (core.role.type !== 'leader') return refuse('not-leader');
  const leader = core.role;
  if (leader.reads.length >= core.limits.readsMax) return refuse('too-many-reads');
  wakeLeader(core, leader);
  const isOpen = core.commit >= leader.firstOwnIndex;
  if (!isOpen) note(core, 'read-waited-for-own-term');
  leader.reads.push({ id, index: isOpen ? core.commit : undefined, round: undefined });
  core.hasNews = true;
  return TAKEN;
}

/**
 * A lease is the promise of a quorum not to elect anyone within `leaseMilliseconds` after the round
 * they answered, by their clocks, which run at most `clockDriftMax` as fast. Election timeouts
 * differ between members and change; what is promised at least is the same constant on all of them.
 */
export function readByLease(core: Core, now: number): Outcome {
  if (core.role.type !== 'leader') return refuse('not-leader');
  const { role: leader, limits } = core;
  if (core.commit < leader.firstOwnIndex) return refuse('no-own-term-commit');
  const until = leader.leaseFrom + limits.leaseMilliseconds / limits.clockDriftMax;
  if (leader.isLeaseRevoked || now >= until) {
    note(core, 'lease-read-expired');
    return refuse('no-lease');
  }
  note(core, 'lease-read-granted');
  return { type: 'taken', position: { index: core.commit, term: core.term } };
}

/** Reads that are waiting for a round get one, all of them the same. */
export function sendReadRound(core: Core, leader: Leader): void {
  const isOpen = core.commit >= leader.firstOwnIndex;
  if (!isOpen) return;
  const waiting = leader.reads.filter((read) => read.round === undefined);
  if (waiting.length === 0) return;
  if (waiting.length > 1) note(core, 'read-round-shared');
  for (const read of waiting) {
    read.index ??= core.commit;
    read.round = leader.round + 1;
  }
  leader.heartbeatElapsed = 0;
  beat(core, leader, { isLast: false });
}

/** A quorum answered: no newer leader existed when the round left. */
export function confirmRounds(core: Core, leader: Leader): void {
  const confirmed = reachedByQuorum(configurationOf(core), (voter) => {
    return voter === core.self ? leader.round : (leader.followers.get(voter)?.answeredRound ?? 0);
  });
  let newest: number | undefined;
  for (let sent = leader.roundsSent[0]; sent !== undefined; sent = leader.roundsSent[0]) {
    if (sent.round > confirmed) break;
    newest = sent.at;
    leader.roundsSent.shift();
  }
  if (newest !== undefined) {
    leader.leaseFrom = newest;
    core.timeout.observeOthers(core.now - newest);
  }
  if (leader.reads.length === 0) return;
  const waiting: WaitingRead[] = [];
  for (const read of leader.reads) {
    if (read.round === undefined || read.index === undefined || read.round > confirmed) {
      waiting.push(read);
    } else core.outbox.reads.push({ type: 'granted', id: read.id, index: read.index });
  }
  leader.reads = waiting;
}
