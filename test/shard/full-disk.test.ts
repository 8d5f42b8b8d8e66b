/** What a node with a full disk still accepts: what frees space, and what gives back. */

import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { Command } from '../../src/machine/command.ts';
import { makesRoom } from '../../src/shard/full-disk.ts';
import { acquire, attach, endLease, fence, lease, release } from '../machine/coordination-rig.ts';
import { get, put, remove } from '../machine/machine-rig.ts';

const CASES: readonly (readonly [string, Command, boolean])[] = [
  ['a delete', [remove('k')], true],
  ['a delete and a set', [remove('k'), put('l', 'v')], false],
  ['a delete and a read', [remove('k'), get('l')], false],
  ['a guarded delete', [fence('cron', 5), remove('k')], true],
  ['a guard alone', [fence('cron', 5)], false],
  ['the release of a lock', [release('cron', 1)], true],
  ['the end of a lease', [endLease(1)], true],
  ['a ticket', [acquire('cron', 1)], false],
  ['an attached key', [attach('k', 'v', lease(1))], false],
  ['a withdrawn command', [], true],
];

for (const [name, command, isAccepted] of CASES) {
  test(`${name} is ${isAccepted ? 'accepted' : 'refused'}`, () => {
    equal(makesRoom(command), isAccepted);
  });
}
