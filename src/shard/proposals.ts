/** Who waits for which entry. */

import type { Failure } from '../wire/response.ts';
import type { Responder } from './responder.ts';

/** One who asked, and under which number. */
export interface Requester {
  readonly responder: Responder;
  readonly id: number;
}

/** How long an asker should wait before it tries again where too much was waiting. */
const RETRY_MILLISECONDS = 20;

/** Tells an asker that it is not served here. `leader`: who might do it, 0 for nobody known. */
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

  /** Of the entry that was proposed last; 0 for none in this time as a leader. */
  get last(): number {
    return this.#last;
  }

  add(index: number, waiting: Waiting): void {
    this.#last = index;
    this.#waiting.set(index, waiting);
  }

  /**
   * Who waits for what was applied at this index. `replaced`: another term's entry stands where
   * theirs stood, so theirs can never take effect.
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

  /** Leadership is lost: what becomes of these entries is for others to decide. */
  takeAll(): readonly Requester[] {
    this.#last = 0;
    if (this.#waiting.size === 0) return [];
    const requesters = [...this.#waiting.values()].map(({ requester }) => requester);
    this.#waiting.clear();
    return requesters;
  }
}
