/** Assertions of invariants. A broken one ends the process; it is never an answer to a request. */

export class AssertionFailure extends Error {
  override readonly name = 'AssertionFailure';
}

export function assert(fact: boolean, invariant: string): asserts fact {
  if (!fact) throw new AssertionFailure(invariant);
}

/** The end of every exhaustive switch. */
export function unreachable(value: never): never {
  throw new AssertionFailure(`unreachable: ${JSON.stringify(value)}`);
}

/** For a value whose absence would break an invariant. */
export function present<T>(value: T | undefined, invariant: string): T {
  if (value === undefined) throw new AssertionFailure(invariant);
  return value;
}
