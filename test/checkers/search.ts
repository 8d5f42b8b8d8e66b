/**
 * The search for one legal order of the operations on one key: Wing and Gong 1993, with the memo
 * of Lowe 2017. Calls and returns stand in a linked list in the order of time. An operation may be
 * placed next if no return stands before its call; placing it lifts both out of the list.
 */

import { assert, present } from '../../src/base/assert.ts';
import { IMPOSSIBLE, type Model, type Operation } from './model.ts';
import { PlacedSet, Visited } from './visited.ts';

const SHOWN_MAX = 8;
const WORD_BITS = 32;

export type Finding = 'linearizable' | 'violation' | 'unknown';

/** The furthest the search came before nothing could be placed any more. */
export interface DeadEnd<State, Input, Output> {
  readonly placedCount: number;
  readonly lastPlaced: readonly Operation<Input, Output>[];
  readonly state: State;
  readonly candidates: readonly Operation<Input, Output>[];
}

interface Event {
  readonly time: number;
  readonly isReturn: boolean;
  readonly operation: number;
}

export class Search<State, Input, Output> {
  readonly #model: Model<State, Input, Output>;
  readonly #operations: readonly Operation<Input, Output>[];
  /** The list, by event number from one; number zero stands before the first and after the last. */
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** The operation of an event, and the events of an operation; zero where there is no return. */
  readonly #operationOf: Int32Array;
  readonly #callOf: Int32Array;
  readonly #returnOf: Int32Array;
  /** Unknown operations come first in the set, since they may stay out of it. */
  readonly #integerOf: Int32Array;
  readonly #placed: PlacedSet;
  readonly #visited = new Visited();
  readonly #stateNumbers = new Map<State, number>();
  /** What was placed, what the state was before, and whether placing it was a choice. */
  readonly #trail: Int32Array;
  readonly #statesBefore: State[] = [];
  readonly #isChoice: Uint8Array;
  #depth = 0;
  #state: State;
  /** Operations that returned and have no place yet. */
  #missing = 0;
  #nodes = 0;
  #deadEnd: DeadEnd<State, Input, Output> | undefined;

  constructor(model: Model<State, Input, Output>, operations: readonly Operation<Input, Output>[]) {
    const count = operations.length;
    this.#model = model;
    this.#state = model.initial;
    this.#operations = [...operations].sort((one, other) => one.invoke - other.invoke);
    const events = eventsOf(this.#operations);
    this.#next = new Int32Array(events.length + 1);
    this.#previous = new Int32Array(events.length + 1);
    this.#operationOf = new Int32Array(events.length + 1);
    this.#callOf = new Int32Array(count);
    this.#returnOf = new Int32Array(count);
    this.#integerOf = new Int32Array(count);
    this.#trail = new Int32Array(count);
    this.#isChoice = new Uint8Array(count);
    this.#link(events);
    this.#placed = this.#numberOperations();
  }

  get nodes(): number {
    return this.#nodes;
  }

  get deadEnd(): DeadEnd<State, Input, Output> | undefined {
    return this.#deadEnd;
  }

  run(nodesMax: number): Finding {
    let event = this.#nextOf(0);
    while (this.#missing > 0) {
      this.#nodes++;
      if (this.#nodes > nodesMax) return 'unknown';
      const operation = this.#operationOf[event] ?? 0;
      if (this.#callOf[operation] === event) {
        event = this.#nextOf(this.#place(operation) ? 0 : event);
      } else {
        this.#noteDeadEnd();
        const last = this.#takeBack();
        if (last === undefined) return 'violation';
        event = this.#nextOf(this.#callOf[last] ?? 0);
      }
    }
    return 'linearizable';
  }

  #link(events: readonly Event[]): void {
    for (const [index, { operation, isReturn }] of events.entries()) {
      const event = index + 1;
      this.#operationOf[event] = operation;
      (isReturn ? this.#returnOf : this.#callOf)[operation] = event;
      this.#previous[event] = index;
      this.#next[index] = event;
    }
    this.#previous[0] = events.length;
  }

  #numberOperations(): PlacedSet {
    const unknownCount = this.#operations.filter(({ outcome }) => outcome === 'unknown').length;
    const pinned = Math.ceil(unknownCount / WORD_BITS) * WORD_BITS;
    let unknown = 0;
    let known = pinned;
    for (const [operation, { outcome }] of this.#operations.entries()) {
      this.#integerOf[operation] = outcome === 'unknown' ? unknown++ : known++;
    }
    this.#missing = known - pinned;
    return new PlacedSet(known, pinned);
  }

  #nextOf(event: number): number {
    return this.#next[event] ?? 0;
  }

  /**
   * A passive operation that can have its place now has nothing to wait for: in any order that
   * places it later, it can be moved here. So it is not a choice. And what may as well not have
   * happened is not placed where it would change nothing.
   */
  #place(operation: number): boolean {
    const { input, output, outcome } = this.#at(operation);
    const state = this.#model.step(this.#state, input, output);
    if (state === IMPOSSIBLE) return false;
    if (state === this.#state && outcome === 'unknown') return false;
    const isChoice = !this.#model.isPassive(input, output);
    const integer = this.#integerOf[operation] ?? 0;
    this.#placed.add(integer);
    if (isChoice && !this.#visited.add(this.#placed, this.#numberOf(state))) {
      this.#placed.remove(integer);
      return false;
    }
    this.#trail[this.#depth] = operation;
    this.#isChoice[this.#depth] = isChoice ? 1 : 0;
    this.#statesBefore[this.#depth] = this.#state;
    this.#depth++;
    this.#state = state;
    if (outcome === 'ok') this.#missing--;
    this.#lift(this.#callOf[operation] ?? 0);
    this.#lift(this.#returnOf[operation] ?? 0);
    return true;
  }

  /** Undoes the last choice and what followed it from itself; tells which operation it was. */
  #takeBack(): number | undefined {
    while (this.#depth > 0) {
      this.#depth--;
      const operation = this.#trail[this.#depth] ?? 0;
      this.#state = this.#statesBefore[this.#depth] as State;
      this.#unlift(this.#returnOf[operation] ?? 0);
      this.#unlift(this.#callOf[operation] ?? 0);
      this.#placed.remove(this.#integerOf[operation] ?? 0);
      if (this.#at(operation).outcome === 'ok') this.#missing++;
      if (this.#isChoice[this.#depth] === 1) return operation;
    }
    return undefined;
  }

  #lift(event: number): void {
    if (event === 0) return;
    const previous = this.#previous[event] ?? 0;
    const next = this.#nextOf(event);
    this.#next[previous] = next;
    this.#previous[next] = previous;
  }

  #unlift(event: number): void {
    if (event === 0) return;
    this.#next[this.#previous[event] ?? 0] = event;
    this.#previous[this.#nextOf(event)] = event;
  }

  #numberOf(state: State): number {
    const known = this.#stateNumbers.get(state);
    if (known !== undefined) return known;
    this.#stateNumbers.set(state, this.#stateNumbers.size);
    return this.#stateNumbers.size - 1;
  }

  #at(operation: number): Operation<Input, Output> {
    return present(this.#operations[operation], 'an event belongs to an operation');
  }

  #noteDeadEnd(): void {
    if (this.#deadEnd !== undefined && this.#depth <= this.#deadEnd.placedCount) return;
    const candidates: Operation<Input, Output>[] = [];
    for (let event = this.#nextOf(0); event !== 0; event = this.#nextOf(event)) {
      const operation = this.#operationOf[event] ?? 0;
      if (this.#callOf[operation] !== event) break;
      candidates.push(this.#at(operation));
    }
    const shown = this.#trail.slice(Math.max(0, this.#depth - SHOWN_MAX), this.#depth);
    this.#deadEnd = {
      placedCount: this.#depth,
      lastPlaced: Array.from(shown, (operation) => this.#at(operation)),
      state: this.#state,
      candidates,
    };
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
