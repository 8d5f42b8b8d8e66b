/** One replica of one shard: joins Raft, the log, the machine and the state. */

import type { MemberId, ShardId } from '../base/ids.ts';
import { RAFT_LIMITS } from '../base/limits.ts';
import { WATCH_LIMITS } from '../base/watch-limits.ts';
import type { EntryBody } from '../machine/entry.ts';
import type { Prepared } from '../machine/lock-table.ts';
import type { Reply } from '../machine/reply.ts';
import type { TransactionId } from '../machine/transaction-id.ts';
import type { Message } from '../raft/message.ts';
import type { Mark, RaftEvent, Ready, StepResult, Write } from '../raft/ready.ts';
import type { RaftStatus } from '../raft/status.ts';
import type { LogRecord } from '../storage/log/log.ts';
import type { StateDamage } from '../storage/state/state.ts';
import type { Failure } from '../wire/response.ts';
import { Applying } from './applying.ts';
import { Barriers, type BarrierTerms } from './barriers.ts';
import type { FingerprintTaking } from './fingerprint-taking.ts';
import type { History } from './history.ts';
import type { KeepRequest } from './keeps.ts';
import type { StreamTerms } from './open-stream.ts';
import { plainProposal, stampedProposal } from './proposal.ts';
import type { Requester } from './proposals.ts';
import { Proposing } from './proposing.ts';
import type { RangeCounts } from './range-counts.ts';
import { Reading } from './reading.ts';
import type { PendingRead } from './reads.ts';
import type { ReplicaFact } from './replica-fact.ts';
import { ReplicaState, type ReplicaStateOptions } from './replica-state.ts';
import type { StreamHandle } from './responder.ts';
import type { ShardMachine } from './shard-machine.ts';
import { SnapshotIntake } from './snapshot-intake.ts';
import { Streams } from './streams.ts';
import type { TicketWait } from './ticket-waits.ts';

interface ReplicaOptions extends ReplicaStateOptions {
  /** Makes a machine on a sound state; throws `StateDamage`. */
  readonly newMachine: () => ShardMachine;
}

export class Replica {
  readonly shard: ShardId;
  readonly member: MemberId;
  readonly #state: ReplicaState;
  readonly #proposing: Proposing;
  readonly #reading: Reading;
  readonly #barriers: Barriers;
  readonly #streams: Streams;
  readonly #applying: Applying;
  readonly #intake: SnapshotIntake;
  /** Not given to the log yet: a snapshot may have to become the state first. */
  readonly #records: LogRecord[] = [];
  #wasLeader = false;
  /** Through here the state is on disk, even without the last batch of the store. */
  #saved = 0;

  constructor(options: ReplicaOptions) {
    const { shard, member, context, newMachine } = options;
    this.shard = shard;
    this.member = member;
    this.#state = new ReplicaState(options);
    this.#intake = new SnapshotIntake(shard, context.store);
    this.#proposing = new Proposing(this.#state);
    this.#reading = new Reading(this.#state, this.#proposing);
    const [state, proposing] = [this.#state, this.#proposing];
    this.#barriers = new Barriers(state, proposing, this.#reading);
    this.#streams = new Streams(state, this.#reading);
    this.#applying = new Applying({ state, proposing, streams: this.#streams, newMachine });
  }

  get machine(): ShardMachine {
    return this.#state.machine;
  }

  get fingerprint(): FingerprintTaking {
    return this.#applying.fingerprint;
  }

  get isLeader(): boolean {
    return this.#state.isLeader;
  }

  /** See `ReplicaState`. */
  get isCurrent(): boolean {
    return this.#state.isCurrent;
  }

  get isCorrupt(): boolean {
    return this.#state.isCorrupt;
  }

  get isIrreplaceable(): boolean {
    return this.#state.isIrreplaceable;
  }

  /** Why it cannot continue; empty while it does. */
  get stopReason(): string {
    return this.#state.stopReason;
  }

  get leader(): MemberId {
    return this.#state.leader;
  }

  get term(): number {
    return this.#state.raft.term;
  }

  get applied(): number {
    return this.#state.applied;
  }

  get durable(): number {
    return this.#state.raft.durable;
  }

  /** What lies in ranges with limits: of users' data. */
  get counts(): RangeCounts {
    return this.#state.counts;
  }

  /** The changes of the latest entries. */
  get history(): History {
    return this.#state.history;
  }

  get logTime(): number {
    return this.#state.logTime;
  }

  /** The log time before which no key expires; 0 until the keys were scanned once. */
  get dueAt(): number {
    return this.#applying.dueAt;
  }

  set dueAt(time: number) {
    this.#applying.dueAt = time;
  }

  /** Requests that were accepted and not answered, without streams. */
  get waiting(): number {
    return this.#proposing.size + this.#reading.size + this.#barriers.size;
  }

  /** Open streams, and the different ranges that they watch. */
  get watching(): { readonly streams: number; readonly ranges: number } {
    return { streams: this.#streams.size, ranges: this.#streams.ranges };
  }

  /** Entries that the slowest stream is behind. Looks at all of them. */
  get watchLagEntries(): number {
    return this.#streams.lagEntries;
  }

  /** Requests beside these that wait for tickets. */
  get awaiting(): number {
    return this.#reading.awaiting;
  }

  /** No part of it is waiting for the disk. */
  get mayGo(): boolean {
    return !this.#intake.isSwitching;
  }

  status(): RaftStatus {
    return this.#state.status();
  }

  step(event: RaftEvent): StepResult {
    if (event.type === 'transfer') this.#proposing.hurryDeferred();
    return this.#state.step(event);
  }

  tick(): void {
    this.step({ type: 'tick', now: this.#state.now });
    this.#reading.tick();
    this.#proposing.tick();
    this.#barriers.tick();
    this.#streams.tick();
  }

  receive(message: Message): void {
    if (message.type === 'snapshot-chunk' && !this.#intake.admits(message)) return;
    this.step({ type: 'message', message });
  }

  /** Also for a stopped replica: a checkpoint of all shards waits until the log covers each. */
  settle(mark: Mark): void {
    const { raft } = this.#state;
    raft.step({ type: 'durable', mark });
    if (raft.hasReady) this.#state.wake();
  }

  /** Proposes a body with the log time. The caller has validated the body. */
  stamp(requester: Requester, epoch: number, body: EntryBody): void {
    const { valueBytesMax } = this.#state.context;
    const proposal = stampedProposal({ requester, epoch, valueBytesMax, body });
    if (proposal.ends.length === 0) return this.#proposing.add(proposal);
    const { lockTable } = this.#state;
    const holders = proposal.ends.flatMap(({ id }) => lockTable?.of(id) ?? []);
    const isAwaited = holders.some((one) => this.#isAwaited(one));
    this.#proposing.add(isAwaited ? { ...proposal, hasHurry: true } : proposal);
    // Reads may see a decision that is known; those that may not wait for it again.
    this.#reading.wake(holders);
  }

  /** A request waits for a lock of this holder. */
  #isAwaited(holder: Prepared): boolean {
    return this.#proposing.isAwaited(holder) || this.#barriers.isAwaited(holder);
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

  /** See `Barriers`. */
  barrier(terms: BarrierTerms): void {
    this.#barriers.add(terms);
  }

  /** Undefined if it is refused. */
  watch(requester: Requester, terms: StreamTerms): StreamHandle | undefined {
    if (this.stopReason === '' && !this.isCorrupt) return this.#streams.open(requester, terms);
    this.fail(requester, this.isCorrupt ? 'damaged' : 'not-here');
    return undefined;
  }

  /** A follower serves streams. */
  announceCommits(): void {
    const { tickMilliseconds } = RAFT_LIMITS;
    const ticks = Math.ceil((2 * WATCH_LIMITS.progressMilliseconds) / tickMilliseconds);
    this.step({ type: 'announce-commits', ticks });
  }

  told(question: number, index: number): void {
    this.#reading.told(question, index);
  }

  /** Keeps leases alive: answered by the entry that names them. */
  keep(request: KeepRequest, epoch: number): void {
    this.#proposing.keep(request, epoch);
  }

  /** Whether a request that waits, or an entry on its way, keeps the lease alive. */
  isKept(lease: Uint8Array): boolean {
    return this.#proposing.isKept(lease);
  }

  /** Answered once the ticket owns its lock, or is gone. */
  awaitTicket(wait: TicketWait): void {
    this.#reading.awaitTicket(wait);
  }

  fail(requester: Requester, failure: Failure): void {
    this.#state.fail(requester, failure);
  }

  refuse(requester: Requester, ...replies: readonly Reply[]): void {
    this.#state.refuse(requester, ...replies);
  }

  /** Whether the end of this transaction's part is in the log, or is proposed with this turn. */
  releaseEndOf(part: { readonly id: TransactionId }): boolean {
    return this.#proposing.releaseEndOf(part);
  }

  /** Proposes the deferred entries with the next turn. */
  proposeDeferred(): void {
    this.#proposing.proposeDeferred();
  }

  /**
   * First step of the end of a turn: makes proposals of all gathered requests and takes Raft's
   * `Ready`.
   */
  take(): Ready | undefined {
    const { raft } = this.#state;
    if (this.#state.takeEnd()) this.end();
    if (this.stopReason !== '') return undefined;
    this.#proposing.ask();
    this.#reading.ask();
    this.#passVerdict();
    const ready = raft.hasReady ? raft.take() : undefined;
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
      this.#applying.add(ready.committed);
      for (const answer of ready.reads) this.#reading.grant(answer);
      this.#state.reportNow(ready.facts);
    }
    if (this.#wasLeader && !this.isLeader) {
      this.#proposing.abandon();
      this.#reading.abandon();
      this.#barriers.end('not-leader');
    }
    this.#wasLeader = this.isLeader;
    this.drain();
  }

  /** What happened since the last call. */
  takeFacts(): readonly ReplicaFact[] {
    return this.#state.takeFacts();
  }

  /** Applies committed entries, as far as there is room, and serves what waits for them. */
  drain(): void {
    if (this.#intake.isSwitching || this.stopReason !== '') return;
    this.#applying.work();
    this.#streams.flush();
    if (this.stopReason !== '') return;
    this.#reading.tellGrants(this.#applying.takeGrants());
    this.#reading.serveReady();
    const freed = this.#applying.takeFreed();
    if (freed.length === 0) return;
    this.#reading.wake(freed);
    this.#barriers.wake(freed);
    this.#proposing.wake(freed);
  }

  /** State through this index is durable: the log may drop it. */
  saved(index: number): void {
    if (index > this.applied || index < this.#saved) return;
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
    const { firstDamaged } = this.status();
    if (this.isCorrupt || firstDamaged === undefined || firstDamaged > this.applied) return;
    if (firstDamaged > this.#saved) this.#state.store.checkpoint();
    else this.step({ type: 'truncate', index: this.#saved });
  }

  get hasUnapplied(): boolean {
    return !this.#applying.isEmpty;
  }

  /** The disk made progress: work that waited for it may continue. */
  proceed(): void {
    for (;;) {
      const message = this.#intake.takeWaiting();
      if (message === undefined) break;
      this.step({ type: 'message', message });
    }
    if (this.isLeader) this.step({ type: 'snapshot-readable' });
    if (this.hasUnapplied || this.#intake.isAwaited) this.#state.wake();
  }

  /** A row is damaged. Returns the failure for a requester that wanted it. */
  damaged(damage: StateDamage): Failure {
    return this.#state.damaged(damage);
  }

  /** Called by any reader that finds damage; reported once. */
  markCorrupt(): void {
    this.#state.markCorrupt();
  }

  /** Tells all requesters that the shard is not served here. */
  end(): void {
    this.#proposing.end();
    this.#reading.end();
    this.#barriers.end('not-here');
    this.#streams.end('not-here');
    const { context, history, position } = this.#state;
    context.histories.reset(history, position);
  }

  #passVerdict(): void {
    const verdict = this.#intake.verdict();
    if (verdict !== undefined) this.#state.raft.step({ type: 'snapshot-checked', ...verdict });
  }

  #takeWrite(write: Write): void {
    this.#records.push({ type: 'write', shard: this.shard, write });
    const { snapshot } = write;
    if (snapshot === undefined) return;
    this.#applying.clear();
    this.#intake.switchTo(snapshot, () => {
      this.#saved = snapshot.index;
      this.#applying.restart(snapshot);
      this.#state.wake();
    });
  }
}
