/** Time that moves only when it is told to: events in the order of their times, then of arrival. */

interface Appointment {
  readonly time: number;
  readonly number: number;
  readonly run: () => void;
}

export class VirtualTime {
  /** A heap by time, then by number. */
  readonly #heap: Appointment[] = [];
  #count = 0;
  /** Without the jumps, which move every appointment as well. */
  #passed = 0;
  #jumped = 0;

  get now(): number {
    return this.#passed + this.#jumped;
  }

  /** Never within the call. */
  after(milliseconds: number, run: () => void): void {
    this.#count += 1;
    const time = this.#passed + Math.max(0, milliseconds);
    this.#rise(this.#heap.push({ time, number: this.#count, run }) - 1);
  }

  /** Runs what is due through a time, or until `isDone`; then it is that time. */
  runUntil(time: number, isDone: () => boolean = () => false): void {
    const end = time - this.#jumped;
    while (!isDone()) {
      const next = this.#heap[0];
      if (next === undefined || next.time > end) {
        this.#passed = Math.max(this.#passed, end);
        return;
      }
      this.#removeFirst();
      this.#passed = next.time;
      next.run();
    }
  }

  /** As a suspended machine: the clock is later, and nothing was done meanwhile. */
  jump(milliseconds: number): void {
    this.#jumped += milliseconds;
  }

  #rise(from: number): void {
    const heap = this.#heap;
    const moved = heap[from] as Appointment;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Appointment;
      if (!isBefore(moved, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = moved;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const moved = heap.pop() as Appointment;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, heap[child] as Appointment)) child += 1;
      if (!isBefore(heap[child] as Appointment, moved)) break;
      heap[at] = heap[child] as Appointment;
      at = child;
    }
    heap[at] = moved;
  }
}

function isBefore(one: Appointment, other: Appointment): boolean {
  return one.time < other.time || (one.time === other.time && one.number < other.number);
}
