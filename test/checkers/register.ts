/** The model of one key: a register that is read, written, swapped and appended to. */

import { assert, unreachable } from '../../src/base/assert.ts';
import { IMPOSSIBLE, type Model, type Operation, type Prepared } from './model.ts';

/** An absent key is undefined. What was appended stands behind what was there, after a comma. */
export type Value = string | undefined;

export type RegisterInput =
  | { readonly kind: 'read' }
  | { readonly kind: 'write'; readonly value: Value }
  | { readonly kind: 'cas'; readonly expected: Value; readonly value: Value }
  | { readonly kind: 'append'; readonly element: string };

export type RegisterOutput =
  | { readonly kind: 'value'; readonly value: Value }
  | { readonly kind: 'swapped'; readonly isSwapped: boolean }
  | { readonly kind: 'written' }
  /** An append may say how many elements there are now. */
  | { readonly kind: 'length'; readonly length: number };

export type RegisterOperation = Operation<RegisterInput, RegisterOutput>;

const SEPARATOR = ',';

export const REGISTER: Model<Value, RegisterInput, RegisterOutput> = {
  initial: undefined,
  step,
  isPassive,
  prepare,
  describe,
  describeState: nameOf,
};

export function appended(state: Value, element: string): string {
  return state === undefined ? element : `${state}${SEPARATOR}${element}`;
}

function step(
  state: Value,
  input: RegisterInput,
  output: RegisterOutput | undefined,
): Value | typeof IMPOSSIBLE {
  switch (input.kind) {
    case 'read':
      return output?.kind === 'value' && output.value !== state ? IMPOSSIBLE : state;
    case 'write':
      return input.value;
    case 'cas': {
      const isSwapped = state === input.expected;
      if (output?.kind === 'swapped' && output.isSwapped !== isSwapped) return IMPOSSIBLE;
      return isSwapped ? input.value : state;
    }
    case 'append': {
      const next = appended(state, input.element);
      if (output?.kind === 'length' && output.length !== elementsOf(next).length) return IMPOSSIBLE;
      return next;
    }
    default:
      return unreachable(input);
  }
}

function isPassive(input: RegisterInput, output: RegisterOutput | undefined): boolean {
  if (input.kind === 'cas') return output?.kind === 'swapped' && !output.isSwapped;
  return input.kind === 'read';
}

/**
 * An unknown write can be left out if nobody can tell that it happened. From the moment it takes
 * effect until something replaces the whole value, its element is part of the state. So if no read
 * returned that element and no swap expects it, all that happens in between is appends, swaps that
 * failed and operations whose outcome is unknown. Only a swap that failed, or an append that told
 * its length, may need the write to explain it, and only if it was not over before the write began.
 */
function prepare(
  operations: readonly RegisterOperation[],
): Prepared<RegisterInput, RegisterOutput> {
  for (const operation of operations) assertSane(operation);
  const told = new Set<string>();
  let witnessed = Number.NEGATIVE_INFINITY;
  for (const operation of operations) {
    for (const element of elementsTold(operation)) told.add(element);
    if (isWitness(operation)) witnessed = Math.max(witnessed, operation.return);
  }
  const placed = operations.filter(
    ({ outcome, input, invoke }) =>
      outcome === 'ok' ||
      (outcome === 'unknown' &&
        input.kind !== 'read' &&
        (invoke <= witnessed ||
          elementsGiven(input).some((element) => told.has(element)) ||
          elementsGiven(input).length === 0)),
  );
  return { operations: placed, breaches: unexplained(operations) };
}

function assertSane({ invoke, return: end, input, output, outcome }: RegisterOperation): void {
  assert(invoke <= end, 'an operation returns after it was invoked');
  assert(outcome !== 'unknown' || end === Number.POSITIVE_INFINITY, 'unknown never returns');
  const isAnswer = input.kind === 'read' || input.kind === 'cas';
  assert(outcome !== 'ok' || !isAnswer || output !== undefined, 'an answer says something');
  const isWhole = input.kind !== 'append' || !input.element.includes(SEPARATOR);
  assert(isWhole, 'an appended element has no separator in it');
}

/** The elements that some answer, or the wish of some swap, lets be seen. */
function elementsTold({ input, output, outcome }: RegisterOperation): string[] {
  if (outcome === 'failed') return [];
  if (input.kind === 'cas') return elementsOf(input.expected);
  return output?.kind === 'value' ? elementsOf(output.value) : [];
}

/** Known to depend on what was there, without naming it. */
function isWitness({ input, output, outcome }: RegisterOperation): boolean {
  if (outcome !== 'ok') return false;
  return input.kind === 'cas'
    ? output?.kind === 'swapped' && !output.isSwapped
    : output?.kind === 'length';
}

function elementsGiven(input: RegisterInput): string[] {
  switch (input.kind) {
    case 'read':
      return [];
    case 'write':
    case 'cas':
      return elementsOf(input.value);
    case 'append':
      return [input.element];
    default:
      return unreachable(input);
  }
}

function elementsOf(value: Value): string[] {
  return value === undefined ? [] : value.split(SEPARATOR);
}

/** Values that were read although nobody, or only an operation that failed, had written them. */
function unexplained(operations: readonly RegisterOperation[]): string[] {
  const given = new Set<string>();
  const failed = new Set<string>();
  for (const { input, outcome } of operations) {
    const elements = outcome === 'failed' ? failed : given;
    for (const element of elementsGiven(input)) elements.add(element);
  }
  return operations.flatMap((operation) => {
    const { client, output, outcome } = operation;
    if (outcome !== 'ok' || output?.kind !== 'value') return [];
    return elementsOf(output.value)
      .filter((element) => !given.has(element))
      .map((element) =>
        failed.has(element)
          ? `client ${client} read ${element}, but its write had failed`
          : `client ${client} read ${element}, but nobody wrote it`,
      );
  });
}

function describe(input: RegisterInput, output: RegisterOutput | undefined): string {
  switch (input.kind) {
    case 'read':
      return `read ${output?.kind === 'value' ? nameOf(output.value) : '?'}`;
    case 'write':
      return `write ${nameOf(input.value)}`;
    case 'cas': {
      const answer = output?.kind === 'swapped' ? (output.isSwapped ? 'yes' : 'no') : '?';
      return `cas ${nameOf(input.expected)} ${nameOf(input.value)} ${answer}`;
    }
    case 'append':
      return `append ${input.element}${output?.kind === 'length' ? ` ${output.length}` : ''}`;
    default:
      return unreachable(input);
  }
}

function nameOf(value: Value): string {
  return value ?? 'absent';
}
