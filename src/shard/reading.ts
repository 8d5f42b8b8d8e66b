/** The reads of one replica from request to answer: what they wait for, and how long. */

import { NO_BYTES } from '../base/message-pack.ts';
import { TRANSACTION_LIMITS } from '../base/transaction-limits.ts';
import type { Prepared } from '../machine/lock-table.ts';
import { SECTION } from '../machine/section.ts';
import type { Grant } from '../machine/tickets.ts';
import type { ReadAnswer } from '../raft/ready.ts';
import { BlockedReads } from './blocked-reads.ts';
import type { FairJob } from './fair-queue.ts';
import { FAIRNESS_LIMITS } from './fairness-limits.ts';
import { Freshness } from './freshness.ts';
import { SHARD_LIMITS } from './limits.ts';
import type { Proposing } from './proposing.ts';
import type { ReadContext } from './read-moment.ts';
import { ReadServer } from './read-server.ts';
import { type PendingRead, Reads } from './reads.ts';
import type { ReplicaState } from './replica-state.ts';
import { type TicketWait, TicketWaits } from './ticket-waits.ts';

export class Reading {
  readonly #state: ReplicaState;
  readonly #proposing: Proposing;
  readonly #reads = new Reads();
  readonly #blocked = new BlockedReads();
  /** Granted, but behind commands that were proposed before their keys were reserved. */
  readonly #behind = new Reads();
  readonly #freshness = new Freshness();
  /** Granted reads that wait for their turn in the node's fair queue. */
  readonly #due = new Set<PendingRead>();
  readonly #waits = new TicketWaits();
  readonly #server: ReadServer;

  constructor(state: ReplicaState, proposing: Proposing) {
    this.#state = state;
    this.#proposing = proposing;
    const { shard, store, context } = state;
    this.#server = new ReadServer({
      shard,
      store,
      fair: context.fair,
      clock: context.clock,
      waits: this.#waits,
      onDamage: (damage) => state.damaged(damage),
      onHeld: (read, holder, isPreempting) => this.#block(read, holder, isPreempting),
      onChecked: (reserver, keys) => proposing.release(reserver, keys),
    });
  }

  /** Unanswered reads. */
  get size(): number {
    const { size } = this.#behind;
    return this.#reads.size + size + this.#freshness.size + this.#blocked.size + this.#due.size;
  }

  /** Requests that wait for tickets. */
  get awaiting(): number {
    return this.#waits.size;
  }

  /** ReadIndex: answered once it is known that this was the leader after now (thesis §6.4). */
  read(read: PendingRead): void {
    const { stopReason } = this.#state;
    if (stopReason !== '') return this.#state.fail(read.requester, 'not-leader');
    if (this.#isFull) return this.#state.fail(read.requester, 'overloaded');
    this.#reads.gather(this.#reserve(this.#dated(read)));
    this.#state.wake();
  }

  /** Of one key, a read may see any known decision; of several, those known when it was asked. */
  #dated(read: PendingRead): PendingRead {
    const { what } = read;
    const isOfSeveral = what.type === 'keys' && what.keys.length > 1;
    return isOfSeveral ? { ...read, known: this.#proposing.known } : read;
  }

  /** From now on other requests wait. What was proposed before is applied before the read. */
  #reserve(read: PendingRead): PendingRead {
    const { reserver, what } = read;
    if (reserver === undefined || what.type !== 'keys' || !this.#state.isLeader) return read;
    this.#proposing.reserve(reserver, what.keys);
    return { ...read, behind: this.#proposing.last };
  }

  /**
   * Answered immediately under a read lease: a quorum promised to elect no other leader meanwhile.
   * Else as `read`.
   */
  readByLease(read: PendingRead): void {
    const { now, applied } = this.#state;
    const outcome = this.#state.step({ type: 'lease-read', now });
    const position = outcome.type === 'taken' ? outcome.position?.index : undefined;
    if (position === undefined || position > applied) this.read(read);
    else this.#serve([this.#dated(read)]);
  }

  /**
   * Answered from here if this state was current at most that long ago; else the leader is asked.
   */
  readStale(read: PendingRead, milliseconds: number): void {
    const { now, isLeader, applied } = this.#state;
    if (isLeader) return this.readByLease(read);
    if (this.#freshness.isYoung({ milliseconds, now, applied })) return this.#serve([read]);
    if (this.#isFull) return this.#state.fail(read.requester, 'overloaded');
    const question = this.#freshness.wait(read, { now, draw: () => this.#state.nextRead() });
    if (question !== undefined) this.#state.report({ type: 'leader-query', question });
  }

  /** Answered once the ticket owns its lock, or is gone. */
  awaitTicket(wait: TicketWait): void {
    const { stopReason, isCorrupt, machine, logTime: time } = this.#state;
    const tickets = machine.coordination?.tickets;
    if (stopReason !== '') return this.#state.fail(wait.requester, 'not-leader');
    if (isCorrupt) return this.#state.fail(wait.requester, 'damaged');
    if (tickets === undefined) return this.#state.fail(wait.requester, 'malformed');
    if (this.#waits.take(wait, { tickets, time })) return;
    const { requester, until } = wait;
    this.read({ requester, until, what: { type: 'ticket', wait } });
  }

  /** What became of tickets, in entries that were applied. */
  tellGrants(grants: readonly Grant[]): void {
    this.#waits.told(grants, this.#state.logTime);
  }

  /** The leader's answer to a freshness question; 0 if it does not lead, or is unknown. */
  told(question: number, index: number): void {
    if (!this.#freshness.isOpen(question)) return;
    if (index === 0) return this.#failStale();
    this.#reads.grant(this.#freshness.answer(question, index), index);
    this.serveReady();
  }

  tick(): void {
    const { now } = this.#state;
    if (this.#freshness.isOverdue(now)) this.#failStale();
    for (const { requester } of this.#blocked.takeLate(now)) this.#state.fail(requester, 'held');
    const late = [...this.#reads.takeLate(now), ...this.#behind.takeLate(now)];
    for (const { requester } of late) this.#state.fail(requester, 'too-late');
    const { machine, logTime: time, isCorrupt } = this.#state;
    const tickets = machine.coordination?.tickets;
    if (tickets !== undefined && !isCorrupt) this.#waits.tick(now, { tickets, time });
  }

  /** At the end of a turn: one ReadIndex round for all gathered reads. */
  ask(): void {
    if (!this.#reads.hasGathered) return;
    const id = this.#state.nextRead();
    this.#reads.ask(id);
    const outcome = this.#state.step({ type: 'read', id });
    if (outcome.type === 'refused') this.#refuse(id, outcome.reason === 'too-many-reads');
  }

  grant(answer: ReadAnswer): void {
    if (answer.type === 'granted') this.#reads.granted(answer.id, answer.index);
    else this.#refuse(answer.id, false);
  }

  /** The machine has applied more. */
  serveReady(): void {
    const { applied } = this.#state;
    const [ready, behind] = [this.#reads.takeReady(applied), this.#behind.takeReady(applied)];
    if (ready.length + behind.length > 0) this.#serve([...ready, ...behind]);
  }

  /** These released their locks, or all did: reads that waited for one of them are retried. */
  wake(freed: readonly Prepared[] | 'all'): void {
    this.#serve(freed === 'all' ? this.#blocked.takeAll() : this.#blocked.takeOf(freed));
  }

  /** Leadership is lost: the new leader knows sooner when a lock is released. */
  abandon(): void {
    const all = [...this.#blocked.takeAll(), ...this.#behind.takeAll(), ...this.#waits.takeAll()];
    for (const { requester } of all) this.#state.fail(requester, 'not-leader');
  }

  /** Tells all requesters that the shard is not served here. */
  end(): void {
    for (const { requester } of this.#reads.takeAll()) this.#state.fail(requester, 'not-here');
    const others = [...this.#blocked.takeAll(), ...this.#behind.takeAll(), ...this.#due];
    this.#due.clear();
    for (const { requester } of [...others, ...this.#waits.takeAll()]) {
      this.#state.fail(requester, 'not-here');
    }
    this.#failStale();
  }

  /** While the machine cannot apply, granted reads wait: no more than this. */
  get #isFull(): boolean {
    const { size } = this.#behind;
    const waiting = this.#reads.size + size + this.#freshness.size + this.#due.size;
    return waiting >= SHARD_LIMITS.readsMax;
  }

  /**
   * They may be served from now on. Each is served in its turn, from the state of that moment: a
   * later state is as valid as the present one.
   */
  #serve(reads: readonly PendingRead[]): void {
    for (const read of reads) {
      this.#due.add(read);
      this.#state.context.fair.add(read.requester.responder.share, this.#jobOf(read), 'granted');
    }
  }

  #jobOf(read: PendingRead): FairJob {
    const { share } = read.requester.responder;
    const isRange = read.what.type === 'range';
    return {
      get isReady() {
        return !isRange || share === undefined || share.ranges < FAIRNESS_LIMITS.rangesMax;
      },
      run: () => this.#serveNow(read),
      isOver: true,
      drop: () => this.#due.delete(read),
    };
  }

  /** Returns the cost. */
  #serveNow(read: PendingRead): number {
    // Unless all were refused meanwhile.
    if (!this.#due.delete(read)) return 0;
    const { isCorrupt, logTime: time, now, machine, applied: index } = this.#state;
    const { lockTable, recentDeletes } = machine;
    const { behind = 0 } = read;
    if (isCorrupt) this.#state.fail(read.requester, 'damaged');
    else if (behind > index) this.#behind.grant([read], behind);
    else {
      const decided = this.#decided;
      const moment = { now, time, lockTable, recentDeletes, index, machine, decided };
      return this.#server.serve(read, moment);
    }
    return FAIRNESS_LIMITS.requestCost;
  }

  /**
   * The row that a holder leaves whose outcome is known; undefined if the read has to wait. A read
   * of several keys shows one moment: if it was asked before the outcome was known, the other keys
   * may have changed before the transaction took effect, behind the state that is seen here.
   */
  readonly #decided: ReadContext['decided'] = (read, holder, key) => {
    const { store, shard, machine } = this.#state;
    const end = this.#proposing.endOf(holder);
    if (end === undefined || read.what.type !== 'keys') return undefined;
    if (!end.isCommitted) return store.get(shard, SECTION.values, key) ?? NO_BYTES;
    const { known = 0 } = read;
    const maySee = read.what.keys.length === 1 || end.number <= known;
    return maySee ? machine.rowAfter?.(holder, key) : undefined;
  };

  /**
   * The key is about to change, so the read waits. It was granted before, so the state that it sees
   * later is recent enough whichever replica leads by then.
   */
  #block(read: PendingRead, holder: Prepared, isPreempting: boolean): void {
    const { lockTable, isLeader } = this.#state;
    // A range was read meanwhile, and the lock may have been released.
    if (lockTable?.of(holder.id) !== holder) return this.#serve([read]);
    // A stale read does not wait or ask for a lock here: the leader knows of the release sooner.
    if (!isLeader) return this.#state.fail(read.requester, 'not-fresh');
    if (!this.#blocked.admits(read)) return this.#state.fail(read.requester, 'overloaded');
    const patience = Math.min(read.until, this.#state.now + TRANSACTION_LIMITS.waitMilliseconds);
    const heldUntil = read.heldUntil ?? patience;
    this.#blocked.wait({ ...read, heldUntil }, { holder, until: heldUntil });
    this.#proposing.waitFor(holder, isPreempting);
  }

  #refuse(id: number, isFull: boolean): void {
    const failure = isFull ? 'overloaded' : 'not-leader';
    for (const { requester } of this.#reads.refused(id)) this.#state.fail(requester, failure);
  }

  #failStale(): void {
    for (const { requester } of this.#freshness.takeWaiting())
      this.#state.fail(requester, 'not-fresh');
  }
}
