/** The model of one key: a register that is read, written, swapped and appended to. */

import { unreachable } from '../../src/base/assert.ts';
import { IMPOSSIBLE, type Model } from './model.ts';
import { prepareRegister } from './register-hints.ts';
import {
  appended,
  elementsOf,
  type RegisterInput,
  type RegisterOutput,
  type Value,
} from './register-operation.ts';

export const REGISTER: Model<Value, RegisterInput, RegisterOutput> = {
  initial: undefined,
  step,
  prepare: prepareRegister,
  describe,
  describeState: nameOf,
};

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
