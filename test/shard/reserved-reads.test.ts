/** Reads that reserve their keys: after earlier proposals, and before later ones. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { RAFT_LIMITS } from '../../src/base/limits.ts';
import { TRANSACTION_LIMITS } from '../../src/base/transaction-limits.ts';
import { encodeBatch } from '../../src/machine/batch.ts';
import type { Contender } from '../../src/machine/transaction-id.ts';
import type { Response } from '../../src/wire/response.ts';
import { bytesOf, clientOf, put } from '../machine/machine-rig.ts';
import { HeldRig, said } from './blocked-rig.ts';

const RESERVER: Contender = {
  id: { home: 0, client: clientOf(9), sequence: 0 },
  attempts: 4,
  age: 5,
};

const FOR_EVER = Number.POSITIVE_INFINITY;
let sequence = 0;

/** Requested, and nothing more happens yet. */
function askWrite(rig: HeldRig, key: string, value: string): Response[] {
  sequence += 1;
  const { requester, responses } = rig.rig.requester();
  const about = { client: clientOf(77), deadline: rig.deadline };
  const commands = [[put(key, value)]];
  const batch = encodeBatch({ ...about, sequence, commands });
  rig.rig.replica.stamp(requester, 1, { type: 'batch', batch });
  return responses;
}

function askRead(rig: HeldRig, ...keys: readonly string[]): Response[] {
  const { requester, responses } = rig.rig.requester();
  const what = { type: 'keys', keys: keys.map(bytesOf) } as const;
  rig.rig.replica.read({ requester, until: FOR_EVER, what, reserver: RESERVER });
  return responses;
}

/** The transaction checks what it has read. */
function validate(rig: HeldRig, key: string, version: number): string {
  const { requester, responses } = rig.rig.requester();
  const check = { type: 'check-version', key: bytesOf(key), version } as const;
  const what = { type: 'checks', checks: [check], owner: undefined } as const;
  rig.rig.replica.read({ requester, until: FOR_EVER, what, reserver: RESERVER });
  rig.rig.turns(4);
  return said(responses);
}

test('it sees earlier proposals, and later ones wait until it was checked', () => {
  const rig = new HeldRig();
  rig.write([put('x', 'old')]);
  rig.rig.isLogStuck = true;
  const before = askWrite(rig, 'x', 'before');
  rig.rig.turn();
  const read = askRead(rig, 'x');
  const behind = askWrite(rig, 'x', 'behind');
  rig.rig.turns(4);
  deepEqual([said(before), said(read), said(behind)], ['', '', '']);
  rig.rig.isLogStuck = false;
  rig.rig.turns(6);
  deepEqual([said(before), said(read), said(behind)], ['done', 'before', '']);
  equal(validate(rig, 'x', rig.rig.replica.applied), 'done');
  rig.rig.turns(6);
  deepEqual([said(behind), said(rig.keys('x'))], ['done', 'behind']);
});

test('a check that fails keeps the reservation', () => {
  const rig = new HeldRig();
  rig.write([put('x', 'old')]);
  askRead(rig, 'x');
  rig.rig.turns(4);
  const write = askWrite(rig, 'x', 'new');
  equal(validate(rig, 'x', 1), `check-failed 0 ${rig.rig.replica.applied}`);
  rig.rig.turns(4);
  equal(said(write), '');
});

test('a transaction that does not come back delays a write for a bounded time', () => {
  const rig = new HeldRig();
  askRead(rig, 'x');
  rig.rig.turns(4);
  const write = askWrite(rig, 'x', 'new');
  const other = askWrite(rig, 'y', 'new');
  const ticks = TRANSACTION_LIMITS.reservedMilliseconds / RAFT_LIMITS.tickMilliseconds;
  rig.rig.tick(ticks - 1);
  deepEqual([said(write), said(other)], ['', 'done']);
  rig.rig.tick(2);
  equal(said(write), 'done');
});

test('a read that waits for proposals goes to the new leader, if there is another', () => {
  const rig = new HeldRig();
  rig.rig.isLogStuck = true;
  askWrite(rig, 'x', 'before');
  rig.rig.turn();
  const read = askRead(rig, 'x');
  rig.rig.turns(4);
  rig.rig.isLogStuck = false;
  const entry = { index: rig.rig.replica.applied + 1, term: 9, kind: 'empty' } as const;
  rig.rig.append([entry], 9);
  equal(said(read), 'not-leader');
  equal(rig.rig.replica.waiting, 0);
});
