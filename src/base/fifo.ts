/**
 * A queue that does not move its elements. It does not refer to those that were taken: a request
 * with a large value must not stay in memory for as long as the queue is never empty.
 */

/** Slots of taken elements that are kept before the array is compacted. */
const KEPT_MAX = 1024;

export class Fifo<T> {
  #items: (T | undefined)[] = [];
  /** Of the first element; the slots before it are undefined. */
  #at = 0;

  get isEmpty(): boolean {
    return this.#at === this.#items.length;
  }

  get first(): T | undefined {
    return this.#items[this.#at];
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** Required: it is not empty. */
  shift(): void {
    this.#items[this.#at] = undefined;
    this.#at += 1;
    if (this.#at < this.#items.length && this.#at < KEPT_MAX) return;
    this.#items = this.#items.slice(this.#at);
    this.#at = 0;
  }

  takeAll(): readonly T[] {
    const all = this.#items.slice(this.#at) as T[];
    this.#items = [];
    this.#at = 0;
    return all;
  }
}
