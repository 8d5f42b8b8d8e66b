/** Deferred entries: those of all shards are proposed at once, after a bounded time. */

import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { TRANSACTION_LIMITS } from '../../src/base/transaction-limits.ts';
import { DeferredProposals } from '../../src/node/deferred-proposals.ts';

const [ONE, TWO] = ['one', 'two'] as const;
const { deferMilliseconds } = TRANSACTION_LIMITS;

test('when the first one has waited long enough, all are proposed, once', () => {
  const deferred = new DeferredProposals<string>();
  deepEqual([...deferred.takeDue(50)], []);
  deferred.add(ONE, 100);
  deferred.add(TWO, 100 + deferMilliseconds - 1);
  deferred.add(ONE, 100 + deferMilliseconds - 1);
  deepEqual([...deferred.takeDue(100 + deferMilliseconds - 1)], []);
  deepEqual([...deferred.takeDue(100 + deferMilliseconds)], [ONE, TWO]);
  deepEqual([...deferred.takeDue(1e9)], []);
  deferred.add(TWO, 1e9);
  deepEqual([...deferred.takeDue(1e9 + deferMilliseconds - 1)], []);
  deepEqual([...deferred.takeDue(1e9 + deferMilliseconds)], [TWO]);
});
