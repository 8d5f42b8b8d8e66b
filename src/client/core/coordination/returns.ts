/**
 * What a shard is to give up: tickets that nothing waits for any more, and leases that have ended.
 * Each is given back until its shard has confirmed it.
 */

import type { Command } from '../../../machine/command.ts';
import type { CallFailure } from '../call-failure.ts';
import type { CoreWrite } from './core-write.ts';
import { LEASE_KEEPING } from './limits.ts';

interface ReturnsOptions<T> {
  readonly write: (write: CoreWrite) => void;
  readonly now: () => number;
  /** How it is given back. */
  readonly commandOf: (one: T) => Command;
  /** The time of one attempt. */
  readonly timeoutOf: (one: T) => number;
  /** No copy of a request can bring it to its shard again, once it is given back from now on. */
  readonly isLast: (one: T) => boolean;
  /** The shard has given it up by itself. */
  readonly isNeedless: (one: T) => boolean;
  /** It is given back, or that is needless. */
  readonly onReturned: (one: T) => void;
}

interface FirstAttempt {
  readonly timeoutMilliseconds: number;
  readonly onEnded: (failure: CallFailure | undefined) => void;
}

export class Returns<T> {
  readonly #options: ReturnsOptions<T>;
  /** When each is given back again; infinite while an attempt is open. */
  readonly #dueAt = new Map<T, number>();

  constructor(options: ReturnsOptions<T>) {
    this.#options = options;
  }

  get isIdle(): boolean {
    return this.#dueAt.size === 0;
  }

  add(one: T, first?: FirstAttempt): void {
    this.#try(one, first);
  }

  tick(now: number): void {
    for (const [one, dueAt] of this.#dueAt) {
      if (this.#options.isNeedless(one)) this.#finish(one);
      else if (dueAt <= now) this.#try(one);
    }
  }

  close(): void {
    this.#dueAt.clear();
  }

  #try(one: T, first?: FirstAttempt): void {
    const { write, now, commandOf, timeoutOf } = this.#options;
    this.#dueAt.set(one, Number.POSITIVE_INFINITY);
    const isLast = this.#options.isLast(one);
    write({
      command: commandOf(one),
      timeoutMilliseconds: first?.timeoutMilliseconds ?? timeoutOf(one),
      settle: (result) => {
        const failure = result.type === 'failed' ? result : undefined;
        if (isLast && failure === undefined) this.#finish(one);
        else if (this.#dueAt.has(one)) {
          this.#dueAt.set(one, now() + LEASE_KEEPING.giveBackMilliseconds);
        }
        first?.onEnded(failure);
      },
    });
  }

  #finish(one: T): void {
    if (this.#dueAt.delete(one)) this.#options.onReturned(one);
  }
}
