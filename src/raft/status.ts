/** The visible status of a replica: for people, for the driver and for test oracles. */

import type { MemberId } from '../base/ids.ts';
import type { PlacedConfiguration } from './configuration.ts';
import type { Position } from './position.ts';
import { type Contradiction, type Leader, leaderOf, type RaftState } from './state.ts';

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
  /** The bytes that it has of the snapshot that is being sent to it; 0 if none is. */
  readonly snapshotBytes: number;
}

export interface RaftStatus {
  readonly role: 'follower' | 'pre-candidate' | 'candidate' | 'leader';
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
   * This replica leads, an entry of its own term and its newest configuration are committed, and no
   * leadership transfer is in progress: it may speak for the shard.
   */
  readonly isSettled: boolean;
  /** The shard is quiesced. */
  readonly isQuiet: boolean;
  /** A committed configuration is without this member: final. */
  readonly isRemoved: boolean;
  readonly mayVote: boolean;
  /** A committed entry that the leader of this term lacks: the replica does not follow it. */
  readonly contradiction: Contradiction | undefined;
  readonly firstDamaged: number | undefined;
  /** Rising by member; empty unless this replica leads. */
  readonly followers: readonly FollowerStatus[];
}

export function statusOf(state: RaftState): RaftStatus {
  const { role, log } = state;
  const electionRole = role.type === 'candidate' && role.isPreVote ? 'pre-candidate' : role.type;
  return {
    role: electionRole,
    term: state.term,
    vote: state.vote,
    leader: leaderOf(state),
    commit: state.commit,
    applied: state.applied,
    base: log.base,
    last: log.last,
    durable: log.durable,
    configuration: state.configurations.newest,
    isSettled: isSettled(state),
    isQuiet: role.type !== 'candidate' && role.isQuiet,
    isRemoved: state.isRemoved,
    mayVote: state.mayVote,
    contradiction: state.contradiction?.term === state.term ? state.contradiction : undefined,
    firstDamaged: log.firstDamagedAfter(log.base.index),
    followers: role.type === 'leader' ? followersOf(state, role) : [],
  };
}

function isSettled({ role, commit, configurations }: RaftState): boolean {
  if (role.type !== 'leader' || role.transfer !== undefined) return false;
  return commit >= role.firstOwnIndex && commit >= configurations.newest.at.index;
}

function followersOf(state: RaftState, leader: Leader): FollowerStatus[] {
  const now = { lastIndex: state.log.lastIndex, now: state.ticks };
  const followers = [...leader.followers.values()].map((progress) => ({
    member: progress.member,
    state: progress.state,
    match: progress.match,
    next: progress.next,
    isActive: progress.isActive(state.ticks),
    isCaughtUp: progress.isCaughtUp(now),
    isSlow: progress.delay > state.timeout.milliseconds,
    snapshotBytes: progress.transfer?.offset ?? 0,
  }));
  return followers.sort((one, other) => one.member - other.member);
}
