/** Reads of locked keys whose holder has ended already, though that is not applied here yet. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { encodeResolutions } from '../../src/machine/transaction-codec.ts';
import type { Response } from '../../src/wire/response.ts';
import { bytesOf, put } from '../machine/machine-rig.ts';
import { commitBytes, nameOf } from '../machine/transaction-rig.ts';
import { HeldRig, said } from './blocked-rig.ts';

const EPOCH = 1;

/** Its resolution is here, and deferred. */
function tell(rig: HeldRig, age: number, isCommitted: boolean): void {
  const id = nameOf({ client: age });
  const bytes = encodeResolutions([{ id, isCommitted, deadline: rig.deadline }]);
  const { requester } = rig.rig.requester();
  rig.rig.replica.stamp(requester, EPOCH, { type: 'resolve', bytes });
}

function isHeld(rig: HeldRig, key: string): boolean {
  return rig.rig.replica.machine.lockTable?.holderOf(bytesOf(key)) !== undefined;
}

function held(): HeldRig {
  const rig = new HeldRig();
  rig.write([put('x', 'old')], [put('y', 'other')]);
  equal(rig.prepare(5, put('x', 'new')), 'done');
  return rig;
}

test('a read is served what a committed transaction leaves, before it is resolved', () => {
  const rig = held();
  tell(rig, 5, true);
  equal(said(rig.keys('x')), 'new');
  equal(said(rig.keys('y', 'x')), 'other new');
  deepEqual([isHeld(rig, 'x'), rig.rig.met], [true, []], 'and nothing is hurried');
});

test('a read is served what was there before an aborted transaction', () => {
  const rig = held();
  tell(rig, 5, false);
  equal(said(rig.keys('x')), 'old');
  equal(isHeld(rig, 'x'), true);
});

test('a read of one key that waits is served once the outcome is known', () => {
  const rig = held();
  const responses = rig.keys('x');
  deepEqual([responses, rig.rig.met], [[], ['5']]);
  tell(rig, 5, true);
  rig.rig.turns(1);
  deepEqual([said(responses), isHeld(rig, 'x')], ['new', true]);
});

test('a read of several keys that was asked before that waits for the resolution', () => {
  const rig = held();
  const responses: Response[] = rig.keys('y', 'x');
  tell(rig, 5, true);
  rig.rig.turns(4);
  deepEqual([said(responses), isHeld(rig, 'x')], ['other new', false]);
});

test('a range waits for the resolution, and makes it come at once', () => {
  const rig = held();
  tell(rig, 5, true);
  const responses = rig.range();
  rig.rig.turns(4);
  deepEqual([said(responses), isHeld(rig, 'x')], ['x=new y=other (2, end)', false]);
});

test('what depends on the time of the resolution is waited for', () => {
  const rig = new HeldRig();
  equal(rig.prepare(5, put('x', 'new', 60_000)), 'done');
  tell(rig, 5, true);
  const responses = rig.keys('x');
  rig.rig.turns(4);
  deepEqual([said(responses), isHeld(rig, 'x')], ['new', false]);
});

test('a write that waits for the holder makes its end come at once, and no other does', () => {
  const rig = held();
  rig.prepare(6, put('z', 'new'));
  const { requester, responses } = rig.rig.requester();
  rig.rig.replica.stamp(requester, EPOCH, rig.batch([put('z', 'later')]));
  rig.rig.turns(4);
  tell(rig, 5, true);
  rig.rig.turns(4);
  deepEqual([isHeld(rig, 'x'), responses], [true, []]);
  tell(rig, 6, true);
  rig.rig.turns(4);
  deepEqual([isHeld(rig, 'z'), said(responses)], [false, 'done']);
});

test('a decision that is proposed is not known: it may be refused', () => {
  const rig = new HeldRig();
  rig.write([put('x', 'old')]);
  rig.prepare(5, put('x', 'new'));
  const about = { client: 5, age: 5, deadline: rig.deadline, versions: [2, 50] };
  const { requester } = rig.rig.requester();
  const bytes = commitBytes([], about);
  rig.rig.replica.stamp(requester, EPOCH, { type: 'decide', bytes });
  // The read is served before the entry is applied.
  const asked = rig.rig.requester();
  const what = { type: 'keys', keys: [bytesOf('x')] } as const;
  rig.rig.replica.readByLease({ requester: asked.requester, until: 1e15, what });
  rig.rig.turns(1);
  deepEqual(asked.responses, []);
});

test('before leadership is handed over, what is deferred is proposed', () => {
  const rig = held();
  tell(rig, 5, true);
  rig.rig.replica.step({ type: 'transfer', to: rig.rig.replica.member });
  rig.rig.turns(4);
  equal(isHeld(rig, 'x'), false);
});
