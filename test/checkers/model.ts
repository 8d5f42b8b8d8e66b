/** The format of a history, and what a checker has to know of the object. */

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
  /** The answer; undefined if the outcome is unknown or the answer is empty. */
  readonly output: Output | undefined;
  readonly outcome: Outcome;
}

/** The operation cannot have this output in this state. */
export const IMPOSSIBLE: unique symbol = Symbol('impossible');

/** The operation may be possible in more than one state. */
export const ANY_STATE: unique symbol = Symbol('any state');

/**
 * One object, as it would behave if one client at a time used it. States are compared as
 * the keys of a Map are, so they are primitives or interned.
 */
export interface Model<State, Input, Output> {
  readonly initial: State;
  /** The state after the operation. An undefined output is compatible with every state. */
  step(state: State, input: Input, output: Output | undefined): State | typeof IMPOSSIBLE;
  /** Facts that need no search, computed once for all the operations on one key. */
  prepare(operations: readonly Operation<Input, Output>[]): Prepared<State, Input, Output>;
  describe(input: Input, output: Output | undefined): string;
  describeState(state: State): string;
}

export interface Prepared<State, Input, Output> {
  /** Obvious contradictions. */
  readonly breaches: readonly string[];
  /**
   * The operations that a search has to place: every one that took effect, and the unknown ones
   * except those on which the verdict cannot depend.
   */
  readonly placements: readonly Placement<State, Input, Output>[];
  /** Whether the object can come to this state at most once. False is always safe. */
  isOnce(state: State): boolean;
}

export interface Placement<State, Input, Output> {
  readonly operation: Operation<Input, Output>;
  /** The operation's own, or another if no output of the history can tell the difference. */
  readonly input: Input;
  /** The only state in which it is possible, as far as is known. */
  readonly needs: State | typeof ANY_STATE;
  /** Whether it leaves every state in which it is possible as it was. False is always safe. */
  readonly isPassive: boolean;
}
