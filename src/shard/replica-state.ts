/**
 * What the parts of one replica share: Raft, the machine, how far both have come, and the facts for
 * the node. The parts call down to it, and it calls none of them.
 */

import type { MemberId, ShardId } from '../base/ids.ts';
import { NO_MEMBER } from '../base/ids.ts';
import type { LockTable } from '../machine/lock-table.ts';
import { encodeReply, type Reply } from '../machine/reply.ts';
import type { Fact } from '../raft/fact.ts';
import type { Position } from '../raft/position.ts';
import type { Raft } from '../raft/raft.ts';
import type { RaftEvent, StepResult } from '../raft/ready.ts';
import type { RaftStatus } from '../raft/status.ts';
import type { StateDamage } from '../storage/state/state.ts';
import type { StateStore } from '../storage/state/state-store.ts';
import type { Failure } from '../wire/response.ts';
import type { TellingLimits } from './changed-ranges.ts';
import type { FairQueue } from './fair-queue.ts';
import type { Histories } from './histories.ts';
import type { History } from './history.ts';
import type { LogTime } from './log-time.ts';
import { isIrreplaceable, isValue } from './lost-value.ts';
import { failRequester, type Requester } from './proposals.ts';
import { RangeCounts } from './range-counts.ts';
import type { ReplicaFact } from './replica-fact.ts';
import type { ShardMachine } from './shard-machine.ts';
import { contradicted, type Stop } from './stop-reason.ts';

/** What the replicas of a node have done for leases and locks as leaders. */
export interface LeaseTotals {
  /** Leases that entries named in order to keep them alive. */
  kept: number;
  /** Tickets that waited, and then owned their locks. */
  granted: number;
  /** Guarded writes that were refused, because a newer owner of their lock has written. */
  fenced: number;
}

/** What the streams of all replicas of a node have done. */
export interface StreamTotals {
  /** Open ones. */
  streams: number;
  messages: number;
  bytes: number;
  /** Streams that ended because a history does not reach back far enough. */
  gone: number;
}

/** What the replicas of a node share. */
export interface ReplicaContext {
  readonly store: StateStore;
  /** Where reads that may be served wait for their turn. */
  readonly fair: Turns;
  readonly histories: Histories;
  readonly streams: StreamTotals;
  /** By default those of `limits.ts`. */
  readonly telling?: TellingLimits;
  readonly leases: LeaseTotals;
  /** The node's monotone clock in milliseconds. */
  readonly clock: () => number;
  /** The largest value that the node accepts. */
  readonly valueBytesMax: number;
  /** The node that hosts a member; 0 if unknown. */
  readonly nodeOf: (shard: ShardId, member: MemberId) => number;
}

export type Turns = Pick<FairQueue, 'add' | 'list'>;

export interface ReplicaStateOptions {
  readonly context: ReplicaContext;
  readonly shard: ShardId;
  readonly member: MemberId;
  readonly raft: Raft;
  readonly machine: ShardMachine;
  readonly time: LogTime;
  /** No read of a former life had this number, or a number soon after it. */
  readonly firstRead: number;
  /** The replica has work for the end of the turn. */
  readonly onWork: () => void;
}

export class ReplicaState {
  readonly context: ReplicaContext;
  readonly shard: ShardId;
  readonly member: MemberId;
  readonly raft: Raft;
  readonly time: LogTime;
  readonly store: StateStore;
  readonly #onWork: () => void;
  /** What lies in ranges with limits. */
  readonly counts = new RangeCounts();
  /** The changes of the latest entries; those before the state was opened are not in it. */
  readonly history: History;
  machine: ShardMachine;
  applied: number;
  /** Of the entry that was applied last. */
  appliedTerm: number;
  /** The state is damaged: until a snapshot replaces it, it only votes and keeps the log. */
  isCorrupt = false;
  /** Why the replica cannot continue; empty while it does. */
  stopReason = '';
  #facts: ReplicaFact[] = [];
  #lastRead: number;
  #hasEnded = false;

  constructor(options: ReplicaStateOptions) {
    const { context, shard } = options;
    this.context = context;
    this.shard = shard;
    this.member = options.member;
    this.raft = options.raft;
    this.time = options.time;
    this.store = context.store;
    this.machine = options.machine;
    this.#lastRead = options.firstRead;
    this.#onWork = options.onWork;
    const { index, term } = this.store.description(shard);
    this.applied = index;
    this.appliedTerm = term;
    this.history = context.histories.open({ index, term });
  }

  get now(): number {
    return this.context.clock();
  }

  /** What was applied last. */
  get position(): Position {
    return { index: this.applied, term: this.appliedTerm };
  }

  /** The time that an entry would carry if it were proposed now. */
  get logTime(): number {
    return this.time.read(this.now);
  }

  /** A stopped replica does not lead, whatever its Raft state says. */
  get isLeader(): boolean {
    return this.stopReason === '' && this.raft.isLeader;
  }

  /**
   * It leads and has applied an entry of its own term: so everything that earlier leaders
   * acknowledged.
   */
  get isCurrent(): boolean {
    return this.isLeader && this.appliedTerm === this.raft.term;
  }

  get leader(): MemberId {
    return this.stopReason === '' ? this.raft.leader : NO_MEMBER;
  }

  get lockTable(): LockTable | undefined {
    return this.machine.lockTable;
  }

  /** No other copy of its state exists: damaged values are lost, all others are served. */
  get isIrreplaceable(): boolean {
    const { configuration, base } = this.status();
    return isIrreplaceable({ ...configuration, member: this.member, base });
  }

  status(): RaftStatus {
    return this.raft.status();
  }

  step(event: RaftEvent): StepResult {
    if (this.stopReason !== '') return { type: 'refused', reason: 'damaged' };
    const outcome = this.raft.step(event);
    if (this.raft.hasReady) this.wake();
    const isOver = outcome.type === 'refused' && outcome.reason === 'contradicted';
    if (isOver) this.stop(contradicted(this.status()));
    return outcome;
  }

  /** There is work for the end of the turn. */
  wake(): void {
    this.#onWork();
  }

  report(fact: ReplicaFact): void {
    this.#facts.push(fact);
    this.wake();
  }

  /** Facts of the turn that is ending, which takes them: they need no further turn. */
  reportNow(facts: readonly Fact[]): void {
    for (const fact of facts) this.#facts.push({ type: 'raft', fact });
  }

  takeFacts(): readonly ReplicaFact[] {
    const facts = this.#facts;
    if (facts.length > 0) this.#facts = [];
    return facts;
  }

  /** A read number that was never used, in this life or a former one. */
  nextRead(): number {
    this.#lastRead += 1;
    return this.#lastRead;
  }

  fail(requester: Requester, failure: Failure): void {
    const leader = this.context.nodeOf(this.shard, this.leader);
    const time = this.time.isGuess && !this.isLeader ? 0 : this.logTime;
    failRequester(requester, failure, time, leader);
  }

  /** One reply for each command. */
  refuse({ responder, id }: Requester, ...replies: readonly Reply[]): void {
    const { time } = this.machine;
    responder.respond({ type: 'written', id, time, replies: replies.map(encodeReply) });
  }

  /** A row is damaged. Returns the failure for a requester that wanted it. */
  damaged(damage: StateDamage): Failure {
    if (this.isIrreplaceable && isValue(damage)) return 'value-lost';
    this.markCorrupt();
    return 'damaged';
  }

  /** Called by any reader that finds damage; reported once. */
  markCorrupt(): void {
    if (this.isCorrupt) return;
    this.isCorrupt = true;
    this.#hasEnded = true;
    this.step({ type: 'state-lost' });
    this.report({ type: 'corruption-changed' });
  }

  stop(stop: Stop): void {
    this.stopReason = stop.reason;
    this.#hasEnded = true;
    this.report({ type: 'stopped', stop });
  }

  /** Whether all requesters are to be told that the shard is not served here; true once. */
  takeEnd(): boolean {
    const hasEnded = this.#hasEnded;
    this.#hasEnded = false;
    return hasEnded;
  }
}
