/** Locks: who owns them, in which order, and what a token says. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { COORDINATION_LIMITS } from '../../src/base/coordination-limits.ts';
import type { Operation } from '../../src/machine/command.ts';
import {
  acquire,
  CoordinationRig,
  endLease,
  known,
  lease,
  release,
  shared,
  TTL,
} from './coordination-rig.ts';
import { clientOf, put } from './machine-rig.ts';

test('a free lock is owned at once, and its token is the index of the entry', () => {
  const rig = new CoordinationRig();
  equal(rig.do(acquire('lock', 1)), 'done at 2, owns with 2');
  equal(rig.do(acquire('lock', 2)), 'done at 3, waits at 1');
  equal(rig.do(acquire('lock', 3)), 'done at 4, waits at 2');
  equal(rig.do(acquire('other', 1)), 'done at 5, owns with 5');
  deepEqual(rig.told, []);
});

test('the entry that frees a lock grants it to the first ticket in the queue', () => {
  const rig = new CoordinationRig();
  for (const ticket of [9, 5, 7]) rig.do(acquire('lock', ticket));
  equal(rig.do(release('lock', 9)), 'done at 5, owns with 2');
  deepEqual(rig.told, ['lock 5 5'], 'of the others none is woken');
  rig.rebuild();
  equal(rig.do(release('lock', 5)), 'done at 6, owns with 5');
  deepEqual(rig.told, ['lock 7 6']);
  equal(rig.do(release('lock', 5)), 'done at 7, no ticket');
  deepEqual(rig.told, []);
});

test('a rebuilt machine has the same queue, whatever rows its tickets took', () => {
  const rig = new CoordinationRig();
  rig.do(acquire('other', 1));
  for (const ticket of [1, 2]) rig.do(acquire('lock', ticket));
  rig.do(release('other', 1));
  rig.do(acquire('lock', 3));
  rig.rebuild();
  equal(rig.do(acquire('lock', 3)), 'done at 7, waits at 2', 'it stands in the first row');
  rig.do(release('lock', 1));
  deepEqual(rig.told, ['lock 2 8']);
});

test('a ticket that waits can be released, and its client is told that it is gone', () => {
  const rig = new CoordinationRig();
  for (const ticket of [1, 2, 3]) rig.do(acquire('lock', ticket));
  equal(rig.do(release('lock', 2)), 'done at 5, waits at 1');
  deepEqual(rig.told, ['lock 2 0']);
  rig.do(release('lock', 1));
  deepEqual(rig.told, ['lock 3 6']);
});

test('without waiting nothing is kept of a ticket that does not own the lock', () => {
  const rig = new CoordinationRig();
  const asked = { isWaiting: false };
  equal(rig.do(acquire('lock', 1, lease(1), asked)), 'done at 2, owns with 2');
  equal(rig.do(acquire('lock', 2, lease(2), asked)), 'done at 3, no ticket');
  deepEqual([rig.rows('tickets'), rig.leases], [1, [1]]);
  rig.do(acquire('lock', 3));
  rig.do(release('lock', 1));
  rig.do(shared('lock', 4));
  equal(rig.do(acquire('lock', 5, lease(5), asked)), 'done at 7, no ticket');
});

test('shared owners have one token, and do not overtake a ticket that waits', () => {
  const rig = new CoordinationRig();
  equal(rig.do(shared('lock', 1)), 'done at 2, owns with 2');
  equal(rig.do(shared('lock', 2)), 'done at 3, owns with 2');
  equal(rig.do(acquire('lock', 3)), 'done at 4, waits at 1');
  equal(rig.do(shared('lock', 4)), 'done at 5, waits at 2');
  equal(rig.do(shared('lock', 5)), 'done at 6, waits at 3');
  rig.do(release('lock', 1));
  deepEqual(rig.told, []);
  rig.do(release('lock', 2));
  deepEqual(rig.told, ['lock 3 8']);
  rig.do(release('lock', 3));
  deepEqual(rig.told, ['lock 4 9', 'lock 5 9']);
});

test('a semaphore has as many owners as permits', () => {
  const rig = new CoordinationRig();
  const one = (ticket: number, permits = 2) =>
    acquire('pool', ticket, lease(ticket), { kind: 'semaphore', permits });
  equal(rig.do(one(1)), 'done at 2, owns with 2');
  equal(rig.do(one(2)), 'done at 3, owns with 3');
  equal(rig.do(one(3)), 'done at 4, waits at 1');
  equal(rig.do(one(4, 3)), 'refused lock-kind at 0');
  equal(rig.do(acquire('pool', 5)), 'refused lock-kind at 0');
  rig.do(release('pool', 1));
  deepEqual(rig.told, ['pool 3 7']);
});

test('when a lease ends its tickets go, and no other ticket of it is granted', () => {
  const rig = new CoordinationRig();
  rig.do(acquire('lock', 1, lease(7)));
  rig.do(acquire('lock', 2, known(7)));
  rig.do(acquire('lock', 3, lease(8)));
  rig.passSlowly(TTL - 1);
  rig.keep(8);
  rig.passSlowly(1);
  rig.end(7);
  deepEqual(rig.told, ['lock 2 0', `lock 3 ${rig.shard.index}`]);
});

test('leases that end in one entry leave the lock to the next that is alive', () => {
  const rig = new CoordinationRig();
  for (const ticket of [1, 2, 3]) rig.do(acquire('lock', ticket, lease(ticket, ticket * 1000)));
  rig.passSlowly(2000);
  const ends = [1, 2].map((number) => ({
    lease: clientOf(number),
    ...{ seenAt: 0, isLast: false, keys: [] },
  }));
  rig.entry({ type: 'end-leases', ends });
  deepEqual(rig.told, ['lock 2 0', `lock 3 ${rig.shard.index}`]);
});

test('an index is the token of one set of owners', () => {
  const rig = new CoordinationRig();
  rig.do(acquire('lock', 1, lease(7)));
  rig.do(acquire('lock', 2, lease(8)));
  const commands = [[endLease(7)], [acquire('lock', 3, lease(9))], [endLease(9)]];
  const [, second, third] = rig.batch(...commands);
  equal(second, 'done at 4, waits at 2', 'the ticket before it is granted at the end of the entry');
  equal(third, 'refused key-twice at 0');
  deepEqual(rig.told, ['lock 2 4']);
  const twice = rig.batch([release('lock', 2)], [acquire('lock', 4, lease(9))]);
  deepEqual(twice, ['done at 5, owns with 4', 'refused key-twice at 0']);
});

test('a repeated acquire gets the first reply, and a ticket that is there stays', () => {
  const rig = new CoordinationRig();
  const batch = rig.shard.batch([[acquire('lock', 1)]]);
  const [first] = rig.entry({ type: 'batch', batch });
  rig.do(release('lock', 1));
  deepEqual(rig.entry({ type: 'batch', batch }), [first]);
  equal(rig.rows('tickets'), 0);
  rig.do(acquire('lock', 2));
  rig.do(acquire('lock', 3));
  equal(rig.do(acquire('lock', 2)), 'done at 7, owns with 5');
  equal(rig.do(acquire('lock', 3)), 'done at 8, waits at 1');
});

test('a queue and a lease have at most so many tickets', () => {
  const rig = new CoordinationRig();
  const many = (count: number, next: (at: number) => Operation) => {
    let last = '';
    for (let at = 0; at < count; at++) last = rig.do(next(at));
    return last;
  };
  const { ticketsOfLockMax, ticketsOfLeaseMax } = COORDINATION_LIMITS;
  const long = (number: number) => lease(number, 3_600_000);
  many(ticketsOfLockMax, (at) => acquire('lock', at, long(10 + Math.floor(at / 1000))));
  equal(rig.do(acquire('lock', 5000, long(1))), 'refused tickets-full at 0');
  equal(rig.do(acquire('lock', 5000, long(1), { isWaiting: false })).slice(-9), 'no ticket');
  const lone = many(ticketsOfLeaseMax + 1, (at) => acquire(`lock ${at}`, 1, long(2)));
  equal(lone, 'refused tickets-full at 0');
  rig.do(endLease(10));
  equal(rig.told.length, 1000, 'of a thousand tickets one owned the lock, and one owns it now');
});

test('the name of a lock is no key', () => {
  const rig = new CoordinationRig();
  const replies = rig.batch([put('lock', '1')], [acquire('lock', 1)]);
  deepEqual(replies, ['done at 2', 'done at 2, owns with 2']);
  equal(rig.shard.value('lock'), '1');
});
