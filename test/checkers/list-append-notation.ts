/**
 * Histories of transactions drawn as timelines, one line for each process:
 *
 *     1: [x+1 y+2]      [x=1,3 y=-]
 *     2:        [x+3 x=1,3 ?]
 *
 * The column of a bracket is the time. Inside stand the operations of one transaction: `x+1`
 * appends 1 to x, `x=1,3` reads x as the list of 1 and 3, `x=-` as the empty list, and `x=?` reads
 * what no client learnt. A question mark at the end makes the outcome unknown, an exclamation mark
 * makes it failed. Transactions are numbered as they are written, line by line.
 */

import { present } from '../../src/base/assert.ts';
import type { AnomalyName } from './list-append.ts';
import type { MicroOperation, Transaction } from './list-append-history.ts';

export interface DrawnTransactions {
  readonly sentence: string;
  readonly drawing: string;
}

export interface DrawnAnomaly extends DrawnTransactions {
  /** Exactly what is to be found, the most basic one first. */
  readonly names: readonly AnomalyName[];
}

export function parseTransactions(drawing: string): Transaction[] {
  return drawing
    .split('\n')
    .filter((line) => line.trim() !== '')
    .flatMap((line) => {
      const process = Number(present(line.match(/^\s*(\d+):/)?.[1], `no process in: ${line}`));
      return [...line.matchAll(/\[([^\]]+)\]/g)].map((match) =>
        transactionOf(process, present(match[1], 'a match'), {
          invokedAt: match.index,
          completedAt: match.index + match[0].length - 1,
        }),
      );
    });
}

function transactionOf(
  process: number,
  text: string,
  interval: { readonly invokedAt: number; readonly completedAt: number },
): Transaction {
  const words = text.trim().split(/\s+/);
  const mark = words.at(-1);
  if (mark !== '?' && mark !== '!') {
    return { process, ...interval, outcome: 'ok', operations: words.map(operationOf) };
  }
  const operations = words.slice(0, -1).map(operationOf);
  if (mark === '!') return { process, ...interval, outcome: 'failed', operations };
  const { invokedAt } = interval;
  const completedAt = Number.POSITIVE_INFINITY;
  return { process, invokedAt, completedAt, outcome: 'unknown', operations };
}

function operationOf(word: string): MicroOperation {
  const [, key, sign, rest] = word.match(/^([a-z]+)([+=])(\d[\d,]*|-|\?)$/) ?? [];
  const value = present(rest, `no such operation: ${word}`);
  const name = present(key, `no key in: ${word}`);
  if (sign === '+') return { type: 'append', key: name, element: Number(value) };
  if (value === '?') return { type: 'read', key: name, list: undefined };
  return { type: 'read', key: name, list: value === '-' ? [] : value.split(',').map(Number) };
}
