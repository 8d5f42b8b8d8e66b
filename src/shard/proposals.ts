/** Which requester waits for which entry. */

import type { Failure } from '../wire/response.ts';
import type { Responder } from './responder.ts';

/** Where a request came from, and its id there. */
export interface Requester {
  readonly responder: Responder;
  readonly id: number;
}

/** How long a requester should wait before it retries after `overloaded`. */
const RETRY_MILLISECONDS = 20;

/**
 * Tells a requester that its request is not served here. `leader`: the member that may serve it, 0
 * if unknown.
 */
export function failRequester(
  requester: Requester,
  failure: Failure,
  time: number,
  leader = 0,
): void {
  const { responder, id } = requester;
  const retryAfterMilliseconds = failure === 'overloaded' ? RETRY_MILLISECONDS : 0;
  responder.respond({ type: 'failed', id, failure, time, leader, retryAfterMilliseconds });
}

interface Waiting {
  readonly term: number;
  readonly requester: Requester;
}

export class Proposals {
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;

  get size(): number {
    return this.#waiting.size;
  }

  /** The last proposed entry; 0 for none in this term as leader. */
  get last(): number {
    return this.#last;
  }

  add(index: number, waiting: Waiting): void {
    this.#last = index;
    this.#waiting.set(index, waiting);
  }

  /**
   * The requesters of the entry that was applied at this index. `replaced`: an entry of another
   * term stands where theirs stood, so theirs can never take effect.
   */
  take(
    index: number,
    term: number,
  ): { readonly requester: Requester; readonly isReplaced: boolean } | undefined {
    const waiting = this.#waiting.get(index);
    if (waiting === undefined) return undefined;
    this.#waiting.delete(index);
    return { requester: waiting.requester, isReplaced: waiting.term !== term };
  }

  /** Leadership is lost: later leaders decide what becomes of these entries. */
  takeAll(): readonly Requester[] {
    this.#last = 0;
    if (this.#waiting.size === 0) return [];
    const requesters = [...this.#waiting.values()].map(({ requester }) => requester);
    this.#waiting.clear();
    return requesters;
  }
}
