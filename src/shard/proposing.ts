/** The commands of one replica, from the question to the answer: what waits, and for what. */

import { RAFT_LIMITS } from '../base/limits.ts';
import type { Position } from '../raft/position.ts';
import type { Raft } from '../raft/raft.ts';
import type { StateStore } from '../storage/state-store.ts';
import type { Failure, Response } from '../wire/response.ts';
import { Entrance, type EntranceHost } from './entrance.ts';
import { offer } from './offering.ts';
import { Portions } from './portions.ts';
import type { Proposal } from './proposal.ts';
import { type Asker, Proposals } from './proposals.ts';

/** What the commands of a replica ask of it. */
export interface ProposingHost extends EntranceHost {
  readonly store: StateStore;
  readonly logTime: number;
  readonly isLeader: boolean;
  /** It leads, and has applied an entry of its own. */
  readonly isCurrent: boolean;
  readonly isSpoilt: boolean;
  readonly stopReason: string;
  /** There is something to propose that nobody waits for. */
  linger(): void;
}

export class Proposing {
  readonly #host: ProposingHost;
  readonly #raft: Raft;
  readonly entrance: Entrance;
  /** What was asked and not answered, in bytes: the log never has room for one who asks alone. */
  readonly #portions = new Portions({ max: RAFT_LIMITS.uncommittedBytesMax });
  /** In the log, and not applied yet. */
  readonly proposals = new Proposals();

  constructor(host: ProposingHost, { raft }: { readonly raft: Raft }) {
    this.#host = host;
    this.#raft = raft;
    this.entrance = new Entrance(host);
  }

  /** Commands that were not answered. */
  get size(): number {
    return this.entrance.size + this.proposals.size;
  }

  /** Proposed at the end of the turn. The payload is made then. */
  add(proposal: Proposal): void {
    const { stopReason, store } = this.#host;
    if (stopReason !== '') return this.#host.fail(proposal.asker, 'not-leader');
    // What is committed while the state store is behind would wait in memory.
    const hasRoom = store.hasRoom && this.#mayAdd(proposal);
    if (!hasRoom || !this.entrance.add(this.#counted(proposal))) {
      return this.#host.fail(proposal.asker, 'overloaded');
    }
    if (proposal.hasHurry) this.#host.touch();
    else this.#host.linger();
  }

  /** One command of each who asks is let in, however large it is. */
  #mayAdd({ asker, bytes }: Proposal): boolean {
    const { share } = asker.origin;
    return this.#portions.of(share) === 0 || this.#portions.admits(share, bytes);
  }

  /** The same, counted until it is answered. */
  #counted(proposal: Proposal): Proposal {
    const { asker, bytes } = proposal;
    const { share } = asker.origin;
    if (share === undefined) return proposal;
    const portions = this.#portions;
    // One of no bytes is one as well.
    const amount = bytes + 1;
    portions.add(share, amount);
    const respond = (response: Response) => {
      portions.remove(share, amount);
      asker.origin.respond(response);
    };
    return { ...proposal, asker: { ...asker, origin: { respond, share } } };
  }

  tick(): void {
    for (const { asker } of this.entrance.takeLate()) this.#host.fail(asker, 'held');
  }

  /** The end of a turn: all that gathered is offered to the core. */
  ask(): void {
    if (!this.entrance.hasGathered) return;
    const { isSpoilt, isLeader, isCurrent, logTime } = this.#host;
    if (isSpoilt) return this.end();
    // Before, it may have known the last entry for longer than whoever stamped what came behind it.
    if (isLeader && !isCurrent) return;
    const gathered = this.entrance.take();
    if (gathered.length === 0) return;
    for (const { proposal, result } of offer(this.#raft, gathered, logTime)) {
      const { asker } = proposal;
      if (typeof result !== 'string') {
        this.proposals.add(result.index, { term: result.term, asker });
        continue;
      }
      this.entrance.drop(proposal);
      this.#host.fail(asker, result);
    }
  }

  /** The entry at this position was applied. */
  answer({ index, term }: Position, replies: readonly Uint8Array[], time: number): void {
    const waiting = this.proposals.take(index, term);
    if (waiting === undefined) return;
    const { origin, id } = waiting.asker;
    if (waiting.isReplaced) return this.#host.fail(waiting.asker, 'not-leader');
    const response: Response = { type: 'written', id, time, replies };
    origin.respond(response);
  }

  /** Leadership is lost. */
  release(): void {
    this.#failAll('not-leader');
  }

  /** Everybody is told that it is not to be had here. */
  end(): void {
    this.#failAll('not-here');
  }

  /** What waits has not happened; what becomes of entries is for others to decide. */
  #failAll(failure: Failure): void {
    const waiting: readonly Asker[] = this.entrance.takeAll().map(({ asker }) => asker);
    for (const asker of waiting) this.#host.fail(asker, failure);
    for (const asker of this.proposals.takeAll()) this.#host.fail(asker, 'lost');
  }
}
