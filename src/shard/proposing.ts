/** The commands of one replica from request to reply: which wait, and for what. */

import { RAFT_LIMITS } from '../base/limits.ts';
import type { Position } from '../raft/position.ts';
import type { Raft } from '../raft/raft.ts';
import type { StateStore } from '../storage/state/state-store.ts';
import type { Failure, Response } from '../wire/response.ts';
import { FairQuota } from './fair-quota.ts';
import type { Proposal } from './proposal.ts';
import { offerProposals } from './proposal-batch.ts';
import { ProposalQueue, type ProposalQueueHost } from './proposal-queue.ts';
import { Proposals, type Requester } from './proposals.ts';

/** What the commands of a replica need from it. */
export interface ProposingHost extends ProposalQueueHost {
  readonly store: StateStore;
  readonly logTime: number;
  readonly isLeader: boolean;
  /** It leads and has applied an entry of its own term. */
  readonly isCurrent: boolean;
  readonly isCorrupt: boolean;
  readonly stopReason: string;
  /** There is an entry to propose that no request waits for. */
  defer(): void;
}

export class Proposing {
  readonly #host: ProposingHost;
  readonly #raft: Raft;
  readonly queue: ProposalQueue;
  /** Unanswered commands, in bytes: one requester alone never fills the log's budget. */
  readonly #portions = new FairQuota({ max: RAFT_LIMITS.uncommittedBytesMax });
  /** In the log, and not applied yet. */
  readonly proposals = new Proposals();

  constructor(host: ProposingHost, { raft }: { readonly raft: Raft }) {
    this.#host = host;
    this.#raft = raft;
    this.queue = new ProposalQueue(host);
  }

  /** Unanswered commands. */
  get size(): number {
    return this.queue.size + this.proposals.size;
  }

  /** Proposed at the end of the turn. The payload is made then. */
  add(proposal: Proposal): void {
    const { stopReason, store } = this.#host;
    if (stopReason !== '') return this.#host.fail(proposal.requester, 'not-leader');
    // Entries that are committed while the state store is behind would wait in memory.
    const hasRoom = store.hasRoom && this.#mayAdd(proposal);
    if (!hasRoom || !this.queue.add(this.#counted(proposal))) {
      return this.#host.fail(proposal.requester, 'overloaded');
    }
    if (proposal.hasHurry) this.#host.touch();
    else this.#host.defer();
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
    for (const { requester } of this.queue.takeLate()) this.#host.fail(requester, 'held');
  }

  /** At the end of a turn: offers all gathered proposals to Raft. */
  ask(): void {
    if (!this.queue.hasGathered) return;
    const { isCorrupt, isLeader, isCurrent, logTime } = this.#host;
    if (isCorrupt) return this.end();
    // Before, its log time may run ahead of the leader that stamped the last entries.
    if (isLeader && !isCurrent) return;
    const gathered = this.queue.take();
    if (gathered.length === 0) return;
    for (const { proposal, result } of offerProposals(this.#raft, gathered, logTime)) {
      const { requester } = proposal;
      if (typeof result !== 'string') {
        this.proposals.add(result.index, { term: result.term, requester });
        continue;
      }
      this.queue.drop(proposal);
      this.#host.fail(requester, result);
    }
  }

  /** The entry at this position was applied. */
  answer({ index, term }: Position, replies: readonly Uint8Array[], time: number): void {
    const waiting = this.proposals.take(index, term);
    if (waiting === undefined) return;
    const { responder, id } = waiting.requester;
    if (waiting.isReplaced) return this.#host.fail(waiting.requester, 'not-leader');
    const response: Response = { type: 'written', id, time, replies };
    responder.respond(response);
  }

  /** Leadership is lost. */
  release(): void {
    this.#failAll('not-leader');
  }

  /** Tells all requesters that the shard is not served here. */
  end(): void {
    this.#failAll('not-here');
  }

  /**
   * Waiting commands have not taken effect; later leaders decide what becomes of proposed entries.
   */
  #failAll(failure: Failure): void {
    const waiting: readonly Requester[] = this.queue.takeAll().map(({ requester }) => requester);
    for (const requester of waiting) this.#host.fail(requester, failure);
    for (const requester of this.proposals.takeAll()) this.#host.fail(requester, 'lost');
  }
}
