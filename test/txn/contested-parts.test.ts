/** Which transactions are likely to be waited for. */

import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { TRANSACTION_LIMITS } from '../../src/base/transaction-limits.ts';
import { ContestedParts } from '../../src/txn/contested-parts.ts';

const { contestedMilliseconds, contestedMax } = TRANSACTION_LIMITS;

function partsAt(...positions: readonly number[]) {
  return positions.map((position) => ({ position, deadline: 0 }));
}

test('a part is contested for a while after a request met its locks', () => {
  const contested = new ContestedParts();
  equal(contested.hasOneOf(partsAt(1), 0), false);
  contested.add(partsAt(1, 2), 100);
  equal(contested.hasOneOf(partsAt(7, 2), 100 + contestedMilliseconds - 1), true);
  equal(contested.hasOneOf(partsAt(7, 2), 100 + contestedMilliseconds), false);
  equal(contested.hasOneOf(partsAt(7), 100), false);
});

test('of too many the oldest are forgotten', () => {
  const contested = new ContestedParts();
  for (let position = 0; position <= contestedMax; position++) contested.add(partsAt(position), 1);
  equal(contested.hasOneOf(partsAt(0), 1), false);
  equal(contested.hasOneOf(partsAt(1), 1), true);
});
