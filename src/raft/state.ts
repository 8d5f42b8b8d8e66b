/** The state of one replica, and the few moves that every role shares. */

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
  /** The snapshot whose chunks are coming in. */
  incoming: Incoming | undefined;
  /** The shard is idle by common consent: no clock runs until something happens. */
  isQuiet: boolean;
}

/** Bytes of two leaders are never mixed, be their snapshots of the same index. */
interface Incoming {
  readonly snapshot: SnapshotDescription;
  readonly from: MemberId;
  readonly term: number;
  offset: number;
  /** All chunks are here; the driver is looking at them. */
  isComplete: boolean;
}

export interface Candidate {
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
  /** Nothing before this entry of the leader's own term may be counted as committed (§5.4.2). */
  readonly firstOwnIndex: number;
  heartbeatElapsed: number;
  idleTicks: number;
  isQuiet: boolean;
  /** The number of the last round of heartbeats; followers echo it. */
  round: number;
  /** When each unanswered round left, oldest first, by the node's clock. */
  roundsSent: { readonly round: number; readonly at: number }[];
  /** When the newest round answered by a quorum left. */
  leaseFrom: number;
  /** A transfer was sent in this term: its target may win at any later time. */
  isLeaseRevoked: boolean;
  reads: WaitingRead[];
  /** Payloads appended and not committed yet, a batch each, oldest first. */
  readonly uncommitted: { readonly lastIndex: number; readonly bytes: number }[];
  uncommittedBytes: number;
  transfer: { readonly to: MemberId; elapsed: number; isSent: boolean } | undefined;
  /** No handing over to a faster voter before this tick: one attempt in a window. */
  handOverFrom: number;
}

type Role = Follower | Candidate | Leader;

/** Two positions that no log can have both. */
export interface Contradiction {
  readonly leader: MemberId;
  readonly term: number;
  readonly tick: number;
  /** What was committed here. */
  readonly committed: Position;
  /** What the leader says instead. */
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
  /** What the machine applied is lost: nothing is handed over until a snapshot brings it back. */
  isStateLost: boolean;
  /** The last that this life found between a leader and itself. */
  contradiction: Contradiction | undefined;
  /** A former life may have promised a leader its silence: no votes before this tick. */
  readonly votesFromTick: number;
  /** For so many ticks it votes for nobody but `promisedTo`, who may read by its lease. */
  promiseTicks: number;
  promisedTo: MemberId;
  readonly timeout: ElectionTimeout;
  /** The tick at which `promisedTo` was last heard as leader, or was last known to be silent. */
  heardAt: number;
  /** How long the last leader that said so has its group wait, in ticks. */
  statedTicks: number;
  /** Ticks of this life so far. */
  ticks: number;
  /** The node's clock at the last tick. */
  now: number;
  /** The write that holds the present term and vote. */
  termWrite: number;
  /** A leader has news that leaves with the turn. */
  hasNews: boolean;
  /** The next entry for the machine cannot be read now; asked again at the next tick. */
  isHandingBlocked: boolean;
}

export function note(state: RaftState, fact: Fact): void {
  state.outbox.facts.push(fact);
}

/** Everything that is addressed the same way. */
export function to(state: RaftState, member: MemberId) {
  return { shard: state.shard, from: state.self, to: member, term: state.term };
}

/** For what vouches for the log: it leaves when all that happened until now is durable. */
export function sendDurably(state: RaftState, message: Message): void {
  state.outbox.sendAfter(state.outbox.pendingWrite, message);
}

/** For what reveals the term but nothing of the log: it waits for no more than the term. */
export function sendWithTerm(state: RaftState, message: Message): void {
  state.outbox.sendAfter(state.termWrite, message);
}

/** A new term begins with no vote given. */
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

/** Before it is stretched: the draw does not change while the timeout does. */
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

/** A follower's or a leader's commit index moves forward, never past the log's end. */
export function commitThrough(state: RaftState, index: number): void {
  if (index <= state.commit) return;
  assert(index <= state.log.lastIndex, 'only what is in the log is committed');
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

/** Whether this replica may stand for election: it remembers all, and it has a vote to win with. */
export function mayCampaign(state: RaftState): RaftRefusal | undefined {
  if (state.isRemoved) return 'removed';
  if (!state.mayVote) return 'may-not-vote';
  if (!mayBeNeeded(state)) return 'not-a-voter';
  if (damageOf(state) !== undefined) return 'damaged';
  return undefined;
}

/**
 * A voter of the newest configuration, or one that it leaves out without being committed: nobody
 * else may have that configuration, and its log keeps others from being elected (thesis §4.2.2).
 */
function mayBeNeeded(state: RaftState): boolean {
  const { at, configuration } = state.configurations.newest;
  if (isVoter(configuration, state.self)) return true;
  if (at.index <= state.commit) return false;
  return isVoter(state.configurations.at(at.index - 1).configuration, state.self);
}

/** The first lost entry that is still needed; what was handed over lives on in the machine. */
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

/** How a sender's knowledge of the configuration compares with ours: above zero if it is newer. */
export function compareConfiguration(state: RaftState, theirs: Position): number {
  const ours = state.configurations.newest.at;
  return theirs.term !== ours.term ? theirs.term - ours.term : theirs.index - ours.index;
}
