/** What a transaction locks in its shards, and what is validated beside it. */

import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { TRANSACTION_LIMITS } from '../../src/base/transaction-limits.ts';
import type { Operation } from '../../src/machine/command.ts';
import { planOf } from '../../src/txn/plan.ts';
import { bytesOf, checkVersion, clientOf, EPOCH, put, START } from '../machine/machine-rig.ts';

function validated(operations: readonly Operation[]): readonly number[] | undefined {
  const parts = [[put('home', '1')], operations].map((of, at) => {
    return { shard: at + 1, epoch: EPOCH, deadline: START, operations: of };
  });
  const transaction = { client: clientOf(1), sequence: 1, attempts: 0, age: 5, parts };
  const plan = planOf(transaction, { mayStage: true });
  return plan?.validations.find(({ shard }) => (shard as number) === 2)?.places;
}

test('a check of a key that is written is guarded by its lock, and any other is validated', () => {
  deepEqual(validated([checkVersion('a', 3), put('a', '1')]), undefined);
  deepEqual(validated([checkVersion('b', 3), put('a', '1')]), [0]);
});

test('a fence does not lock the key that routes it, so a check of that key is validated', () => {
  const fence = { type: 'fence', key: bytesOf('a'), name: bytesOf('lock'), token: 5 } as const;
  deepEqual(validated([fence, checkVersion('a', 3)]), [1]);
});

test('a transaction whose deadlines differ much is not staged', () => {
  const isStaged = (deadline: number) => {
    const parts = [START, deadline].map((of, at) => {
      return { shard: at + 1, epoch: EPOCH, deadline: of, operations: [put(`key ${at}`, '1')] };
    });
    const transaction = { client: clientOf(1), sequence: 1, attempts: 0, age: 5, parts };
    return planOf(transaction, { mayStage: true })?.isStaged;
  };
  const { stagedSpreadMilliseconds: spread } = TRANSACTION_LIMITS;
  deepEqual([START, START + spread, START - spread].map(isStaged), [true, true, true]);
  deepEqual([START + spread + 1, START - spread - 1].map(isStaged), [false, false]);
});
