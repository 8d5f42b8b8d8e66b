/** Virtual time: scheduled events, in a heap keyed by time, a random tie and a sequence number. */

import type { Random } from '../../src/base/random.ts';

interface Appointment {
  readonly time: number;
  readonly tie: number;
  readonly sequence: number;
  readonly run: () => void;
}

/** Above every drawn tie: such an event comes after all others of its instant. */
const LAST_TIE = 2 ** 32;

export class Agenda {
  readonly #heap: Appointment[] = [];
  readonly #ties: Random;
  #sequence = 0;
  #now = 0;

  constructor(ties: Random) {
    this.#ties = ties;
  }

  /** Virtual milliseconds since the world began. */
  get now(): number {
    return this.#now;
  }

  get size(): number {
    return this.#heap.length;
  }

  /** Events of one instant come in an order that the seed draws, not in the order of the code. */
  at(time: number, run: () => void): void {
    this.#add(time, this.#ties.word(), run);
  }

  after(delay: number, run: () => void): void {
    this.#add(this.#now + delay, this.#ties.word(), run);
  }

  /** After every other event of that instant that is scheduled by then. */
  lastAt(time: number, run: () => void): void {
    this.#add(time, LAST_TIE, run);
  }

  /** Runs everything up to and including `time`, or until `isDone`. */
  runUntil(time: number, isDone: () => boolean = () => false): void {
    while (!isDone()) {
      const next = this.#heap[0];
      if (next === undefined || next.time > time) {
        this.#now = Math.max(this.#now, time);
        return;
      }
      this.#shift();
      this.#now = next.time;
      next.run();
    }
  }

  #add(time: number, tie: number, run: () => void): void {
    const appointment = { time: Math.max(time, this.#now), tie, sequence: this.#sequence, run };
    this.#sequence += 1;
    const heap = this.#heap;
    let at = heap.length;
    heap.push(appointment);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Appointment;
      if (!isBefore(appointment, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = appointment;
  }

  #shift(): void {
    const heap = this.#heap;
    const moved = heap.pop() as Appointment;
    const size = heap.length;
    if (size === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      const right = child + 1;
      if (right < size && isBefore(heap[right] as Appointment, heap[child] as Appointment)) {
        child = right;
      }
      if (!isBefore(heap[child] as Appointment, moved)) break;
      heap[at] = heap[child] as Appointment;
      at = child;
    }
    heap[at] = moved;
  }
}

function isBefore(one: Appointment, other: Appointment): boolean {
  if (one.time !== other.time) return one.time < other.time;
  if (one.tie !== other.tie) return one.tie < other.tie;
  return one.sequence < other.sequence;
}
