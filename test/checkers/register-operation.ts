/** The operations on one key, and the format of its text. */

import { unreachable } from '../../src/base/assert.ts';
import type { Operation } from './model.ts';

/** An absent key is undefined. Appended text follows the former text, after a comma. */
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
  /** An append may return how many elements there are now. */
  | { readonly kind: 'length'; readonly length: number };

export type RegisterOperation = Operation<RegisterInput, RegisterOutput>;

const SEPARATOR = ',';

export function elementsOf(value: Value): readonly string[] {
  return value === undefined ? [] : value.split(SEPARATOR);
}

export function lastElementOf(value: Value): Value {
  return value?.slice(value.lastIndexOf(SEPARATOR) + 1);
}

export function joined(elements: readonly string[]): Value {
  return elements.length === 0 ? undefined : elements.join(SEPARATOR);
}

export function appended(state: Value, element: string): string {
  return state === undefined ? element : `${state}${SEPARATOR}${element}`;
}

/** What the operation would add to the state. */
export function elementsGiven(input: RegisterInput): readonly string[] {
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
