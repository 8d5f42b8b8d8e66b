/**
 * The search for one legal order of the operations on one key: Wing and Gong 1993, with the memo
 * of Lowe 2017. An operation may be placed next if no return stands before its call in the list of
 * events; placing it lifts both out of the list.
 */

import { present } from '../../src/base/assert.ts';
import { EventList } from './event-list.ts';
import {
  ANY_STATE,
  IMPOSSIBLE,
  type Model,
  type Operation,
  type Placement,
  type Prepared,
} from './model.ts';
import { PlacedSet, Visited } from './visited.ts';

const SHOWN_MAX = 8;
const WORD_BITS = 32;

export type Finding = 'linearizable' | 'violation' | 'unknown';

/** The furthest point of the search. */
export interface DeadEnd<State, Input, Output> {
  readonly placedCount: number;
  readonly lastPlaced: readonly Operation<Input, Output>[];
  readonly state: State;
  readonly candidates: readonly Operation<Input, Output>[];
  /** If the state comes but once, those still to come that need it. */
  readonly needers: readonly Operation<Input, Output>[];
}

export class Search<State, Input, Output> {
  readonly #model: Model<State, Input, Output>;
  readonly #placements: readonly Placement<State, Input, Output>[];
  readonly #isOnce: (state: State) => boolean;
  readonly #events: EventList;
  /** Unknown operations come first in the set, since they may stay out of it. */
  readonly #integerOf: Int32Array;
  readonly #placed: PlacedSet;
  readonly #visited = new Visited();
  readonly #stateNumbers = new Map<State, number>();
  /** For each state, how many operations that returned need it and have no place yet. */
  readonly #needers = new Map<State, number>();
  /** The unknown operation of the same kind that began before this one, or itself. */
  readonly #twinOf: Int32Array;
  /** The placed operation, the state before it, and whether placing it was a choice. */
  readonly #trail: Int32Array;
  readonly #statesBefore: State[] = [];
  readonly #isChoice: Uint8Array;
  #depth = 0;
  #state: State;
  /** Operations that returned and have no place yet. */
  #missing = 0;
  #nodes = 0;
  /** The longest trail that came to an end, and what it led to. */
  readonly #furthest: Int32Array;
  #furthestDepth = 0;
  #furthestState: State;
  #changedFrom = 0;

  constructor(
    model: Model<State, Input, Output>,
    { placements, isOnce }: Prepared<State, Input, Output>,
  ) {
    const count = placements.length;
    this.#isOnce = isOnce;
    this.#model = model;
    this.#state = model.initial;
    this.#furthestState = model.initial;
    this.#placements = [...placements].sort(
      (one, other) => one.operation.invoke - other.operation.invoke,
    );
    this.#events = new EventList(this.#placements.map(({ operation }) => operation));
    this.#integerOf = new Int32Array(count);
    this.#trail = new Int32Array(count);
    this.#furthest = new Int32Array(count);
    this.#isChoice = new Uint8Array(count);
    this.#twinOf = this.#findTwins();
    this.#placed = this.#numberOperations();
  }

  get nodes(): number {
    return this.#nodes;
  }

  /** Called once, after a search that did not succeed. */
  deadEnd(): DeadEnd<State, Input, Output> {
    const placed = this.#furthest.subarray(0, this.#furthestDepth);
    const state = this.#furthestState;
    const waiting = new Set(this.#placements);
    for (const operation of placed) waiting.delete(this.#at(operation));
    let firstReturn = Number.POSITIVE_INFINITY;
    for (const { operation } of waiting) firstReturn = Math.min(firstReturn, operation.return);
    const isCandidate = ({ operation }: Placement<State, Input, Output>) =>
      operation.invoke <= firstReturn;
    const isNeeder = (placement: Placement<State, Input, Output>) =>
      placement.needs === state && !isCandidate(placement) && !isUnknown(placement);
    const operationsOf = (placements: readonly Placement<State, Input, Output>[]) =>
      placements.map(({ operation }) => operation);
    return {
      placedCount: placed.length,
      lastPlaced: operationsOf(Array.from(placed.slice(-SHOWN_MAX), (each) => this.#at(each))),
      state,
      candidates: operationsOf([...waiting].filter(isCandidate)),
      needers: this.#isOnce(state) ? operationsOf([...waiting].filter(isNeeder)) : [],
    };
  }

  run(nodesMax: number): Finding {
    const events = this.#events;
    let event = events.first();
    while (this.#missing > 0) {
      this.#nodes++;
      if (this.#nodes > nodesMax) return 'unknown';
      if (events.isCall(event)) {
        const isPlaced = this.#place(events.operationOf(event));
        event = isPlaced ? events.first() : events.after(event);
      } else {
        this.#noteDeadEnd();
        const last = this.#takeBack();
        if (last === undefined) return 'violation';
        event = events.after(events.callOf(last));
      }
    }
    return 'linearizable';
  }

  #numberOperations(): PlacedSet {
    const unknownCount = this.#placements.filter(isUnknown).length;
    const pinned = Math.ceil(unknownCount / WORD_BITS) * WORD_BITS;
    let unknown = 0;
    let known = pinned;
    for (const [operation, placement] of this.#placements.entries()) {
      this.#integerOf[operation] = isUnknown(placement) ? unknown++ : known++;
      this.#countNeeder(placement, 1);
    }
    this.#missing = known - pinned;
    return new PlacedSet(known, pinned);
  }

  #findTwins(): Int32Array {
    const latest = new Map<string, number>();
    return Int32Array.from(this.#placements, (placement, operation) => {
      if (!isUnknown(placement)) return operation;
      const kind = this.#model.describe(placement.input, undefined);
      const twin = latest.get(kind) ?? operation;
      latest.set(kind, operation);
      return twin;
    });
  }

  /**
   * A passive operation that can have its place now has nothing to wait for: in any order that
   * places it later, it can be moved here. So it is not a choice. And what may as well not have
   * happened is not placed where it would change nothing.
   */
  #place(operation: number): boolean {
    const placement = this.#at(operation);
    const { input, needs, isPassive } = placement;
    if (needs !== ANY_STATE && needs !== this.#state) return false;
    const state = this.#model.step(this.#state, input, placement.operation.output);
    if (state === IMPOSSIBLE) return false;
    if (isUnknown(placement) && (state === this.#state || this.#isTwinWaiting(operation))) {
      return false;
    }
    const integer = this.#integerOf[operation] ?? 0;
    this.#countNeeder(placement, -1);
    this.#placed.add(integer);
    if (!isPassive && !this.#isWorthwhile(state)) {
      this.#countNeeder(placement, 1);
      this.#placed.remove(integer);
      return false;
    }
    this.#trail[this.#depth] = operation;
    this.#isChoice[this.#depth] = isPassive ? 0 : 1;
    this.#statesBefore[this.#depth] = this.#state;
    this.#depth++;
    this.#state = state;
    if (!isUnknown(placement)) this.#missing--;
    this.#events.lift(operation);
    return true;
  }

  /** A state that comes but once is not left while an operation needs it. */
  #isWorthwhile(next: State): boolean {
    const isNeeded = (this.#needers.get(this.#state) ?? 0) > 0;
    if (isNeeded && next !== this.#state && this.#isOnce(this.#state)) return false;
    return this.#visited.add(this.#placed, this.#numberOf(next));
  }

  /** Unknown operations of one kind are interchangeable, so they are placed in order. */
  #isTwinWaiting(operation: number): boolean {
    const twin = this.#twinOf[operation] ?? operation;
    return twin !== operation && !this.#placed.has(this.#integerOf[twin] ?? 0);
  }

  #countNeeder(placement: Placement<State, Input, Output>, change: number): void {
    const { needs } = placement;
    if (needs === ANY_STATE || isUnknown(placement)) return;
    this.#needers.set(needs, (this.#needers.get(needs) ?? 0) + change);
  }

  /** Undoes the last choice and what followed it from itself; tells which operation it was. */
  #takeBack(): number | undefined {
    while (this.#depth > 0) {
      this.#depth--;
      this.#changedFrom = Math.min(this.#changedFrom, this.#depth);
      const operation = this.#trail[this.#depth] ?? 0;
      this.#state = this.#statesBefore[this.#depth] as State;
      this.#events.unlift(operation);
      this.#placed.remove(this.#integerOf[operation] ?? 0);
      const placement = this.#at(operation);
      this.#countNeeder(placement, 1);
      if (!isUnknown(placement)) this.#missing++;
      if (this.#isChoice[this.#depth] === 1) return operation;
    }
    return undefined;
  }

  #numberOf(state: State): number {
    const known = this.#stateNumbers.get(state);
    if (known !== undefined) return known;
    this.#stateNumbers.set(state, this.#stateNumbers.size);
    return this.#stateNumbers.size - 1;
  }

  #at(operation: number): Placement<State, Input, Output> {
    return present(this.#placements[operation], 'an event belongs to an operation');
  }

  /** Copies the trail from where it changed since the last note. */
  #noteDeadEnd(): void {
    if (this.#depth < this.#furthestDepth) return;
    const changed = this.#trail.subarray(this.#changedFrom, this.#depth);
    this.#furthest.set(changed, this.#changedFrom);
    this.#furthestDepth = this.#depth;
    this.#furthestState = this.#state;
    this.#changedFrom = this.#depth;
  }
}

function isUnknown({ operation }: Placement<unknown, unknown, unknown>): boolean {
  return operation.outcome === 'unknown';
}
