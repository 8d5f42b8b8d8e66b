/** What a home shard's reply says of a transaction that it was asked to end. */

import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { isCommittedBy, outcomeBy } from '../../src/machine/outcome.ts';
import type { Reason, Reply } from '../../src/machine/reply.ts';
import { clientOf } from './machine-rig.ts';

function refused(reason: Reason): Reply {
  return { type: 'refused', reason, position: 0 };
}

const COMMITTED: Reply = { type: 'committed', versions: [], outputs: [] };
const HOLDER = { id: { home: 1, client: clientOf(1), sequence: 7 }, attempts: 0, age: 5 };
const OPEN: readonly (Reply | undefined)[] = [
  undefined,
  { type: 'locked', position: 0, holder: HOLDER },
  refused('window-full'),
  refused('malformed'),
  refused('staged'),
  refused('entry-full'),
];

test('a commit is one, and a failed check or a refusal is an abort', () => {
  const failed: Reply = { type: 'check-failed', position: 0, version: 1 };
  equal(isCommittedBy(COMMITTED), true);
  equal(outcomeBy(COMMITTED), 'committed');
  for (const reply of [refused('aborted'), refused('gave-way'), failed]) {
    equal(isCommittedBy(reply), false);
    equal(outcomeBy(reply), 'aborted');
  }
});

test('an undecided reply is never taken for an abort', () => {
  for (const reply of OPEN) {
    equal(isCommittedBy(reply), undefined);
    equal(outcomeBy(reply), undefined);
  }
});

test('an unknown decision is an abort for a holder of locks, and over for all others', () => {
  for (const reason of ['acknowledged', 'deadline-passed'] as const) {
    equal(isCommittedBy(refused(reason)), false);
    equal(outcomeBy(refused(reason)), 'over');
  }
});
