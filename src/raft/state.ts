/** The state of one replica, and the few transitions that all roles share. */

import { assert } from '../base/assert.ts';
import { type MemberId, NO_MEMBER, type ShardId } from '../base/ids.ts';
import type { RaftLimits } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import { type Configurations, isVoter } from './configuration.ts';
import type { ElectionTimeout } from './election-timeout.ts';
import type { Fact } from './fact.ts';
import type { RaftLog } from './log.ts';
import type { Message, SnapshotDescription } from './message.ts';
import type { Outbox } from './outbox.ts';
import type { Position } from './position.ts';
import type { Progress } from './progress.ts';
import type { Links, RaftRefusal, SnapshotReader, StepResult } from './ready.ts';

export interface Follower {
  readonly type: 'follower';
  leader: MemberId;
  /** Ticks since the leader was heard, or since this replica began to wait. */
  elapsed: number;
  /** Drawn anew each time (§5.2), in [electionTicksMin, 2 electionTicksMin); see `stretched`. */
  timeout: number;
  /** The snapshot that is being received. */
  incoming: Incoming | undefined;
  /** The shard is quiesced: no clock runs until an event arrives. */
  isQuiet: boolean;
}

/** Chunks of two leaders are never mixed, even of snapshots with the same index. */
interface Incoming {
  readonly snapshot: SnapshotDescription;
  readonly from: MemberId;
  readonly term: number;
  offset: number;
  /** All chunks are here; the driver is verifying them. */
  isComplete: boolean;
}

export interface CandidateRole {
  readonly type: 'candidate';
  /** A pre-vote asks whether a campaign could be won, and changes nothing (thesis §9.6). */
  readonly isPreVote: boolean;
  readonly isTransfer: boolean;
  readonly votes: Map<MemberId, boolean>;
  /** The write after which this candidate's own vote counts. */
  readonly ownVoteWrite: number;
  elapsed: number;
  readonly timeout: number;
}

export interface WaitingRead {
  readonly id: number;
  /** Undefined until an entry of this term is committed (§6.4 of the thesis). */
  index: number | undefined;
  /** The round that must be answered; undefined until one leaves. */
  round: number | undefined;
}

export interface Leader {
  readonly type: 'leader';
  readonly followers: Map<MemberId, Progress>;
  /** No entry before this one of the leader's own term may be counted as committed (§5.4.2). */
  readonly firstOwnIndex: number;
  heartbeatElapsed: number;
  idleTicks: number;
  isQuiet: boolean;
  /** The number of the last round of heartbeats; followers echo it. */
  round: number;
  /** The start of each unanswered round, oldest first, by the node's clock. */
  roundsSent: { readonly round: number; readonly at: number }[];
  /** The start of the newest round that a quorum answered. */
  leaseFrom: number;
  /** A leadership transfer was sent in this term: its target may win at any later time. */
  isLeaseRevoked: boolean;
  reads: WaitingRead[];
  /** Uncommitted payloads, a batch each, oldest first. */
  readonly uncommitted: { readonly lastIndex: number; readonly bytes: number }[];
  uncommittedBytes: number;
  transfer: { readonly to: MemberId; elapsed: number; isSent: boolean } | undefined;
  /** Until this tick followers learn of commits at once: they serve watches. */
  announceUntil: number;
  /** No handover to a faster voter before this tick: one attempt per window. */
  handOverFrom: number;
}

type Role = Follower | CandidateRole | Leader;

/** Two positions that no log can have both. */
export interface Contradiction {
  readonly leader: MemberId;
  readonly term: number;
  readonly tick: number;
  /** The position that is committed here. */
  readonly committed: Position;
  /** The position that the leader states instead. */
  readonly told: Position;
}

/**
 * Invariants, at the end of every step: handed <= commit <= log.last; term and commit never fall;
 * a leader's log holds every committed entry; `vote` belongs to `term`.
 */
export interface RaftState {
  readonly shard: ShardId;
  readonly self: MemberId;
  readonly limits: RaftLimits;
  readonly random: Random;
  readonly snapshots: SnapshotReader;
  readonly links: Links;
  /** The indexes of the snapshots that are open for followers. */
  readonly openSnapshots: Set<number>;
  readonly log: RaftLog;
  readonly configurations: Configurations;
  readonly outbox: Outbox;
  term: number;
  vote: MemberId;
  commit: number;
  /** Entries through here were handed to the machine. */
  handed: number;
  applied: number;
  role: Role;
  mayVote: boolean;
  isRemoved: boolean;
  /** The applied state is lost: no entry is handed over until a snapshot restores it. */
  isStateLost: boolean;
  /** The last contradiction between a leader and this replica, in this life. */
  contradiction: Contradiction | undefined;
  /** A former life may have promised a leader not to vote: no votes before this tick. */
  readonly votesFromTick: number;
  /** For this many ticks it votes only for `promisedTo`, which may read by its lease. */
  promiseTicks: number;
  promisedTo: MemberId;
  readonly timeout: ElectionTimeout;
  /** The tick at which `promisedTo` was last heard as leader, or was last known to be quiesced. */
  heardAt: number;
  /** The timeout that a leader last stated for its group, in ticks. */
  statedTicks: number;
  /** Ticks of this life so far. */
  ticks: number;
  /** The node's clock at the last tick. */
  now: number;
  /** The write that holds the present term and vote. */
  termWrite: number;
  /** A leader has entries or a commit index to send with this turn. */
  hasNews: boolean;
  /** The next entry for the machine cannot be read now; retried at the next tick. */
  isHandingBlocked: boolean;
}

export function note(state: RaftState, fact: Fact): void {
  state.outbox.facts.push(fact);
}

/** The envelope of a message. */
export function to(state: RaftState, member: MemberId) {
  return { shard: state.shard, from: state.self, to: member, term: state.term };
}

/** For messages that acknowledge log content: sent when everything until now is durable. */
export function sendDurably(state: RaftState, message: Message): void {
  state.outbox.sendAfter(state.outbox.pendingWrite, message);
}

/** For messages that reveal the term but nothing of the log: sent when the term is durable. */
export function sendWithTerm(state: RaftState, message: Message): void {
  state.outbox.sendAfter(state.termWrite, message);
}

/** A new term begins without a vote. */
export function adoptTerm(state: RaftState, term: number, vote: MemberId): void {
  assert(term >= state.term, 'terms never fall');
  assert(term > state.term || state.vote === NO_MEMBER, 'one vote in a term');
  state.term = term;
  state.vote = vote;
  state.outbox.isHardStateChanged = true;
  state.termWrite = state.outbox.pendingWrite;
}

export function becomeFollower(state: RaftState, leader: MemberId): void {
  const before = state.role;
  if (before.type === 'leader') dropReads(state, before, 'not-leader');
  state.timeout.majorityDelay = undefined;
  state.role = {
    type: 'follower',
    leader,
    elapsed: 0,
    timeout: drawTimeout(state),
    incoming: before.type === 'follower' ? before.incoming : undefined,
    isQuiet: false,
  };
}

/** Before scaling: the draw stays the same while the timeout changes. */
export function drawTimeout(state: RaftState): number {
  const { electionTicksMin } = state.limits;
  return electionTicksMin + state.random.below(electionTicksMin);
}

function dropReads(state: RaftState, leader: Leader, reason: RaftRefusal): void {
  if (leader.reads.length > 0) note(state, 'read-dropped-with-leadership');
  for (const read of leader.reads) {
    state.outbox.reads.push({ type: 'refused', id: read.id, reason });
  }
  leader.reads = [];
}

export function stepDown(state: RaftState, why: Fact): void {
  note(state, why);
  becomeFollower(state, NO_MEMBER);
}

/** The commit index of a follower or leader only grows, and never past the log's end. */
export function commitThrough(state: RaftState, index: number): void {
  if (index <= state.commit) return;
  assert(index <= state.log.lastIndex, 'only entries of the log are committed');
  state.commit = index;
}

/** The conflict rule of §5.3; configurations in the part cut off are no longer in force (§6). */
export function cutLogFrom(state: RaftState, index: number): void {
  assert(index > state.commit, 'a committed entry is never removed');
  state.log.cutFrom(index);
  state.outbox.overwriteFrom(index);
  state.outbox.unwrittenFrom = Math.min(state.outbox.unwrittenFrom, index);
  state.outbox.repairs = state.outbox.repairs.filter((entry) => entry.index < index);
  note(state, 'append-conflict-cut');
  if (state.configurations.cutFrom(index)) note(state, 'configuration-reverted');
}

export function configurationOf(state: RaftState) {
  return state.configurations.newest.configuration;
}

/** Whether this replica may campaign: its log is complete, and it has a vote. */
export function mayCampaign(state: RaftState): RaftRefusal | undefined {
  if (state.isRemoved) return 'removed';
  if (!state.mayVote) return 'may-not-vote';
  if (!mayBeNeeded(state)) return 'not-a-voter';
  if (damageOf(state) !== undefined) return 'damaged';
  return undefined;
}

/**
 * A voter of the newest configuration, or one that it leaves out without being committed: no other
 * member may have that configuration, and its log keeps others from being elected (thesis §4.2.2).
 */
function mayBeNeeded(state: RaftState): boolean {
  const { at, configuration } = state.configurations.newest;
  if (isVoter(configuration, state.self)) return true;
  if (at.index <= state.commit) return false;
  return isVoter(state.configurations.at(at.index - 1).configuration, state.self);
}

/**
 * The first lost entry that is still needed; entries that were handed over are in the machine's
 * state.
 */
export function damageOf(state: RaftState): number | undefined {
  return state.log.hasDamage ? state.log.firstDamagedAfter(state.handed) : undefined;
}

export function leaderOf(state: RaftState): MemberId {
  switch (state.role.type) {
    case 'leader':
      return state.self;
    case 'follower':
      return state.role.leader;
    case 'candidate':
      return NO_MEMBER;
  }
}

export function refuse(reason: RaftRefusal): StepResult {
  return { type: 'refused', reason };
}

/** Compares a sender's newest configuration with ours: positive if the sender's is newer. */
export function compareConfiguration(state: RaftState, theirs: Position): number {
  const ours = state.configurations.newest.at;
  return theirs.term !== ours.term ? theirs.term - ours.term : theirs.index - ours.index;
}
