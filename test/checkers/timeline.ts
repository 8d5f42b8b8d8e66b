/**
 * Histories drawn as timelines, one line for each client:
 *
 *     1: [write a]      [read b]
 *     2:       [write b]
 *
 * The column of a bracket is the time. Inside are an operation and its answer: `read a`, `read -`
 * where nothing was there, `write a`, `write -` which deletes, `cas a b yes`, `cas a b no`,
 * `append c`, and `append c 3` where the answer is a length. A question mark at the end makes the
 * outcome unknown, an exclamation mark makes it failed. `x.read a` is about the key x. Spaces
 * inside a bracket make an operation longer.
 */

import { assert, present } from '../../src/base/assert.ts';
import type {
  RegisterInput,
  RegisterOperation,
  RegisterOutput,
  Value,
} from './register-operation.ts';

export interface DrawnHistory {
  readonly sentence: string;
  readonly drawing: string;
}

const DEFAULT_KEY = 'k';

export function parseTimeline(drawing: string): RegisterOperation[] {
  return drawing
    .split('\n')
    .filter((line) => line.trim() !== '')
    .flatMap((line) => {
      const client = Number(present(line.match(/^\s*(\d+):/)?.[1], `no client in: ${line}`));
      return [...line.matchAll(/\[([^\]]+)\]/g)].map((match) =>
        operationOf(client, present(match[1], 'a match'), match.index, match[0].length),
      );
    });
}

function operationOf(
  client: number,
  text: string,
  invoke: number,
  columns: number,
): RegisterOperation {
  const [, key = DEFAULT_KEY, rest = '', mark = ''] =
    text.trim().match(/^(?:(\w+)\.)?(.+?)(?:\s+([?!]))?$/) ?? [];
  const { input, output } = deedOf(rest.split(/\s+/));
  const end = mark === '?' ? Number.POSITIVE_INFINITY : invoke + columns - 1;
  const outcome = mark === '?' ? 'unknown' : mark === '!' ? 'failed' : 'ok';
  const known = outcome === 'ok' ? output : undefined;
  return { client, key, invoke, return: end, input, output: known, outcome };
}

function deedOf([verb = '', ...words]: readonly string[]): {
  readonly input: RegisterInput;
  readonly output: RegisterOutput | undefined;
} {
  const [first = '', second, third] = words;
  switch (verb) {
    case 'read':
      return { input: { kind: 'read' }, output: { kind: 'value', value: valueNamed(first) } };
    case 'write':
      return { input: { kind: 'write', value: valueNamed(first) }, output: { kind: 'written' } };
    case 'cas': {
      const input = {
        kind: 'cas',
        expected: valueNamed(first),
        value: valueNamed(second),
      } as const;
      if (third === undefined) return { input, output: undefined };
      return { input, output: { kind: 'swapped', isSwapped: third === 'yes' } };
    }
    case 'append': {
      const input = { kind: 'append', element: first } as const;
      if (second === undefined) return { input, output: { kind: 'written' } };
      return { input, output: { kind: 'length', length: Number(second) } };
    }
    default:
      assert(false, `no such operation: ${verb}`);
  }
}

function valueNamed(word: string | undefined): Value {
  return word === '-' ? undefined : word;
}
