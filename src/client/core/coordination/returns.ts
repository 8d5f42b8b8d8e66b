/**
 * Tickets that nothing waits for any more: they are given back until their shard has confirmed it,
 * and once more when no copy of a request can add them again.
 */

import type { ShardId } from '../../../base/ids.ts';
import type { CallFailure } from '../call-failure.ts';
import type { CoreWrite } from './kept-leases.ts';
import { LEASE_KEEPING } from './limits.ts';
import type { OwnTicket } from './ticket-call.ts';

interface ReturnsOptions {
  readonly write: (write: CoreWrite) => void;
  /** The greatest log time that an answer of the shard has told. */
  readonly heardTimeOf: (shard: ShardId) => number;
  readonly now: () => number;
  /** Its lease is not needed for it any more. */
  readonly onReturned: (ticket: OwnTicket) => void;
}

interface FirstAttempt {
  readonly timeoutMilliseconds: number;
  readonly onEnded: (failure: CallFailure | undefined) => void;
}

/** The lease is kept until then; if it ends before, its end has taken the ticket. */
export class Returns {
  readonly #options: ReturnsOptions;
  /** When each is given back again; infinite while an attempt is open. */
  readonly #dueAt = new Map<OwnTicket, number>();

  constructor(options: ReturnsOptions) {
    this.#options = options;
  }

  get isIdle(): boolean {
    return this.#dueAt.size === 0;
  }

  add(ticket: OwnTicket, first?: FirstAttempt): void {
    this.#try(ticket, first);
  }

  tick(now: number): void {
    for (const [ticket, dueAt] of this.#dueAt) {
      if (ticket.lease.state === 'ended') this.#finish(ticket);
      else if (dueAt <= now) this.#try(ticket);
    }
  }

  close(): void {
    this.#dueAt.clear();
  }

  #try(ticket: OwnTicket, first?: FirstAttempt): void {
    const { write, heardTimeOf, now } = this.#options;
    const { name: key, id, shard } = ticket;
    this.#dueAt.set(ticket, Number.POSITIVE_INFINITY);
    // Its release is executed later than this, so after the last copy that could add the ticket.
    const isLast = ticket.doubtUntil === 0 || heardTimeOf(shard) > ticket.doubtUntil;
    const timeoutMilliseconds = first?.timeoutMilliseconds ?? ticket.lease.ttlMilliseconds;
    write({
      command: [{ type: 'release', key, ticket: id }],
      timeoutMilliseconds,
      settle: (result) => {
        const failure = result.type === 'failed' ? result : undefined;
        if (isLast && failure === undefined) this.#finish(ticket);
        else if (this.#dueAt.has(ticket)) {
          this.#dueAt.set(ticket, now() + LEASE_KEEPING.giveBackMilliseconds);
        }
        first?.onEnded(failure);
      },
    });
  }

  #finish(ticket: OwnTicket): void {
    if (this.#dueAt.delete(ticket)) this.#options.onReturned(ticket);
  }
}
