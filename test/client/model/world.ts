/** Virtual time: scheduled events, in one thread. */

interface Item {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

export class World {
  #now = 0;
  #order = 0;
  /** A binary heap, the earliest event first; of two at one time the one that was added first. */
  readonly #heap: Item[] = [];

  get now(): number {
    return this.#now;
  }

  after(milliseconds: number, run: () => void): void {
    const heap = this.#heap;
    heap.push({ at: this.#now + milliseconds, order: this.#order++, run });
    for (let at = heap.length - 1; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(at, parent)) break;
      this.#swap(at, parent);
      at = parent;
    }
  }

  runUntil(end: number): void {
    for (let first = this.#heap[0]; first !== undefined && first.at <= end; first = this.#heap[0]) {
      this.#pop();
      this.#now = Math.max(this.#now, first.at);
      first.run();
    }
    this.#now = end;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    heap[0] = last;
    for (let at = 0; ; ) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < heap.length && this.#isBefore(child, least)) least = child;
      }
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #isBefore(one: number, other: number): boolean {
    const a = this.#heap[one] as Item;
    const b = this.#heap[other] as Item;
    return a.at < b.at || (a.at === b.at && a.order < b.order);
  }

  #swap(one: number, other: number): void {
    const item = this.#heap[one] as Item;
    this.#heap[one] = this.#heap[other] as Item;
    this.#heap[other] = item;
  }
}
