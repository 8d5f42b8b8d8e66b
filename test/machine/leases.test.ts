/** Leases: what keeps them alive, what ends them, and what becomes of the attached keys. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { COORDINATION_LIMITS } from '../../src/base/coordination-limits.ts';
import type { Operation } from '../../src/machine/command.ts';
import { encodePrepare, encodeResolutions } from '../../src/machine/transaction-codec.ts';
import {
  acquire,
  attach,
  CoordinationRig,
  endLease,
  fence,
  known,
  lease,
  TTL,
} from './coordination-rig.ts';
import { append, bytesOf, clientOf, get, put, remove, START, touch } from './machine-rig.ts';

test('an entry ends a lease when its time on the lease clock is over, and not before', () => {
  const rig = new CoordinationRig();
  rig.do(attach('a', '1', lease(7)));
  rig.passSlowly(TTL - 1);
  rig.end(7, ['a']);
  equal(rig.shard.value('a'), '1');
  deepEqual(rig.keep(), []);
  rig.passSlowly(1);
  rig.end(7, ['a']);
  equal(rig.shard.value('a'), undefined);
  equal(rig.rows('attachments'), 0);
});

test('of a silence of the log the lease clock counts three seconds', () => {
  const rig = new CoordinationRig();
  rig.do(attach('a', '1', lease(7)));
  rig.pass(60_000);
  rig.end(7, ['a']);
  equal(rig.shard.value('a'), '1');
  rig.pass(60_000);
  rig.end(7, ['a']);
  equal(rig.shard.value('a'), undefined, 'two gaps are longer than its time to live');
});

test('a keep that is in the log before the end saves the lease', () => {
  const rig = new CoordinationRig();
  rig.do(attach('a', '1', lease(7)));
  rig.passSlowly(TTL);
  deepEqual(rig.keep(7, 8), [8], 'of a lease that the shard does not know it says so');
  rig.end(7, ['a']);
  equal(rig.shard.value('a'), '1');
});

test('no keep and no opening revives a lease that has ended', () => {
  const rig = new CoordinationRig();
  rig.do(attach('a', '1', lease(7)));
  equal(rig.do(endLease(7)), 'done at 3, was there');
  equal(rig.do(endLease(7)), 'done at 4, was not there');
  deepEqual(rig.keep(7), [7]);
  equal(rig.do(attach('b', '1', lease(7))), 'refused lease-ended at 0');
  equal(rig.do(acquire('lock', 1, lease(7))), 'refused lease-ended at 0');
  equal(rig.do(attach('b', '1', known(8))), 'refused lease-ended at 0', 'it was never opened');
});

test('an operation that opens a lease renews one that is alive', () => {
  const rig = new CoordinationRig();
  rig.do(attach('a', '1', lease(7)));
  rig.passSlowly(TTL - 1);
  rig.do(attach('b', '1', lease(7)));
  rig.passSlowly(TTL - 1);
  rig.do(attach('c', '1', known(7)));
  rig.end(7, ['a', 'b', 'c']);
  equal(rig.shard.value('a'), '1');
  rig.passSlowly(1);
  rig.end(7, ['a', 'b', 'c']);
  equal(rig.shard.value('c'), undefined, 'one that does not open it does not renew it');
});

test('a key that was set anew stays when its former lease ends', () => {
  const rig = new CoordinationRig();
  for (const key of ['plain', 'moved', 'again', 'brief']) rig.do(attach(key, '1', lease(7)));
  rig.do(put('plain', '2'));
  rig.do(attach('moved', '2', lease(8)));
  rig.do(put('brief', '2', 60_000));
  rig.do(remove('again'));
  rig.do(put('again', '2'));
  equal(rig.rows('attachments'), 2, 'of a set that does not read the old row the index goes stale');
  rig.do(endLease(7));
  rig.end(7, ['again', 'brief', 'moved', 'plain']);
  deepEqual(
    ['plain', 'moved', 'again', 'brief'].map((key) => rig.shard.value(key)),
    ['2', '2', '2', '2'],
  );
  equal(rig.rows('attachments'), 1);
  deepEqual(rig.leases, [8]);
});

test('a key keeps its lease when it is appended to, and a touch does nothing to it', () => {
  const rig = new CoordinationRig();
  rig.do(attach('a', '1', lease(7)));
  equal(rig.do(append('a', '2')), 'done at 3, 2 bytes');
  equal(rig.do(touch('a', 50)), 'done at 4, was not there');
  equal(rig.do(get('a'), put('b', '')), 'done at 5, 12@3');
  deepEqual(rig.shard.row('a')?.lease, clientOf(7));
  equal(rig.shard.row('a')?.expiresAt, 0);
});

test('the row of a lease stays until a scan behind its end finds no key', () => {
  const rig = new CoordinationRig();
  rig.do(attach('a', '1', lease(7)));
  const seenAt = rig.shard.index;
  rig.do(attach('b', '1', known(7)));
  rig.do(endLease(7));
  rig.end(7, ['a'], { seenAt });
  deepEqual(rig.leases, [7], 'b was attached behind the scan');
  rig.end(7, ['b'], { isLast: false });
  deepEqual(rig.leases, [7]);
  rig.end(7);
  deepEqual(rig.leases, []);
});

/** For how long no operation opens a lease that has ended. */
const KEPT = COORDINATION_LIMITS.tombstoneMilliseconds;

test('no late operation opens a lease that has ended, also when its row is gone', () => {
  const rig = new CoordinationRig();
  rig.do(attach('a', '1', lease(7)));
  rig.do(acquire('lock', 1, lease(8)));
  rig.passSlowly(TTL);
  rig.end(7, ['a']);
  rig.end(8);
  for (const number of [7, 8]) rig.end(number);
  deepEqual([rig.leases, rig.rows('tombstones')], [[], 2]);
  rig.pass(KEPT);
  for (const number of [7, 8]) rig.end(number);
  rig.rebuild();
  equal(rig.do(attach('b', '1', lease(7))), 'refused lease-ended at 0');
  equal(rig.do(acquire('lock', 1, lease(8))), 'refused lease-ended at 0');
  deepEqual(rig.keep(7, 8), [7, 8]);
});

test('a tombstone is forgotten when no operation from before the end can be executed', () => {
  const rig = new CoordinationRig();
  rig.do(endLease(7));
  rig.pass(1);
  rig.do(endLease(8));
  rig.rebuild();
  rig.pass(KEPT);
  deepEqual(rig.tombstonesDue(), [7]);
  rig.end(7);
  rig.end(8);
  equal(rig.rows('tombstones'), 1);
  deepEqual(rig.tombstonesDue(), []);
  rig.pass(1);
  deepEqual(rig.tombstonesDue(), [8]);
  rig.end(8);
  equal(rig.rows('tombstones'), 0);
});

test('the end of a lease is final, also in a shard that does not have it yet', () => {
  const rig = new CoordinationRig();
  equal(rig.do(endLease(7)), 'done at 2, was not there');
  equal(rig.do(endLease(7)), 'done at 3, was not there');
  equal(rig.do(attach('a', '1', lease(7))), 'refused lease-ended at 0');
  prepare(rig, attach('a', '1', lease(7)));
  deepEqual([rig.leases, rig.rows('prepared')], [[], 0]);
});

test('a command that fails opens no lease', () => {
  const rig = new CoordinationRig();
  rig.do(put('taken', '1'));
  const absent = { type: 'check-presence', key: bytesOf('taken'), isThere: false } as const;
  rig.do(absent, attach('a', '1', lease(7)));
  rig.do(attach('a', '1', lease(8)), attach('b', '1', known(9)));
  deepEqual(rig.leases, []);
  equal(rig.do(attach('a', '1', lease(8)), attach('b', '1', known(8))), 'done at 5');
  deepEqual(rig.leases, [8]);
});

const ID = { home: 77, client: clientOf(2), sequence: 20 };
const DEADLINE = START + 10_000;

function prepare(rig: CoordinationRig, ...operations: readonly Operation[]): void {
  const participants = [77, 78].map((position) => ({ position, deadline: DEADLINE }));
  const bytes = encodePrepare({ id: ID, attempts: 0, age: 5, participants, at: 1, operations });
  rig.entry({ type: 'prepare', bytes });
}

function resolve(rig: CoordinationRig, isCommitted: boolean): void {
  const bytes = encodeResolutions([{ id: ID, isCommitted, deadline: DEADLINE }]);
  rig.entry({ type: 'resolve', bytes });
}

test('a prepared part opens its lease at once, and leaves no key of one that has ended', () => {
  const rig = new CoordinationRig();
  rig.do(put('a', 'before'));
  prepare(rig, attach('a', '1', lease(7)));
  deepEqual(rig.leases, [7]);
  rig.do(endLease(7));
  rig.end(7);
  rig.end(7);
  deepEqual(rig.leases, [], 'no key is attached to it yet');
  resolve(rig, true);
  equal(rig.shard.value('a'), undefined);
  deepEqual([rig.leases, rig.rows('attachments')], [[], 0]);
});

test('a key that a transaction holds stays until it is resolved', () => {
  const rig = new CoordinationRig();
  rig.do(attach('a', '1', lease(7)));
  prepare(rig, put('a', '2'));
  rig.do(endLease(7));
  rig.end(7, ['a']);
  rig.end(7, ['a']);
  deepEqual([rig.leases, rig.rows('attachments')], [[7], 1]);
  resolve(rig, false);
  rig.end(7, ['a']);
  deepEqual([rig.leases, rig.rows('values')], [[], 0]);
});

/** Commands that open a lease each. */
function open(from: number, count: number): readonly Operation[][] {
  return idsFrom(from, count).map((id, at) => {
    return [attach(`key ${from + at}`, '', { ...lease(0, 3_600_000), id })];
  });
}

function idsFrom(from: number, count: number): readonly Uint8Array[] {
  return Array.from({ length: count }, (_, at) => {
    const id = clientOf(0);
    const number = from + at;
    id.set([number >>> 16, number >>> 8, number]);
    return id;
  });
}

test('no more leases are opened than a shard keeps, whatever is alive is renewed', () => {
  const rig = new CoordinationRig();
  for (let from = 0; from < COORDINATION_LIMITS.leasesMax; from += 1024)
    rig.batch(...open(from, 1024));
  equal(rig.rows('leases'), COORDINATION_LIMITS.leasesMax);
  equal(rig.do(attach('more', '', { ...lease(0), id: clientOf(200) })), 'refused leases-full at 0');
  rig.rebuild();
  equal(rig.do(acquire('lock', 1, { ...lease(0), id: clientOf(200) })), 'refused leases-full at 0');
  equal(rig.batch(...open(5, 1))[0], `done at ${rig.shard.index}`);
  equal(rig.do(fence('lock', 1)), `done at ${rig.shard.index}`);
});

test('a shard opens no lease whose end it could not remember', () => {
  const rig = new CoordinationRig();
  const { leaseIdsMax, keptLeasesMax } = COORDINATION_LIMITS;
  rig.do(attach('a', '1', lease(7, 3_600_000)));
  for (let from = 0; from < leaseIdsMax; from += 1024) {
    const ids = idsFrom(from, Math.min(1024, leaseIdsMax - 1 - from));
    rig.batch(...ids.map((id) => [{ type: 'end-lease', key: bytesOf('any'), lease: id } as const]));
  }
  equal(rig.rows('tombstones'), leaseIdsMax - 1);
  equal(rig.do(attach('b', '1', lease(8))), 'refused leases-full at 0');
  equal(rig.do(endLease(8)), 'refused leases-full at 0');
  equal(rig.do(endLease(7)), `done at ${rig.shard.index}, was there`);
  rig.rebuild();
  rig.end(7, ['a']);
  rig.end(7);
  equal(rig.rows('tombstones'), leaseIdsMax);
  equal(rig.do(attach('b', '1', lease(8))), 'refused leases-full at 0');
  rig.pass(KEPT + 1);
  const ends = idsFrom(0, keptLeasesMax).map((id) => {
    return { lease: id, seenAt: 0, isLast: false, keys: [] };
  });
  rig.entry({ type: 'end-leases', ends });
  equal(rig.do(attach('b', '1', lease(8))), `done at ${rig.shard.index}`);
});
