/** The bytes of open calls are limited. */

import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import type { ShardId } from '../../src/base/ids.ts';
import type { CommitCall, ValidateCall } from '../../src/client/core/call.ts';
import { OpenCalls } from '../../src/client/core/open-calls.ts';
import { CLIENT_LIMITS } from '../../src/client/limits.ts';

/** What was seen of ranges, of so many bytes. */
function seen(bytes: number) {
  const key = new Uint8Array(bytes / 2);
  const check = { type: 'check-range', key, to: key, count: 0, seenAt: 1 } as const;
  const ranges = [{ shard: 1 as ShardId, check }];
  return { ranges, moments: new Map(), timeoutMilliseconds: 1, settle: () => {} };
}

test('what a call has seen of ranges counts as much as what it writes', () => {
  const most = seen(0.75 * CLIENT_LIMITS.callBytesMax);
  const commit: CommitCall = {
    ...most,
    type: 'commit',
    command: [],
    priority: { attempts: 0, age: undefined },
  };
  const level = { type: 'linearizable' } as const;
  const validate: ValidateCall = { ...most, type: 'validate', checks: [], level };
  const openCalls = new OpenCalls();
  deepEqual(
    [openCalls.admit(commit), openCalls.admit(validate)?.code],
    [undefined, 'too-many-calls'],
  );
  openCalls.settle(commit, { type: 'gave-way', position: undefined });
  deepEqual(
    [openCalls.admit(validate), openCalls.admit(commit)?.code],
    [undefined, 'too-many-calls'],
  );
});
