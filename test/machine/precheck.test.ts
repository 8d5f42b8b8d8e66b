/** What a leader may say of checks before they are an entry, and what it may not. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { Operation } from '../../src/machine/command.ts';
import { failingCheck } from '../../src/machine/precheck.ts';
import { fence } from './coordination-rig.ts';
import {
  bytesOf,
  checkPresence,
  checkValue,
  checkVersion,
  get,
  MachineRig,
  put,
} from './machine-rig.ts';
import { prepareBytes } from './transaction-rig.ts';

function precheck(rig: MachineRig, ...operations: readonly Operation[]) {
  const { lockTable } = rig.machine.transactions;
  const { fences } = rig.machine.coordination;
  return failingCheck(operations, { source: rig.rows, lockTable, fences });
}

test('the first check that fails is returned with its position and the actual version', () => {
  const rig = new MachineRig();
  rig.do(put('a', '1'));
  const { version = 0 } = rig.row('a') ?? {};
  equal(precheck(rig, checkVersion('a', version), checkVersion('b', 0), put('b', '2')), undefined);
  deepEqual(precheck(rig, put('b', '2'), checkVersion('a', version + 1), checkVersion('b', 1)), {
    type: 'check-failed',
    position: 1,
    version,
  });
  deepEqual(precheck(rig, checkVersion('b', 1))?.version, 0);
  deepEqual(precheck(rig, get('a'), checkValue('a', '2'))?.position, 1);
  deepEqual(precheck(rig, checkPresence('b', true))?.position, 0);
  equal(precheck(rig, checkValue('a', '1'), checkPresence('b', false)), undefined);
  const range = { key: bytesOf('a'), to: bytesOf('z'), count: 5, seenAt: 1 };
  equal(precheck(rig, { type: 'check-range', ...range }), undefined, 'of ranges it says nothing');
});

test('a locked key is not prechecked: clients may have seen another value', () => {
  const rig = new MachineRig();
  rig.do(put('a', '1'));
  rig.apply({ type: 'prepare', bytes: prepareBytes([put('a', '2')]) });
  const { index } = rig;
  equal(precheck(rig, checkVersion('a', index)), undefined, 'the version that it will have');
  deepEqual(precheck(rig, checkVersion('a', index), checkVersion('b', 1))?.position, 1);
});

test('a fence fails if a newer owner has written, unless its name is locked', () => {
  const rig = new MachineRig();
  rig.do(fence('lock', 9));
  deepEqual(precheck(rig, put('a', '1'), fence('lock', 8)), {
    type: 'check-failed',
    position: 1,
    version: 9,
  });
  equal(precheck(rig, fence('lock', 9), fence('other', 1)), undefined);
  rig.apply({ type: 'prepare', bytes: prepareBytes([fence('lock', 9)]) });
  equal(precheck(rig, fence('lock', 8)), undefined);
});
