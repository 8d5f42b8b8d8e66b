/** Wound-wait: the order of contenders is total, and no chain of waits closes to a cycle. */

import { equal } from 'node:assert/strict';
import test from 'node:test';
import type { Contender } from '../../src/machine/transaction-id.ts';
import { hasPriority, resolveConflict } from '../../src/txn/conflict-policy.ts';

const CLIENT_BYTES = 16;

function contender(about: Partial<Record<'client' | 'sequence' | 'attempts' | 'age', number>>) {
  const { client = 1, sequence = 1, attempts = 0, age = 1 } = about;
  const id = { home: 0, client: new Uint8Array(CLIENT_BYTES).fill(client), sequence };
  return { id, attempts, age };
}

const ALL: readonly Contender[] = [1, 2].flatMap((client) =>
  [1, 2].flatMap((sequence) =>
    // One number of attempts for each doubling: one transaction never meets itself.
    [0, 1, 2, 4].flatMap((attempts) =>
      [1, 5].map((age) => contender({ client, sequence, attempts, age })),
    ),
  ),
);

test('of two contenders exactly one has priority', () => {
  for (const one of ALL) {
    for (const other of ALL) {
      equal(hasPriority(one, other) !== hasPriority(other, one), one !== other);
    }
  }
});

test('priority is transitive, so no chain of waits closes to a cycle', () => {
  for (const one of ALL) {
    for (const other of ALL.filter((each) => hasPriority(one, each))) {
      for (const third of ALL.filter((each) => hasPriority(other, each))) {
        equal(hasPriority(one, third), true);
      }
    }
  }
});

test('attempts come before age, age before the id', () => {
  const older = contender({ client: 9, age: 1 });
  equal(hasPriority(older, contender({ age: 2 })), true);
  equal(hasPriority(older, contender({ age: 2, attempts: 1 })), false);
  equal(hasPriority(contender({ client: 1 }), contender({ client: 2 })), true);
  equal(hasPriority(contender({ sequence: 1 }), contender({ sequence: 2 })), true);
});

test('attempts count in doublings: no two transactions preempt each other in turns', () => {
  const olderWins = (attempts: number, ofOlder: number) =>
    hasPriority(contender({ attempts: ofOlder, age: 1 }), contender({ attempts, age: 2 }));
  equal(olderWins(1, 0), false);
  equal(olderWins(3, 2), true);
  equal(olderWins(4, 3), false);
  equal(olderWins(15, 8), true);
  equal(olderWins(16, 15), false);
});

for (const { requester, holder, decision } of [
  { requester: undefined, holder: contender({}), decision: 'wait' },
  { requester: contender({ age: 1 }), holder: contender({ age: 2 }), decision: 'preempt' },
  { requester: contender({ age: 2 }), holder: contender({ age: 1 }), decision: 'yield' },
  { requester: contender({ age: 2, attempts: 1 }), holder: contender({}), decision: 'preempt' },
  { requester: contender({}), holder: contender({ attempts: 1 }), decision: 'yield' },
] as const) {
  const who = requester === undefined ? 'no transaction' : JSON.stringify(rankOf(requester));
  test(`${who} against ${JSON.stringify(rankOf(holder))}: ${decision}`, () => {
    equal(resolveConflict(requester, holder), decision);
  });
}

function rankOf({ attempts, age }: Contender) {
  return { attempts, age };
}
