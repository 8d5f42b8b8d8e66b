/** What a history is, and what a checker has to know of the object it is a history of. */

/** What the caller knows: it took effect, it never did and never will, or either. */
export type Outcome = 'ok' | 'failed' | 'unknown';

export interface Operation<Input, Output> {
  readonly client: number;
  /** Keys are independent objects, so each is checked alone (locality: Herlihy, Wing 1990). */
  readonly key: string;
  readonly invoke: number;
  /** Not before `invoke`, and infinite if the outcome is unknown. Intervals that touch overlap. */
  readonly return: number;
  readonly input: Input;
  /** What came back. Nothing, if the outcome is unknown or there is nothing to say. */
  readonly output: Output | undefined;
  readonly outcome: Outcome;
}

/** The operation cannot have this output in this state. */
export const IMPOSSIBLE: unique symbol = Symbol('impossible');

/**
 * One object, as it would behave if it were used by one client at a time. States are compared as
 * the keys of a Map are, so they are primitives or interned.
 */
export interface Model<State, Input, Output> {
  readonly initial: State;
  /** The state after the operation. An undefined output is compatible with every state. */
  step(state: State, input: Input, output: Output | undefined): State | typeof IMPOSSIBLE;
  /** Whether an operation with this output leaves every state in which it is possible as it was. */
  isPassive(input: Input, output: Output | undefined): boolean;
  /**
   * What needs no search, asked once for the operations on one key. `operations` are those that a
   * search has to place: failed ones are left out, and unknown ones may be where the verdict cannot
   * depend on them. `breaches` are contradictions plain to see.
   */
  prepare(operations: readonly Operation<Input, Output>[]): Prepared<Input, Output>;
  describe(input: Input, output: Output | undefined): string;
  describeState(state: State): string;
}

export interface Prepared<Input, Output> {
  readonly operations: readonly Operation<Input, Output>[];
  readonly breaches: readonly string[];
}
