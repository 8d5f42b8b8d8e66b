/** What can be told of a replica from outside: for people, for the driver and for the oracles. */

import type { MemberId } from '../base/ids.ts';
import type { PlacedConfiguration } from './configuration.ts';
import { type Contradiction, type Core, type Leader, leaderOf } from './core.ts';
import type { Position } from './position.ts';

/** One follower as its leader sees it. */
interface FollowerStatus {
  readonly member: MemberId;
  readonly state: 'probe' | 'replicate' | 'snapshot';
  readonly match: number;
  readonly next: number;
  readonly isActive: boolean;
  readonly isCaughtUp: boolean;
  /** Its own delays are longer than the election timeout that a majority needs. */
  readonly isSlow: boolean;
  /** Of the snapshot that is being sent to it, what it has; 0 if none is. */
  readonly snapshotBytes: number;
}

export interface RaftStatus {
  readonly role: 'follower' | 'trial' | 'candidate' | 'leader';
  readonly term: number;
  readonly vote: MemberId;
  readonly leader: MemberId;
  readonly commit: number;
  readonly applied: number;
  readonly base: Position;
  readonly last: Position;
  /** Everything through this index is on this replica's disk. */
  readonly durable: number;
  readonly configuration: PlacedConfiguration;
  /**
   * This replica leads, an entry of its own term and its newest configuration are committed, and
   * leadership is not being moved: it may speak for the shard.
   */
  readonly isSettled: boolean;
  /** The shard is idle and silent. */
  readonly isQuiet: boolean;
  /** A committed configuration is without this member, for ever. */
  readonly isRemoved: boolean;
  readonly mayVote: boolean;
  /** What the leader of this term lacks and is committed here: the replica does not follow it. */
  readonly contradiction: Contradiction | undefined;
  readonly firstDamaged: number | undefined;
  /** Rising by member; empty unless this replica leads. */
  readonly followers: readonly FollowerStatus[];
}

export function statusOf(core: Core): RaftStatus {
  const { role, log } = core;
  const trialOrCandidate = role.type === 'candidate' && role.isTrial ? 'trial' : role.type;
  return {
    role: trialOrCandidate,
    term: core.term,
    vote: core.vote,
    leader: leaderOf(core),
    commit: core.commit,
    applied: core.applied,
    base: log.base,
    last: log.last,
    durable: log.durable,
    configuration: core.configurations.newest,
    isSettled: isSettled(core),
    isQuiet: role.type !== 'candidate' && role.isQuiet,
    isRemoved: core.isRemoved,
    mayVote: core.mayVote,
    contradiction: core.contradiction?.term === core.term ? core.contradiction : undefined,
    firstDamaged: log.firstDamagedAfter(log.base.index),
    followers: role.type === 'leader' ? followersOf(core, role) : [],
  };
}

function isSettled({ role, commit, configurations }: Core): boolean {
  if (role.type !== 'leader' || role.transfer !== undefined) return false;
  return commit >= role.firstOwnIndex && commit >= configurations.newest.at.index;
}

function followersOf(core: Core, leader: Leader): FollowerStatus[] {
  const now = { lastIndex: core.log.lastIndex, now: core.ticks };
  const followers = [...leader.followers.values()].map((progress) => ({
    member: progress.member,
    state: progress.state,
    match: progress.match,
    next: progress.next,
    isActive: progress.isActive(core.ticks),
    isCaughtUp: progress.isCaughtUp(now),
    isSlow: progress.delay > core.timeout.milliseconds,
    snapshotBytes: progress.transfer?.offset ?? 0,
  }));
  return followers.sort((one, other) => one.member - other.member);
}
