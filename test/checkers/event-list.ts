/** The calls and returns of a history in the order of time, as a list that can be undone. */

import { assert } from '../../src/base/assert.ts';
import type { Operation } from './model.ts';

interface Event {
  readonly time: number;
  readonly isReturn: boolean;
  readonly operation: number;
}

/** Events are numbered from one; number zero stands before the first and after the last. */
export class EventList {
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #operationOf: Int32Array;
  readonly #callOf: Int32Array;
  /** Zero if the operation never returned. */
  readonly #returnOf: Int32Array;

  constructor(operations: readonly Operation<unknown, unknown>[]) {
    const events = eventsOf(operations);
    this.#next = new Int32Array(events.length + 1);
    this.#previous = new Int32Array(events.length + 1);
    this.#operationOf = new Int32Array(events.length + 1);
    this.#callOf = new Int32Array(operations.length);
    this.#returnOf = new Int32Array(operations.length);
    for (const [index, { operation, isReturn }] of events.entries()) {
      const event = index + 1;
      this.#operationOf[event] = operation;
      (isReturn ? this.#returnOf : this.#callOf)[operation] = event;
      this.#previous[event] = index;
      this.#next[index] = event;
    }
    this.#previous[0] = events.length;
  }

  first(): number {
    return this.after(0);
  }

  after(event: number): number {
    return this.#next[event] ?? 0;
  }

  operationOf(event: number): number {
    return this.#operationOf[event] ?? 0;
  }

  callOf(operation: number): number {
    return this.#callOf[operation] ?? 0;
  }

  isCall(event: number): boolean {
    return this.callOf(this.operationOf(event)) === event;
  }

  /** Takes an operation out of the list. */
  lift(operation: number): void {
    this.#lift(this.callOf(operation));
    this.#lift(this.#returnOf[operation] ?? 0);
  }

  /** Puts back the operation that was removed last. */
  unlift(operation: number): void {
    this.#unlift(this.#returnOf[operation] ?? 0);
    this.#unlift(this.callOf(operation));
  }

  #lift(event: number): void {
    if (event === 0) return;
    const previous = this.#previous[event] ?? 0;
    const next = this.#next[event] ?? 0;
    this.#next[previous] = next;
    this.#previous[next] = previous;
  }

  #unlift(event: number): void {
    if (event === 0) return;
    this.#next[this.#previous[event] ?? 0] = event;
    this.#previous[this.#next[event] ?? 0] = event;
  }
}

/** In the order of time, calls before returns, so that intervals that touch overlap. */
function eventsOf(operations: readonly Operation<unknown, unknown>[]): Event[] {
  const events: Event[] = [];
  for (const [operation, { invoke, return: end, outcome }] of operations.entries()) {
    assert(outcome !== 'failed', 'an operation that never happened has no place');
    events.push({ time: invoke, isReturn: false, operation });
    if (outcome === 'ok') events.push({ time: end, isReturn: true, operation });
  }
  return events.sort(
    (one, other) => one.time - other.time || Number(one.isReturn) - Number(other.isReturn),
  );
}
