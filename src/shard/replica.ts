/** One replica of one shard: joins Raft, the log, the machine and the state. */

import { unreachable } from '../base/assert.ts';
import { type MemberId, NO_MEMBER, type ShardId } from '../base/ids.ts';
import type { EntryBody } from '../machine/entry.ts';
import type { LockTable, Prepared } from '../machine/lock-table.ts';
import { encodeReply, type Reply } from '../machine/reply.ts';
import type { Fact } from '../raft/fact.ts';
import type { LogEntry, Message } from '../raft/message.ts';
import type { Raft } from '../raft/raft.ts';
import type { Mark, RaftEvent, Ready, StepResult, Write } from '../raft/ready.ts';
import type { RaftStatus } from '../raft/status.ts';
import type { LogRecord } from '../storage/log/log.ts';
import { StateDamage } from '../storage/state/state.ts';
import type { StateStore } from '../storage/state/state-store.ts';
import type { Failure } from '../wire/response.ts';
import { ApplyQueue } from './apply-queue.ts';
import { FingerprintTaking } from './fingerprint-taking.ts';
import type { LogTime } from './log-time.ts';
import { isIrreplaceable, isValue } from './lost-value.ts';
import { plainProposal, stampedProposal } from './proposal.ts';
import { failRequester, type Requester } from './proposals.ts';
import { Proposing, type ProposingHost } from './proposing.ts';
import { Reading, type ReadingHost, type Turns } from './reading.ts';
import type { PendingRead } from './reads.ts';
import type { RecentDeletes } from './recent-deletes.ts';
import type { ShardMachine } from './shard-machine.ts';
import { SnapshotIntake } from './snapshot-intake.ts';
import { contradicted, ofLaterVersion, type Stop } from './stop-reason.ts';

/** What the node does for its replicas. */
export interface ReplicaHost {
  readonly store: StateStore;
  /** The node's monotone clock in milliseconds. */
  readonly now: number;
  /** The largest value that the node accepts. */
  readonly valueBytesMax: number;
  /** The replica has work for the end of this turn. */
  touch(replica: Replica): void;
  noted(replica: Replica, fact: Fact): void;
  /** Asks the leader of the shard for its commit index; false if the question did not leave. */
  askLeader(replica: Replica, question: number): boolean;
  /** A read number that was never used, in this life or a former one. */
  nextRead(): number;
  /** The node that hosts a member; 0 if unknown. */
  nodeNumberOf(shard: ShardId, member: MemberId): number;
  /** Its state was found damaged, or a snapshot took the place of one that was: see `isCorrupt`. */
  corruptionChanged(replica: Replica): void;
  /** The replica has an entry to propose that no request waits for. */
  defer(replica: Replica): void;
  /** A request waits for a locked key; it preempts the holder if it has higher priority. */
  reportConflict(replica: Replica, holder: Prepared, isPreempting: boolean): void;
  /** Where reads that may be served wait for their turn. */
  readonly fair: Turns;
  /** The replica cannot continue. */
  stopped(replica: Replica, stop: Stop): void;
}

interface ReplicaOptions {
  readonly host: ReplicaHost;
  readonly shard: ShardId;
  readonly member: MemberId;
  readonly raft: Raft;
  readonly machine: ShardMachine;
  /** Makes a machine on a sound state; throws `StateDamage`. */
  readonly newMachine: () => ShardMachine;
  readonly time: LogTime;
}

export class Replica implements ProposingHost, ReadingHost {
  readonly shard: ShardId;
  readonly member: MemberId;
  machine: ShardMachine;
  readonly fingerprint: FingerprintTaking;
  readonly #host: ReplicaHost;
  readonly #newMachine: () => ShardMachine;
  readonly #raft: Raft;
  readonly #time: LogTime;
  readonly #proposing: Proposing;
  readonly #reading: Reading;
  readonly #intake: SnapshotIntake;
  /** Not given to the log yet: a snapshot may have to become the state first. */
  readonly #records: LogRecord[] = [];
  readonly #applyQueue = new ApplyQueue();
  #applied: number;
  /** Of the entry that was applied last. */
  #appliedTerm: number;
  #wasLeader = false;
  #freed: Prepared[] | 'all' = [];
  /** Through here the state is on disk, even without the last batch of the store. */
  #saved = 0;
  /** The log time before which no key expires; 0 until the keys were scanned once. */
  dueAt = 0;
  /** Its state is damaged: until a snapshot replaces it, it only votes and keeps the log. */
  isCorrupt = false;
  /** Why it cannot continue; empty while it does. */
  stopReason = '';

  constructor(options: ReplicaOptions) {
    const { host, shard, member } = options;
    this.shard = shard;
    this.member = member;
    this.machine = options.machine;
    this.fingerprint = new FingerprintTaking(shard, host.store);
    this.#host = host;
    this.#newMachine = options.newMachine;
    this.#raft = options.raft;
    this.#time = options.time;
    const { index, term } = host.store.description(shard);
    this.#applied = index;
    this.#appliedTerm = term;
    this.#intake = new SnapshotIntake(shard, host.store);
    this.#proposing = new Proposing(this, { raft: options.raft });
    this.#reading = new Reading(this, this.#proposing);
  }

  /** A stopped replica does not lead, whatever its Raft state says. */
  get isLeader(): boolean {
    return this.stopReason === '' && this.#raft.isLeader;
  }

  /**
   * It leads and has applied an entry of its own term: so everything that earlier leaders
   * acknowledged.
   */
  get isCurrent(): boolean {
    return this.isLeader && this.#appliedTerm === this.#raft.term;
  }

  get leader(): MemberId {
    return this.stopReason === '' ? this.#raft.leader : NO_MEMBER;
  }

  get term(): number {
    return this.#raft.term;
  }

  get applied(): number {
    return this.#applied;
  }

  get durable(): number {
    return this.#raft.durable;
  }

  /** Requests that were accepted and not answered. */
  get waiting(): number {
    return this.#proposing.size + this.#reading.size;
  }

  /** The time that an entry would carry if it were proposed now. */
  get logTime(): number {
    return this.#time.read(this.#host.now);
  }

  /** No part of it is waiting for the disk. */
  get mayGo(): boolean {
    return !this.#intake.isSwitching;
  }

  status(): RaftStatus {
    return this.#raft.status();
  }

  step(event: RaftEvent): StepResult {
    if (this.stopReason !== '') return { type: 'refused', reason: 'damaged' };
    const outcome = this.#raft.step(event);
    if (this.#raft.hasReady) this.touch();
    const isOver = outcome.type === 'refused' && outcome.reason === 'contradicted';
    if (isOver) this.#stop(contradicted(this.status()));
    return outcome;
  }

  tick(): void {
    this.step({ type: 'tick', now: this.now });
    this.#reading.tick();
    this.#proposing.tick();
  }

  receive(message: Message): void {
    if (message.type === 'snapshot-chunk' && !this.#intake.admits(message)) return;
    this.step({ type: 'message', message });
  }

  /** Also for a stopped replica: a checkpoint of all shards waits until the log covers each. */
  settle(mark: Mark): void {
    this.#raft.step({ type: 'durable', mark });
    if (this.#raft.hasReady) this.touch();
  }

  /** Proposes a body with the log time. The caller has validated the body. */
  stamp(requester: Requester, epoch: number, body: EntryBody): void {
    // A request may wait for a lock that this entry releases.
    const isAwaited = this.#proposing.queue.hasWaiting || this.#reading.hasBlocked;
    const { valueBytesMax } = this.#host;
    this.#proposing.add(stampedProposal({ requester, epoch, valueBytesMax, body, isAwaited }));
  }

  /** A command whose payload needs no stamp. */
  command(requester: Requester, payload: Uint8Array): void {
    this.#proposing.add(plainProposal(requester, payload));
  }

  read(read: PendingRead): void {
    this.#reading.read(read);
  }

  readByLease(read: PendingRead): void {
    this.#reading.readByLease(read);
  }

  readStale(read: PendingRead, milliseconds: number): void {
    this.#reading.readStale(read, milliseconds);
  }

  told(question: number, index: number): void {
    this.#reading.told(question, index);
  }

  fail(requester: Requester, failure: Failure): void {
    const leader = this.#host.nodeNumberOf(this.shard, this.leader);
    const time = this.#time.isGuess && !this.isLeader ? 0 : this.logTime;
    failRequester(requester, failure, time, leader);
  }

  // What its parts need.

  get now(): number {
    return this.#host.now;
  }

  get lockTable(): LockTable | undefined {
    return this.machine.lockTable;
  }

  get store(): StateStore {
    return this.#host.store;
  }

  get fair(): Turns {
    return this.#host.fair;
  }

  touch(): void {
    this.#host.touch(this);
  }

  nextRead(): number {
    return this.#host.nextRead();
  }

  askLeader(question: number): boolean {
    return this.#host.askLeader(this, question);
  }

  reportConflict(holder: Prepared, isPreempting: boolean): void {
    if (this.#proposing.queue.releaseEndOf(holder)) this.touch();
    else this.#host.reportConflict(this, holder, isPreempting);
  }

  /** Proposes the deferred entries with the next turn. */
  proposeDeferred(): void {
    this.#proposing.queue.releaseDeferred();
  }

  defer(): void {
    this.#host.defer(this);
  }

  get recentDeletes(): RecentDeletes | undefined {
    return this.machine.recentDeletes;
  }

  refuse({ responder, id }: Requester, reply: Reply): void {
    const { time } = this.machine;
    responder.respond({ type: 'written', id, time, replies: [encodeReply(reply)] });
  }

  /**
   * First step of the end of a turn: makes proposals of all gathered requests and takes Raft's
   * `Ready`.
   */
  take(): Ready | undefined {
    if (this.stopReason !== '') return undefined;
    this.#proposing.ask();
    this.#reading.ask();
    this.#passVerdict();
    const ready = this.#raft.hasReady ? this.#raft.take() : undefined;
    // The core may have passed the snapshot while the disk was asked about it.
    if (ready?.write?.snapshot === undefined) this.#intake.forget();
    if (ready === undefined) return undefined;
    if (ready.write !== undefined) this.#takeWrite(ready.write);
    if (ready.truncated !== undefined) {
      this.#records.push({ type: 'forget', shard: this.shard, index: ready.truncated });
    }
    for (const chunk of ready.chunks) this.#intake.take(chunk);
    this.#intake.leaveUnused();
    return ready;
  }

  /** The records that the log may have now, in order. */
  takeRecords(): readonly LogRecord[] {
    return this.#intake.isSwitching ? [] : this.#records.splice(0);
  }

  /** Last step: after the writes were given to the log and the messages sent. */
  finish(ready: Ready | undefined): void {
    if (ready !== undefined) {
      this.#applyQueue.add(ready.committed);
      for (const answer of ready.reads) this.#reading.grant(answer);
      for (const fact of ready.facts) this.#host.noted(this, fact);
    }
    if (this.#wasLeader && !this.isLeader) {
      this.#proposing.release();
      this.#reading.release();
    }
    this.#wasLeader = this.isLeader;
    this.drain();
  }

  /** Applies committed entries, as far as there is room. */
  drain(): void {
    if (this.#intake.isSwitching || this.stopReason !== '') return;
    const before = this.#applied;
    while (!this.#applyQueue.isEmpty && this.#host.store.hasRoom && !this.isCorrupt) {
      const entry = this.#applyQueue.first as LogEntry;
      this.#heedDamage(() => this.#apply(entry));
      if (this.stopReason !== '') return;
      this.#applyQueue.shift();
    }
    if (this.isCorrupt) this.#applyQueue.clear();
    if (this.#applied > before) this.step({ type: 'applied', index: this.#applied });
    this.#reading.serveReady();
    this.#wakeHeld();
  }

  /** Locks were released: requests that wait for their holders are retried. */
  #wakeHeld(): void {
    const freed = this.#freed;
    if (freed.length === 0) return;
    this.#freed = [];
    this.#reading.wake(freed);
    this.#proposing.queue.wake(freed);
    if (this.#proposing.queue.hasGathered) this.touch();
  }

  /** State through this index is durable: the log may drop it. */
  saved(index: number): void {
    if (index > this.#applied || index < this.#saved) return;
    this.#saved = index;
    this.step({ type: 'truncate', index });
  }

  /**
   * Drops entries before this index that are in the durable state, whichever follower may need
   * them.
   */
  keepFrom(index: number): void {
    this.step({ type: 'truncate', index: this.#saved, keepFrom: index });
  }

  /** Damaged entries that the machine has applied are cut away, once a checkpoint is past them. */
  tidy(): void {
    const { firstDamaged } = this.#raft.status();
    if (this.isCorrupt || firstDamaged === undefined || firstDamaged > this.#applied) return;
    if (firstDamaged > this.#saved) this.#host.store.checkpoint();
    else this.step({ type: 'truncate', index: this.#saved });
  }

  get hasUnapplied(): boolean {
    return !this.#applyQueue.isEmpty;
  }

  /** The disk made progress: work that waited for it may continue. */
  proceed(): void {
    for (;;) {
      const message = this.#intake.takeWaiting();
      if (message === undefined) break;
      this.step({ type: 'message', message });
    }
    if (this.isLeader) this.step({ type: 'snapshot-readable' });
    if (this.hasUnapplied || this.#intake.isAwaited) this.touch();
  }

  /** No other copy of its state exists: damaged values are lost, all others are served. */
  get isIrreplaceable(): boolean {
    const { configuration, base } = this.status();
    return isIrreplaceable({ ...configuration, member: this.member, base });
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
    this.step({ type: 'state-lost' });
    this.end();
    this.#host.corruptionChanged(this);
  }

  /** Tells all requesters that the shard is not served here. */
  end(): void {
    this.#proposing.end();
    this.#reading.end();
  }

  #passVerdict(): void {
    const verdict = this.#intake.verdict();
    if (verdict !== undefined) this.#raft.step({ type: 'snapshot-checked', ...verdict });
  }

  #takeWrite(write: Write): void {
    this.#records.push({ type: 'write', shard: this.shard, write });
    const { snapshot } = write;
    if (snapshot === undefined) return;
    this.#applyQueue.clear();
    this.#intake.switchTo(snapshot, () => {
      this.#applied = snapshot.index;
      this.#appliedTerm = snapshot.term;
      this.#saved = snapshot.index;
      this.dueAt = 0;
      this.#reload();
      this.#freed = 'all';
      this.#time.follow(this.machine.time, this.#host.now);
      this.touch();
    });
  }

  /** The state was replaced. A replica whose state could not be opened gets a machine only now. */
  #reload(): void {
    const wasCorrupt = this.isCorrupt;
    this.isCorrupt = false;
    this.#heedDamage(() => {
      if (wasCorrupt) this.machine = this.#newMachine();
      else this.machine.reload();
    });
    if (wasCorrupt && !this.isCorrupt) this.#host.corruptionChanged(this);
  }

  /** Damage to the state of one shard is no reason to stop the others. */
  #heedDamage(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof StateDamage)) throw error;
      this.markCorrupt();
    }
  }

  #apply(entry: LogEntry): void {
    const { index, term } = entry;
    const { store, shard } = this;
    const position = { index, term };
    switch (entry.kind) {
      case 'command': {
        const verdict = this.machine.apply({ index, payload: entry.payload });
        if (verdict === 'unknown') return this.#stop(ofLaterVersion(index));
        store.apply(shard, { position, configuration: undefined, writes: verdict.writes });
        if (verdict.dueAt < this.dueAt) this.dueAt = verdict.dueAt;
        const isOwn = this.isLeader && term === this.#raft.term;
        this.#time[isOwn ? 'confirm' : 'follow'](this.machine.time, this.#host.now);
        this.#proposing.answer(position, verdict.replies, this.machine.time);
        if (this.#freed !== 'all') this.#freed.push(...verdict.freed);
        break;
      }
      case 'configuration':
      case 'empty': {
        const configuration = entry.kind === 'configuration' ? entry.configuration : undefined;
        store.apply(shard, { position, configuration, writes: [] });
        this.#proposing.answer(position, [], this.machine.time);
        break;
      }
      default:
        unreachable(entry);
    }
    this.fingerprint.applied(index);
    this.#applied = index;
    this.#appliedTerm = term;
  }

  #stop(stop: Stop): void {
    this.stopReason = stop.reason;
    this.end();
    this.#host.stopped(this, stop);
  }
}
