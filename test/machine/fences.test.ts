/** Fences: a guarded write is refused once a newer owner has written under its name. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { COORDINATION_LIMITS } from '../../src/base/coordination-limits.ts';
import type { Operation } from '../../src/machine/command.ts';
import { acquire, CoordinationRig, fence, release } from './coordination-rig.ts';
import { bytesOf, put } from './machine-rig.ts';
import { TransactionRig } from './transaction-rig.ts';

test('a write with an older token is refused, and told the highest one', () => {
  const rig = new CoordinationRig();
  equal(rig.do(fence('lock', 5), put('a', '1')), 'done at 2');
  equal(rig.do(fence('lock', 9), put('b', '1')), 'done at 3');
  equal(rig.do(put('c', '1'), fence('lock', 5)), 'check 1 met 9');
  equal(rig.do(fence('lock', 9), put('a', '2')), 'done at 5', 'the owner goes on');
  equal(rig.do(fence('other', 5), put('c', '2')), 'done at 6');
  equal(rig.shard.value('c'), '2');
});

test('the highest token outlives the lock, and a rebuilt machine knows it', () => {
  const rig = new CoordinationRig();
  rig.do(acquire('lock', 1));
  rig.do(fence('lock', 2));
  rig.do(release('lock', 1));
  rig.rebuild();
  equal(rig.shard.machine.coordination.fences.size, 1);
  equal(rig.do(fence('lock', 1), put('a', '1')), 'check 0 met 2');
});

test('commands of one entry see the tokens of those before', () => {
  const rig = new CoordinationRig();
  const guarded = (token: number, key: string) => [fence('lock', token), put(key, '1')];
  const failing = [fence('lock', 50), { type: 'check-presence', key: bytesOf('x'), isThere: true }];
  const replies = rig.batch(
    guarded(7, 'a'),
    [...(failing as Operation[]), put('b', '1')],
    guarded(7, 'c'),
    guarded(6, 'd'),
    guarded(8, 'e'),
  );
  deepEqual(replies, ['done at 2', 'check 1 met 0', 'done at 2', 'check 0 met 7', 'done at 2']);
  equal(rig.do(fence('lock', 7)), 'check 0 met 8');
});

test('an entry tells how many of its commands an older token has cost', () => {
  const rig = new CoordinationRig();
  rig.do(fence('lock', 5), put('a', '1'));
  equal(rig.fenced, 0);
  rig.batch(
    [fence('lock', 4), put('a', '2')],
    [fence('lock', 3)],
    [fence('lock', 5), put('b', '1')],
  );
  equal(rig.fenced, 2);
  rig.do({ type: 'check-presence', key: bytesOf('x'), isThere: true }, put('c', '1'));
  equal(rig.fenced, 0, 'another check that fails is no fence');
});

test('of two tokens in one command the higher one counts', () => {
  const rig = new CoordinationRig();
  rig.do(fence('lock', 9), fence('lock', 5), put('a', '1'));
  equal(rig.do(fence('lock', 8)), 'check 0 met 9');
});

test('a prepared part holds the name until it is resolved', () => {
  const rig = new TransactionRig();
  rig.prepare([fence('lock', 5), put('a', '1')]);
  equal(rig.do(fence('lock', 9), put('b', '1')), 'locked at 0 by 20');
  equal(rig.do(fence('other', 9), put('b', '1')), `done at ${rig.shard.index}`);
  equal(rig.isHeld('any'), false, 'the key that routes a fence is not locked');
  rig.rebuild();
  equal(rig.do(fence('lock', 9), put('b', '2')), 'locked at 0 by 20');
  rig.resolve(true, {});
  equal(rig.do(fence('lock', 4), put('b', '1')), 'check 0 met 5');
  equal(rig.do(fence('lock', 9), put('b', '3')), `done at ${rig.shard.index}`);
});

test('an aborted part raises no token', () => {
  const rig = new TransactionRig();
  rig.prepare([fence('lock', 5), put('a', '1')]);
  rig.resolve(false, {});
  equal(rig.do(fence('lock', 4), put('b', '1')), `done at ${rig.shard.index}`);
});

test('a token is kept for a week after the last guarded write of its name', () => {
  const rig = new CoordinationRig();
  const { fenceKeepMilliseconds: week, fenceStepMilliseconds: hour } = COORDINATION_LIMITS;
  rig.do(fence('lock', 5));
  rig.pass(hour - 1);
  rig.do(fence('lock', 5));
  rig.pass(week + 1);
  rig.entry({ type: 'forget-fences', names: [bytesOf('lock')] });
  equal(rig.shard.machine.coordination.fences.size, 1, 'a week has not passed since the second');
  rig.pass(1);
  rig.entry({ type: 'forget-fences', names: [bytesOf('lock'), bytesOf('none')] });
  equal(rig.shard.machine.coordination.fences.size, 0);
  equal(rig.do(fence('lock', 1)), `done at ${rig.shard.index}`);
});

test('a prepared part keeps the name from being forgotten', () => {
  const rig = new TransactionRig();
  rig.do(fence('lock', 5));
  rig.prepare([fence('lock', 5), put('a', '1')]);
  rig.pass(2 * COORDINATION_LIMITS.fenceKeepMilliseconds);
  rig.shard.apply({ type: 'forget-fences', names: [bytesOf('lock')] });
  equal(rig.shard.machine.coordination.fences.size, 1);
});
