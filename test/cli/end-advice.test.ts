/** A node that ended by itself: each reason has an advice of its own. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { adviceOn, endText } from '../../cli/end-advice.ts';

test('the advice depends on the reason', () => {
  const cases: readonly (readonly [reason: string, advice: RegExp])[] = [
    ['unknown-node', /it was removed.*empty the data folder/],
    ['wrong-token', /another data folder uses the number.*joins as a new node/],
    ['the log cannot be written: write 00000001.log: ENOSPC', /free space on the disk/],
    ['the state store cannot be written: IO error: EIO', /check the disk first.*another disk/],
    ['sync failed: EROFS', /check the disk first/],
    ['open failed: EACCES', /write permission/],
    ['open failed: EMFILE', /ulimit -n/],
    ['AssertionError: terms never fall\n    at step (raft.js:1:1)', /bug in ringkv.*report/],
    [
      'this folder is an older copy; start with an empty one',
      /fix the cause that the message names/,
    ],
  ];
  for (const [reason, advice] of cases) assert.match(adviceOn(reason), advice, reason);
});

test('a reason that is a code is explained in words too', () => {
  assert.match(endText('unknown-node'), /the cluster does not know this node \(unknown-node\)/);
  assert.match(endText('the disk failed'), /ended by itself: the disk failed$/);
});
