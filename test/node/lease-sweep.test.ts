/** Leases end by the leader's sweep: neither early nor late, with their tickets and their keys. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { COORDINATION_LIMITS } from '../../src/base/coordination-limits.ts';
import { MACHINE_LIMITS } from '../../src/base/limits.ts';
import { NODE_LIMITS } from '../../src/base/node-limits.ts';
import type { Operation } from '../../src/machine/command.ts';
import { decodeEntry, type EntryBody, type LeaseEnd } from '../../src/machine/entry.ts';
import { acquire, attach, endLease, fence, known, lease } from '../machine/coordination-rig.ts';
import { clientOf, put } from '../machine/machine-rig.ts';
import { saidOf } from '../shard/lock-rig.ts';
import { LeaseRig } from './lease-rig.ts';

const TTL = 5000;
const MINUTE = 60_000;
/** The sweep, its entry, and a tick. */
const SLACK = NODE_LIMITS.leaseSweepMilliseconds + 100;

function entriesIn(rig: LeaseRig): readonly EntryBody[] {
  return [...rig.lock.rig.entries.values()].flatMap((entry) => {
    const decoded = entry.kind === 'command' ? decodeEntry(entry.payload) : undefined;
    return typeof decoded === 'object' ? [decoded] : [];
  });
}

function endsIn(rig: LeaseRig): readonly (readonly LeaseEnd[])[] {
  return entriesIn(rig).flatMap((body) => (body.type === 'end-leases' ? [body.ends] : []));
}

test('a lease that no request keeps alive ends with its keys, and is forgotten', () => {
  const rig = new LeaseRig();
  rig.lock.do(attach('one', 'v', lease(1, TTL)), attach('two', 'v', lease(1, TTL)));
  rig.lock.do(put('other', 'v'));
  rig.lock.pass(TTL - 100);
  deepEqual([rig.lock.alive, rig.keys], [[1], ['one', 'other', 'two']]);
  rig.lock.pass(100 + SLACK);
  deepEqual([rig.lock.alive, rig.keys], [[], ['other']]);
  rig.lock.pass(SLACK);
  equal(rig.lock.machine.coordination.leases.size, 0);
  deepEqual([rig.keysIn('leases'), rig.keysIn('attachments')], [[], []]);
  equal(rig.sweep.expired, 1);
});

test('tombstones are forgotten when they are not needed, many with an entry', () => {
  const rig = new LeaseRig();
  const { tombstones } = rig.lock.machine.coordination;
  const { tombstoneMilliseconds } = COORDINATION_LIMITS;
  for (const id of [1, 2]) {
    rig.lock.do(attach('one', 'v', lease(id, TTL)));
    rig.lock.do(endLease(id));
    rig.lock.pass(20_000);
  }
  equal(tombstones.size, 2);
  const { length } = endsIn(rig);
  rig.lock.pass(tombstoneMilliseconds);
  equal(tombstones.size, 2);
  rig.lock.pass(NODE_LIMITS.tombstoneDelayMilliseconds);
  deepEqual([tombstones.size, rig.keysIn('tombstones')], [0, []]);
  equal(endsIn(rig).length, length + 1);
});

test('thousands of tombstones go in several entries', () => {
  const rig = new LeaseRig();
  const { keptLeasesMax, tombstoneMilliseconds } = COORDINATION_LIMITS;
  const count = 2 * keptLeasesMax + 10;
  for (let at = 0; at < count; at++) {
    const id = clientOf(0);
    id.set([at >>> 8, at]);
    rig.lock.do({ ...endLease(1), lease: id } as Operation);
  }
  rig.lock.pass(tombstoneMilliseconds + NODE_LIMITS.tombstoneDelayMilliseconds + 2000);
  equal(rig.lock.machine.coordination.tombstones.size, 0);
});

test('a lease that is kept alive stays, however long', () => {
  const rig = new LeaseRig();
  rig.lock.do(attach('one', 'v', lease(1, TTL)));
  for (let at = 0; at < 20; at++) {
    rig.lock.keep([1]);
    rig.lock.pass(TTL / 2);
  }
  deepEqual([rig.lock.alive, rig.keys], [[1], ['one']]);
});

test('while nothing happens the leader stamps the time, and ends nothing early', () => {
  const rig = new LeaseRig();
  rig.lock.do(attach('one', 'v', lease(1, MINUTE)));
  rig.lock.pass(MINUTE - 500);
  deepEqual(rig.lock.alive, [1]);
  rig.lock.pass(500 + SLACK);
  deepEqual(rig.lock.alive, []);
  const stamps = entriesIn(rig).filter(({ type }) => type === 'expire').length;
  ok(stamps >= MINUTE / NODE_LIMITS.timeStampMilliseconds - 1, `${stamps} stamps`);
  ok(stamps <= MINUTE / NODE_LIMITS.timeStampMilliseconds + 2, `${stamps} stamps`);
  const { length } = [...rig.lock.rig.entries.values()];
  rig.lock.pass(MINUTE);
  ok([...rig.lock.rig.entries.values()].length <= length + 2, 'without leases nothing is stamped');
});

test('while the log stands still leases lose three seconds, however long that is', () => {
  const rig = new LeaseRig();
  const ttl = 15_000;
  rig.lock.do(attach('one', 'v', lease(1, ttl)));
  rig.lock.rig.isLogStuck = true;
  rig.lock.pass(10 * MINUTE);
  rig.lock.rig.isLogStuck = false;
  rig.lock.pass(1000);
  deepEqual(rig.lock.alive, [1]);
  rig.lock.pass(ttl - COORDINATION_LIMITS.leaseStepMillisecondsMax);
  deepEqual(rig.lock.alive, []);
});

test('a keepalive that waits for the disk saves its lease', () => {
  const rig = new LeaseRig();
  rig.lock.do(attach('one', 'v', lease(1, 15_000)));
  rig.lock.pass(15_000 - 400);
  rig.lock.rig.isLogStuck = true;
  const kept = rig.lock.keep([1]);
  rig.lock.pass(MINUTE);
  rig.lock.rig.isLogStuck = false;
  rig.lock.pass(1000);
  equal(saidOf(kept), 'kept, ended none');
  deepEqual([rig.lock.alive, rig.keys], [[1], ['one']]);
});

test('a keepalive that waits for the entry of earlier ones saves its lease', () => {
  const rig = new LeaseRig();
  for (const id of [1, 2]) rig.lock.do(attach(`k${id}`, 'v', lease(id, 15_000)));
  rig.lock.pass(14_000);
  rig.lock.rig.isLogStuck = true;
  rig.lock.keep([2]);
  rig.lock.pass(200);
  const kept = rig.lock.keep([1]);
  rig.lock.pass(MINUTE);
  rig.lock.rig.isLogStuck = false;
  rig.lock.pass(1000);
  equal(saidOf(kept), 'kept, ended none');
  deepEqual(rig.lock.alive, [1, 2]);
});

test('a keepalive that has arrived and is not decoded yet saves its lease', () => {
  const rig = new LeaseRig();
  rig.lock.do(attach('one', 'v', lease(1, TTL)));
  rig.lock.pass(TTL - 300);
  rig.hasUndecoded = true;
  rig.lock.pass(700);
  const kept = rig.lock.keep([1]);
  rig.hasUndecoded = false;
  rig.lock.pass(1000);
  equal(saidOf(kept), 'kept, ended none');
  deepEqual(rig.lock.alive, [1]);
});

test('a node that is never done with its requests ends leases all the same', () => {
  const rig = new LeaseRig();
  rig.lock.do(attach('one', 'v', lease(1, TTL)));
  rig.hasUndecoded = true;
  rig.lock.pass(TTL + NODE_LIMITS.leaseSweepDelayMilliseconds + SLACK);
  deepEqual(rig.lock.alive, []);
});

test('a keepalive that comes behind the end on its way is too late, and is told so', () => {
  const rig = new LeaseRig();
  rig.lock.do(attach('one', 'v', lease(1, TTL)));
  rig.lock.pass(TTL - 40);
  rig.lock.rig.isLogStuck = true;
  rig.lock.pass(SLACK);
  const kept = rig.lock.keep([1]);
  rig.lock.rig.isLogStuck = false;
  rig.lock.pass(1000);
  equal(saidOf(kept), 'kept, ended 1');
  deepEqual(rig.keys, []);
});

test('a lock is handed over when the lease of its owner ends', () => {
  const rig = new LeaseRig();
  rig.lock.do(acquire('cron', 1, lease(1, TTL)));
  rig.lock.do(acquire('cron', 2, lease(2, MINUTE)));
  const wait = rig.lock.await('cron', 2);
  rig.lock.pass(TTL - 100);
  equal(saidOf(wait), 'nothing yet');
  rig.lock.pass(100 + SLACK);
  equal(saidOf(wait).slice(0, 4), 'owns');
});

test('a lease that its client ends loses its keys soon', () => {
  const rig = new LeaseRig();
  rig.lock.do(attach('one', 'v', lease(1, MINUTE)));
  rig.lock.do(endLease(1));
  rig.lock.pass(SLACK);
  deepEqual([rig.keys, rig.lock.machine.coordination.leases.size], [[], 0]);
  equal(rig.sweep.expired, 0, 'its time was not over');
});

test('thousands of keys go in several entries, and their lease when the last has gone', () => {
  const rig = new LeaseRig();
  const count = 2 * MACHINE_LIMITS.sweepKeysMax + 100;
  for (let at = 0; at < count; at++) rig.lock.do(attach(`k${at}`, 'v', lease(1, MINUTE)));
  rig.lock.do(endLease(1));
  rig.lock.pass(2000);
  deepEqual([rig.keys, rig.lock.machine.coordination.leases.size], [[], 0]);
  for (const ends of endsIn(rig)) {
    const keys = ends.flatMap((end) => end.keys);
    ok(keys.length <= MACHINE_LIMITS.sweepKeysMax);
  }
});

test('large keys go in entries within the bound of their bytes', () => {
  const rig = new LeaseRig();
  const long = 'x'.repeat(MACHINE_LIMITS.keyBytesMax - 10);
  const count = 3 * Math.ceil(MACHINE_LIMITS.sweepBytesMax / long.length);
  for (let at = 0; at < count; at++) {
    const id = 1 + (at % 2);
    rig.lock.do(attach(`${long}${at}`, 'v', lease(id, MINUTE)));
  }
  rig.lock.do(endLease(1));
  rig.lock.do(endLease(2));
  rig.lock.pass(2000);
  deepEqual([rig.keys, rig.lock.machine.coordination.leases.size], [[], 0]);
});

test('hundreds of leases end together, and those that live keep their keys', () => {
  const rig = new LeaseRig();
  for (let at = 1; at < 250; at++) rig.lock.do(attach(`k${at}`, 'v', lease(at, 15_000)));
  rig.lock.do(attach('kept', 'v', lease(250, MINUTE)));
  rig.lock.pass(15_000 + SLACK);
  deepEqual(rig.lock.alive, [250]);
  // One read of the disk a turn, for each of them.
  rig.lock.pass(5000);
  deepEqual([rig.keys, rig.lock.machine.coordination.leases.size], [['kept'], 1]);
});

test('a key that a transaction holds stays until it is released, and delays no other', () => {
  const rig = new LeaseRig();
  rig.lock.do(attach('a', 'v', lease(1, MINUTE)), attach('b', 'v', lease(1, MINUTE)));
  rig.lock.do(attach('c', 'v', lease(2, MINUTE)));
  rig.hold(5, put('a', 'new'));
  rig.lock.do(endLease(1));
  rig.lock.do(endLease(2));
  rig.lock.pass(1000);
  deepEqual([rig.keys, rig.lock.machine.coordination.leases.size], [['a'], 1]);
  const { length } = [...rig.lock.rig.entries.values()];
  rig.lock.pass(MINUTE);
  const more = [...rig.lock.rig.entries.values()].length - length;
  ok(more <= MINUTE / NODE_LIMITS.timeStampMilliseconds + 2, `${more} entries while it is held`);
  rig.letGo(5, { isCommitted: false });
  rig.lock.pass(1000);
  deepEqual([rig.keys, rig.lock.machine.coordination.leases.size], [[], 0]);
});

test('many leases whose keys are held keep no other one from its end', () => {
  const rig = new LeaseRig();
  const count = NODE_LIMITS.detachedLeasesMax + 20;
  const names = Array.from({ length: count }, (_, at) => `k${String(at).padStart(3, '0')}`);
  names.forEach((name, at) => void rig.lock.do(attach(name, 'v', lease(1 + at, MINUTE))));
  rig.lock.do(attach('z', 'v', lease(1 + count, MINUTE)));
  rig.hold(5, ...names.map((name) => put(name, 'new')));
  for (let id = 1; id <= count + 1; id++) rig.lock.do(endLease(id));
  rig.lock.pass(1000);
  deepEqual(rig.keys, names);
  rig.letGo(5, { isCommitted: false });
  rig.lock.pass(2000);
  deepEqual([rig.keys, rig.lock.machine.coordination.leases.size], [[], 0]);
});

test('keys behind more held ones than an entry names are reached', () => {
  const rig = new LeaseRig();
  const held = MACHINE_LIMITS.sweepKeysMax + 200;
  const names = Array.from({ length: held }, (_, at) => `k${String(at).padStart(5, '0')}`);
  for (const name of names) rig.lock.do(attach(name, 'v', lease(1, MINUTE)));
  rig.lock.do(attach('z', 'v', lease(1, MINUTE)));
  rig.hold(5, ...names.map((name) => put(name, 'new')));
  rig.lock.do(endLease(1));
  rig.lock.pass(2000);
  equal(rig.keys.includes('z'), false);
  equal(rig.keys.length, held);
  rig.letGo(5, { isCommitted: false });
  rig.lock.pass(3000);
  deepEqual([rig.keys, rig.lock.machine.coordination.leases.size], [[], 0]);
});

test('a key that was set anew without the lease stays', () => {
  const rig = new LeaseRig();
  rig.lock.do(attach('one', 'v', lease(1, TTL)), attach('two', 'v', lease(1, TTL)));
  rig.lock.do(put('one', 'mine'));
  rig.lock.pass(TTL + 2 * SLACK);
  deepEqual([rig.keys, rig.lock.machine.coordination.leases.size], [['one'], 0]);
});

test('a lease that has ended takes no key', () => {
  const rig = new LeaseRig();
  rig.lock.do(attach('one', 'v', lease(1, TTL)));
  rig.lock.pass(TTL + SLACK);
  equal(rig.lock.do(attach('late', 'v', known(1))), 'refused lease-ended');
});

test('on a full disk leases end as ever', () => {
  const rig = new LeaseRig();
  rig.lock.do(attach('one', 'v', lease(1, 15_000)));
  rig.isReadOnly = true;
  rig.lock.pass(15_000 - 100);
  deepEqual(rig.lock.alive, [1]);
  rig.lock.pass(100 + 2 * SLACK);
  deepEqual([rig.lock.alive, rig.keys], [[], []]);
});

test('while no view of the store is left the keys wait', () => {
  const rig = new LeaseRig();
  rig.lock.do(attach('one', 'v', lease(1, MINUTE)));
  rig.lock.do(endLease(1));
  rig.hasViews = false;
  rig.lock.pass(1000);
  deepEqual(rig.keys, ['one']);
  rig.hasViews = true;
  rig.lock.pass(SLACK);
  deepEqual(rig.keys, []);
});

test('the tokens of names without a guarded write for a week are forgotten, later ones not', () => {
  const rig = new LeaseRig();
  rig.lock.do(fence('old', 3));
  rig.lock.do(attach('alive', 'v', lease(1, 3_600_000)));
  const days = COORDINATION_LIMITS.fenceKeepMilliseconds / (24 * 3_600_000);
  const sweeps = days * 24 + 3;
  for (let hour = 0; hour < sweeps; hour++) {
    if (hour === sweeps - 10) rig.lock.do(fence('young', 4));
    rig.lock.rig.now += NODE_LIMITS.fenceSweepMilliseconds;
    rig.lock.keep([1]);
    rig.lock.pass(400);
  }
  equal(rig.lock.machine.coordination.fences.highest(new TextEncoder().encode('old')), 0);
  equal(rig.lock.machine.coordination.fences.highest(new TextEncoder().encode('young')), 4);
});

test('leases are ended in the order of their ids, each named once in an entry', () => {
  const rig = new LeaseRig();
  for (const id of [9, 3, 7]) rig.lock.do(attach(`k${id}`, 'v', lease(id, TTL)));
  rig.lock.pass(TTL + SLACK);
  const [first] = endsIn(rig);
  deepEqual(
    first?.map((end) => end.lease),
    [3, 7, 9].map(clientOf),
  );
});
