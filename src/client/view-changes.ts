/** One loop over the changes of a view: what waits for it, up to a limit. */

import type { KvError } from '../base/errors.ts';
import { CLIENT_LIMITS } from './limits.ts';
import type { ViewChange } from './view.ts';

interface PendingChange<V> {
  readonly resolve: (result: IteratorResult<ViewChange<V>, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

const END = { done: true, value: undefined } as const;

export class ViewChanges<V> implements AsyncIterableIterator<ViewChange<V>, undefined> {
  readonly #onEnd: () => void;
  #waiting: ViewChange<V>[] = [];
  #pending: PendingChange<V>[] = [];
  #isOver = false;
  #failure: KvError | undefined;

  constructor({ onEnd }: { readonly onEnd: () => void }) {
    this.#onEnd = onEnd;
  }

  push(change: ViewChange<V>): void {
    const pending = this.#pending.shift();
    if (pending !== undefined) return pending.resolve({ done: false, value: change });
    if (this.#waiting.length < CLIENT_LIMITS.viewChangesMax) this.#waiting.push(change);
    else this.#waiting = [{ type: 'reset' }];
  }

  /** What waits is given before. */
  end(failure: KvError | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#failure = failure;
    const pending = this.#pending;
    this.#pending = [];
    for (const { resolve, reject } of pending) {
      if (this.#failure === undefined) resolve(END);
      else reject(this.#failure);
      this.#failure = undefined;
    }
  }

  next(): Promise<IteratorResult<ViewChange<V>, undefined>> {
    const value = this.#waiting.shift();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    const next = this.#isOver ? this.#end() : this.#wait();
    // A rejected promise that the caller ignores must not end the process.
    next.catch(() => {});
    return next;
  }

  #wait(): Promise<IteratorResult<ViewChange<V>, undefined>> {
    return new Promise((resolve, reject) => this.#pending.push({ resolve, reject }));
  }

  /** A failure is told once. */
  #end(): Promise<IteratorResult<ViewChange<V>, undefined>> {
    const failure = this.#failure;
    this.#failure = undefined;
    return failure === undefined ? Promise.resolve(END) : Promise.reject(failure);
  }

  return(): Promise<IteratorResult<ViewChange<V>, undefined>> {
    this.#waiting = [];
    this.end(undefined);
    this.#onEnd();
    return Promise.resolve(END);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
