/** Facts about the history of one key that need no search, and keep the search short. */

import { assert } from '../../src/base/assert.ts';
import { ANY_STATE, type Placement, type Prepared } from './model.ts';
import {
  elementsGiven,
  elementsOf,
  joined,
  lastElementOf,
  type RegisterInput,
  type RegisterOperation,
  type RegisterOutput,
  type Value,
} from './register-operation.ts';

/** Stands for every element that no client saw, so that the states they make are one. */
const UNTOLD = '\u0000';

export function prepareRegister(
  operations: readonly RegisterOperation[],
): Prepared<Value, RegisterInput, RegisterOutput> {
  for (const operation of operations) assertSane(operation);
  const happened = operations.filter(({ outcome }) => outcome !== 'failed');
  const values = [...new Set(happened.map(valueSeen))].map(elementsOf);
  const seen = new Set(values.flat());
  const told = new Set([...seen, ...happened.flatMap(elementsExpected)]);
  const witnessed = Math.max(...happened.filter(isWitness).map(({ return: end }) => end));
  const placed = happened.filter((operation) => canBeTold(operation, told, witnessed));
  const prefixes = prefixesIn(placed, values);
  const lasts = countLasts(placed);
  return {
    breaches: unexplained(operations, seen),
    placements: placed.map((operation) => placementOf(operation, told, prefixes)),
    isOnce: (state) => {
      const count = lasts.get(lastElementOf(state)) ?? 0;
      return state === undefined ? count === 0 : count <= 1;
    },
  };
}

function assertSane({ invoke, return: end, input, output, outcome }: RegisterOperation): void {
  assert(invoke <= end, 'an operation returns after it was invoked');
  assert(outcome !== 'unknown' || end === Number.POSITIVE_INFINITY, 'unknown never returns');
  const isAnswer = input.kind === 'read' || input.kind === 'cas';
  assert(outcome !== 'ok' || !isAnswer || output !== undefined, 'an answer says something');
  const isWhole = input.kind !== 'append' || elementsOf(input.element).length === 1;
  assert(isWhole, 'an appended element has no separator in it');
}

/** The whole values that the caller saw. */
function valueSeen({ input, output, outcome }: RegisterOperation): Value {
  if (outcome !== 'ok') return undefined;
  if (output?.kind === 'swapped' && input.kind === 'cas' && output.isSwapped) return input.expected;
  return output?.kind === 'value' ? output.value : undefined;
}

/** The expected value of a swap shows elements, even if its outcome is unknown. */
function elementsExpected({ input }: RegisterOperation): readonly string[] {
  return input.kind === 'cas' ? elementsOf(input.expected) : [];
}

/** Known to depend on what was there, without naming it. */
function isWitness({ input, output, outcome }: RegisterOperation): boolean {
  if (outcome !== 'ok') return false;
  return input.kind === 'cas' ? isRefused(output) : output?.kind === 'length';
}

function isRefused(output: RegisterOutput | undefined): boolean {
  return output?.kind === 'swapped' && !output.isSwapped;
}

/**
 * An unknown write can be left out if no read shows that it happened. From the moment it takes
 * effect until something replaces the whole value, its elements are part of the state. So if none
 * of them was told, all that happens in between is appends, swaps that were refused and operations
 * whose outcome is unknown. Only a refused swap, or an append that told its length, may need the
 * write to explain it, and only if it was not over before the write began.
 */
function canBeTold(
  { input, invoke, outcome }: RegisterOperation,
  told: ReadonlySet<string>,
  witnessed: number,
): boolean {
  if (outcome === 'ok') return true;
  if (input.kind === 'read') return false;
  const given = elementsGiven(input);
  return invoke <= witnessed || given.length === 0 || given.some((element) => told.has(element));
}

function placementOf(
  operation: RegisterOperation,
  told: ReadonlySet<string>,
  prefixes: ReadonlyMap<string, Value>,
): Placement<Value, RegisterInput, RegisterOutput> {
  const { input, output, outcome } = operation;
  const isUntold = !elementsGiven(input).some((element) => told.has(element));
  return {
    operation,
    input: outcome === 'unknown' && isUntold ? withoutNames(input) : input,
    needs: stateNeeded(operation, prefixes),
    isPassive: input.kind === 'read' || (input.kind === 'cas' && isRefused(output)),
  };
}

function withoutNames(input: RegisterInput): RegisterInput {
  if (input.kind === 'read') return input;
  if (input.kind === 'append') return { kind: 'append', element: UNTOLD };
  return { ...input, value: joined(elementsOf(input.value).map(() => UNTOLD)) };
}

/** A swap that is unknown does something in one state only, and nothing has no place. */
function stateNeeded(
  { input, output }: RegisterOperation,
  prefixes: ReadonlyMap<string, Value>,
): Value | typeof ANY_STATE {
  if (input.kind === 'read') return output?.kind === 'value' ? output.value : ANY_STATE;
  if (input.kind === 'cas') return isRefused(output) ? ANY_STATE : input.expected;
  if (input.kind === 'append' && prefixes.has(input.element)) return prefixes.get(input.element);
  return ANY_STATE;
}

/**
 * What preceded an element when it was appended. If only one operation gives it, then every
 * value that contains it has the same before it.
 */
function prefixesIn(
  operations: readonly RegisterOperation[],
  values: readonly (readonly string[])[],
): Map<string, Value> {
  const givers = new Map<string, number>();
  for (const element of operations.flatMap(({ input }) => elementsGiven(input))) {
    givers.set(element, (givers.get(element) ?? 0) + 1);
  }
  const prefixes = new Map<string, Value>();
  for (const elements of values) {
    for (const [at, element] of elements.entries()) {
      if (givers.get(element) !== 1 || prefixes.has(element)) continue;
      prefixes.set(element, joined(elements.slice(0, at)));
    }
  }
  return prefixes;
}

/** How many operations make a state that ends in an element, or that is absent. */
function countLasts(operations: readonly RegisterOperation[]): Map<string | undefined, number> {
  const counts = new Map<string | undefined, number>();
  for (const { input } of operations) {
    if (input.kind === 'read') continue;
    const last = elementsGiven(input).at(-1);
    counts.set(last, (counts.get(last) ?? 0) + 1);
  }
  return counts;
}

/** Values that were seen although no operation, or only one that failed, had written them. */
function unexplained(operations: readonly RegisterOperation[], seen: Iterable<string>): string[] {
  const given = new Set<string>();
  const failed = new Set<string>();
  for (const { input, outcome } of operations) {
    const elements = outcome === 'failed' ? failed : given;
    for (const element of elementsGiven(input)) elements.add(element);
  }
  return [...seen].flatMap((element) => {
    if (given.has(element)) return [];
    const why = failed.has(element) ? 'its write had failed' : 'it was never written';
    const witness = operations.find((each) => elementsOf(valueSeen(each)).includes(element));
    return witness === undefined ? [] : [`client ${witness.client} saw ${element}, but ${why}`];
  });
}
