/** The commands of one replica from request to reply: which wait, and for what. */

import { RAFT_LIMITS } from '../base/limits.ts';
import type { Prepared } from '../machine/lock-table.ts';
import type { Contender } from '../machine/transaction-id.ts';
import type { Position } from '../raft/position.ts';
import type { Failure, Response } from '../wire/response.ts';
import { FairQuota } from './fair-quota.ts';
import { type KeepRequest, Keeps } from './keeps.ts';
import { type Proposal, stampedProposal } from './proposal.ts';
import { offerProposals } from './proposal-batch.ts';
import { ProposalQueue } from './proposal-queue.ts';
import { Proposals, type Requester } from './proposals.ts';
import type { ReplicaState } from './replica-state.ts';

export class Proposing {
  readonly #state: ReplicaState;
  readonly #queue = new ProposalQueue();
  /** Unanswered commands, in bytes: one requester alone never fills the log's budget. */
  readonly #portions = new FairQuota({ max: RAFT_LIMITS.uncommittedBytesMax });
  readonly #keeps: Keeps;
  /** Of the last request to keep leases alive. */
  #keepEpoch = 0;
  /** In the log, and not applied yet. */
  readonly #proposals = new Proposals();

  constructor(state: ReplicaState) {
    this.#state = state;
    this.#keeps = new Keeps({ fail: (requester, failure) => state.fail(requester, failure) });
  }

  /** Unanswered commands. */
  get size(): number {
    return this.#queue.size + this.#proposals.size + this.#keeps.size;
  }

  /** A command waits for this holder. */
  isAwaited(holder: Prepared): boolean {
    return this.#queue.isAwaited(holder);
  }

  /** Counts the decisions that became known here. */
  get known(): number {
    return this.#queue.known;
  }

  /** The decision of this holder, if it is known here and not applied yet. */
  endOf(holder: Prepared): ReturnType<ProposalQueue['endOf']> {
    return this.#queue.endOf(holder);
  }

  /** The last proposed entry; 0 for none in this term as leader. */
  get last(): number {
    return this.#proposals.last;
  }

  /** Proposed at the end of the turn. The payload is made then. */
  add(proposal: Proposal): void {
    const { stopReason, store } = this.#state;
    if (stopReason !== '') return this.#state.fail(proposal.requester, 'not-leader');
    // Entries that are committed while the state store is behind would wait in memory.
    const hasRoom = store.hasRoom && this.#mayAdd(proposal);
    if (!hasRoom || !this.#queue.add(this.#counted(proposal), this.#state)) {
      return this.#state.fail(proposal.requester, 'overloaded');
    }
    if (this.#queue.hasGathered) this.#state.wake();
    else this.#state.report({ type: 'deferred' });
  }

  /** Gathered for a deferred entry. */
  keep(request: KeepRequest, epoch: number): void {
    const { stopReason, isCorrupt, machine } = this.#state;
    const leases = machine.coordination?.leases;
    if (stopReason !== '') return this.#state.fail(request.requester, 'not-leader');
    if (isCorrupt) return this.#state.fail(request.requester, 'damaged');
    if (leases === undefined) return this.#state.fail(request.requester, 'malformed');
    this.#keeps.add(request, leases);
    this.#keepEpoch = epoch;
    this.#state.report({ type: 'deferred' });
  }

  /** Whether a request that waits, or an entry on its way, keeps the lease alive. */
  isKept(lease: Uint8Array): boolean {
    return this.#keeps.isKept(lease);
  }

  /** One command of each requester is admitted, however large it is. */
  #mayAdd({ requester, bytes }: Proposal): boolean {
    const { share } = requester.responder;
    return this.#portions.of(share) === 0 || this.#portions.admits(share, bytes);
  }

  /** The same proposal, counted until it is answered. */
  #counted(proposal: Proposal): Proposal {
    const { requester, bytes } = proposal;
    const { share } = requester.responder;
    if (share === undefined) return proposal;
    const portions = this.#portions;
    // A proposal without bytes counts as well.
    const amount = bytes + 1;
    portions.add(share, amount);
    const respond = (response: Response) => {
      portions.remove(share, amount);
      requester.responder.respond(response);
    };
    return { ...proposal, requester: { ...requester, responder: { respond, share } } };
  }

  tick(): void {
    const late = this.#queue.takeLate(this.#state.now);
    for (const { requester } of late) this.#state.fail(requester, 'held');
    this.#wakeForGathered();
  }

  /** Keys for a transaction that has failed often. What was proposed before still goes first. */
  reserve(contender: Contender, keys: readonly Uint8Array[]): void {
    this.#queue.reserve(contender, keys, this.#state.now);
  }

  /** The transaction no longer needs the keys. */
  release(contender: Pick<Contender, 'id'>, keys: readonly Uint8Array[]): void {
    this.#queue.release(contender, keys);
    this.#wakeForGathered();
  }

  /** These released their locks, or all did: commands that waited for one of them are retried. */
  wake(freed: readonly Prepared[] | 'all'): void {
    this.#queue.wake(freed, this.#state.lockTable);
    this.#wakeForGathered();
  }

  /** Proposes the deferred entries with the next turn. */
  proposeDeferred(): void {
    this.#queue.releaseDeferred();
    this.#keeps.release();
    this.#wakeForGathered();
  }

  /** Leadership is about to be handed over: after that nothing can be proposed. */
  hurryDeferred(): void {
    this.proposeDeferred();
    this.ask();
  }

  /** A request waits for a locked key. The end of its holder may be on its way here. */
  waitFor(holder: Prepared, isPreempting: boolean): void {
    if (!this.releaseEndOf(holder)) this.#state.report({ type: 'lock-wait', holder, isPreempting });
  }

  /** Whether the end of this holder is in the log, or is proposed with this turn. */
  releaseEndOf(holder: Pick<Prepared, 'id'>): boolean {
    if (!this.#queue.releaseEndOf(holder)) return false;
    this.#state.wake();
    return true;
  }

  /** At the end of a turn: offers all gathered proposals to Raft. */
  ask(): void {
    if (!this.#hasGathered) return;
    const { isCorrupt, isLeader, isCurrent, raft, logTime } = this.#state;
    if (isCorrupt) return this.end();
    // Before, its log time may run ahead of the leader that stamped the last entries.
    if (isLeader && !isCurrent) return;
    const { passing, refused, overloaded, conflicts } = this.#queue.take(this.#state);
    for (const { requester, reply } of refused) this.#state.refuse(requester, reply);
    for (const requester of overloaded) this.#state.fail(requester, 'overloaded');
    for (const conflict of conflicts) this.#state.report({ type: 'lock-wait', ...conflict });
    if (this.#queue.hasGathered) this.#state.wake();
    // Where there is room for some only, leases go first: they are few, and must not be lost.
    const offered = [...this.#takeKeeps(), ...passing];
    if (offered.length === 0) return;
    for (const { proposal, result } of offerProposals(raft, offered, logTime)) {
      if (typeof result !== 'string') {
        this.#proposals.add(result.index, {
          term: result.term,
          requester: this.#endingWith(proposal),
        });
        continue;
      }
      this.#queue.drop(proposal);
      this.#state.fail(proposal.requester, result);
    }
  }

  /** Once the entry is applied, the end of a part that it had no room for is not on its way. */
  #endingWith(proposal: Proposal): Requester {
    const { requester, ends } = proposal;
    if (ends.length === 0) return requester;
    const { responder, id } = requester;
    const respond = (response: Response) => {
      this.#queue.drop(proposal);
      responder.respond(response);
    };
    return { id, responder: { respond, share: responder.share } };
  }

  #takeKeeps(): readonly Proposal[] {
    const { store, context } = this.#state;
    // Entries that are committed while the state store is behind would wait in memory.
    if (!store.hasRoom) return [];
    const { valueBytesMax } = context;
    const about = { epoch: this.#keepEpoch, valueBytesMax };
    return this.#keeps.take().map(({ requester, leases }) => {
      context.leases.kept += leases.length;
      return stampedProposal({ ...about, requester, body: { type: 'keep-leases', leases } });
    });
  }

  /** The entry at this position was applied. */
  answer({ index, term }: Position, replies: readonly Uint8Array[], time: number): void {
    const waiting = this.#proposals.take(index, term);
    if (waiting === undefined) return;
    const { responder, id } = waiting.requester;
    if (waiting.isReplaced) return this.#state.fail(waiting.requester, 'not-leader');
    const response: Response = { type: 'written', id, time, replies };
    responder.respond(response);
    // The next keepalives may have waited for this answer.
    if (this.#keeps.isReady) this.#state.wake();
  }

  /** Leadership is lost. */
  abandon(): void {
    this.#failAll('not-leader');
  }

  /** Tells all requesters that the shard is not served here. */
  end(): void {
    this.#failAll('not-here');
  }

  get #hasGathered(): boolean {
    return this.#queue.hasGathered || this.#keeps.isReady;
  }

  #wakeForGathered(): void {
    if (this.#hasGathered) this.#state.wake();
  }

  /**
   * Waiting commands have not taken effect; later leaders decide what becomes of proposed entries.
   */
  #failAll(failure: Failure): void {
    const waiting: readonly Requester[] = this.#queue.takeAll().map(({ requester }) => requester);
    for (const requester of waiting) this.#state.fail(requester, failure);
    this.#keeps.failAll(failure);
    for (const requester of this.#proposals.takeAll()) this.#state.fail(requester, 'lost');
  }
}
