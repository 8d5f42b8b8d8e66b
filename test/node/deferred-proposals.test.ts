/** Deferred entries: those of all shards are proposed at once, after a bounded time. */

import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { TRANSACTION_LIMITS } from '../../src/base/transaction-limits.ts';
import { DeferredProposals } from '../../src/node/deferred-proposals.ts';

const [ONE, TWO] = ['one', 'two'] as const;
const { lingerMilliseconds } = TRANSACTION_LIMITS;

test('the first one that has lingered for long enough takes all others along, once', () => {
  const lingering = new DeferredProposals<string>();
  deepEqual([...lingering.takeDue(50)], []);
  lingering.add(ONE, 100);
  lingering.add(TWO, 100 + lingerMilliseconds - 1);
  lingering.add(ONE, 100 + lingerMilliseconds - 1);
  deepEqual([...lingering.takeDue(100 + lingerMilliseconds - 1)], []);
  deepEqual([...lingering.takeDue(100 + lingerMilliseconds)], [ONE, TWO]);
  deepEqual([...lingering.takeDue(1e9)], []);
  lingering.add(TWO, 1e9);
  deepEqual([...lingering.takeDue(1e9 + lingerMilliseconds - 1)], []);
  deepEqual([...lingering.takeDue(1e9 + lingerMilliseconds)], [TWO]);
});
