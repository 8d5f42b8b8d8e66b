/**
 * Items with deadlines. Adding and removing cost the same however many there are, and expiry costs
 * only what has expired: items lie in buckets by time, and only due buckets are visited. Deadlines
 * should lie within a bounded distance of each other, as waits do: there are as many buckets as
 * that distance has widths.
 */

const BUCKET_MILLISECONDS = 16;

export class Deadlines<T> {
  /** In the order in which they were added. */
  readonly #deadlines = new Map<T, number>();
  readonly #buckets = new Map<number, Set<T>>();

  get size(): number {
    return this.#deadlines.size;
  }

  /** All items, the earliest added first. */
  items(): IterableIterator<T> {
    return this.#deadlines.keys();
  }

  has(item: T): boolean {
    return this.#deadlines.has(item);
  }

  /** Required: it is not there yet. */
  add(item: T, deadline: number): void {
    this.#deadlines.set(item, deadline);
    const number = Math.floor(deadline / BUCKET_MILLISECONDS);
    const bucket = this.#buckets.get(number);
    if (bucket === undefined) this.#buckets.set(number, new Set([item]));
    else bucket.add(item);
  }

  remove(item: T): void {
    const deadline = this.#deadlines.get(item);
    if (deadline === undefined) return;
    this.#deadlines.delete(item);
    const number = Math.floor(deadline / BUCKET_MILLISECONDS);
    const bucket = this.#buckets.get(number);
    bucket?.delete(item);
    if (bucket?.size === 0) this.#buckets.delete(number);
  }

  /** Removes and returns what has expired, in the order of the buckets. */
  takeDue(now: number): readonly T[] {
    const last = Math.floor(now / BUCKET_MILLISECONDS);
    const numbers = [...this.#buckets.keys()].filter((number) => number <= last);
    const due: T[] = [];
    for (const number of numbers.sort((one, other) => one - other)) {
      for (const item of this.#buckets.get(number) ?? []) {
        if ((this.#deadlines.get(item) ?? 0) <= now) due.push(item);
      }
    }
    for (const item of due) this.remove(item);
    return due;
  }

  clear(): void {
    this.#deadlines.clear();
    this.#buckets.clear();
  }
}
