/** A node that ended by itself: each reason has an advice of its own. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { adviceOn, endText } from '../../cli/end-advice.ts';

test('what to do depends on the reason', () => {
  const cases: readonly (readonly [reason: string, advice: RegExp])[] = [
    ['unknown-node', /it was removed.*empty the data folder/],
    ['wrong-token', /another data folder has the number.*joins as a new node/],
    ['the log cannot be written: write 00000001.log: ENOSPC', /make room on the disk/],
    ['the state store cannot be written: IO error: EIO', /look at the disk first.*another disk/],
    ['sync failed: EROFS', /look at the disk first/],
    ['open failed: EACCES', /right to write/],
    ['open failed: EMFILE', /ulimit -n/],
    ['AssertionError: terms never fall\n    at step (raft.js:1:1)', /fault of ringkv.*report/],
    ['this folder is an older copy; start with an empty one', /do what the message says/],
  ];
  for (const [reason, advice] of cases) assert.match(adviceOn(reason), advice, reason);
});

test('a reason that is a code is told in words too', () => {
  assert.match(endText('unknown-node'), /the cluster does not know it \(unknown-node\)/);
  assert.match(endText('the disk failed'), /ended by itself: the disk failed$/);
});
