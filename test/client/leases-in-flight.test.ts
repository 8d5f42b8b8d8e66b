/** Leases that end while operations that open them are on their way. */

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { decodeBatch } from '../../src/machine/batch.ts';
import type { Request } from '../../src/wire/request.ts';
import { LockRig } from './model/lock-rig.ts';

/** Keys and names of locks in one shard, and in the other. */
const HERE = 'red';
const ALSO_HERE = 'green';
const THERE = 'blue';
const HOUR = 3_600_000;

function does(request: Request, what: string): boolean {
  if (request.type === 'transact') return what === 'transact';
  if (request.type !== 'write') return false;
  const commands = decodeBatch(request.batch)?.commands ?? [];
  return commands.some((command) => command.some(({ type }) => type === what));
}

test('a lease that is released while its first key is on its way ends in that shard', () => {
  for (const late of [300, 3000]) {
    const rig = new LockRig();
    const ada = rig.client();
    const lease = rig.lease(ada, HOUR);
    rig.onRequest = (request) => (does(request, 'set') ? late : 'pass');
    const set = rig.attach(ada, [HERE], lease);
    rig.pass(100);
    const released = rig.end(ada, lease);
    rig.pass(100);
    equal(released.told, 'leases-ended', 'the end has overtaken the key');
    rig.pass(late);
    equal(set.told, 'lease-ended notApplied');
    deepEqual(rig.shardOf(HERE).left, { leases: 0, tickets: 0 });
  }
});

test('a lease that is released after its first key has come, and before the answer, ends', () => {
  const rig = new LockRig();
  const ada = rig.client();
  const lease = rig.lease(ada, HOUR);
  rig.onResponse = (_, request) => (does(request, 'set') ? 'drop' : 'pass');
  rig.attach(ada, [HERE], lease);
  rig.pass(100);
  equal(rig.shardOf(HERE).left.leases, 1);
  const released = rig.end(ada, lease);
  rig.pass(500);
  equal(released.told, 'leases-ended');
  deepEqual(rig.shardOf(HERE).left, { leases: 0, tickets: 0 });
});

test('a lease that is released in the turn in which its first key is set ends in its shard', () => {
  const rig = new LockRig();
  const ada = rig.client();
  const lease = rig.lease(ada, HOUR);
  rig.attach(ada, [HERE, THERE], lease);
  const released = rig.end(ada, lease);
  rig.pass(1000);
  equal(released.told, 'leases-ended');
  for (const key of [HERE, THERE]) deepEqual(rig.shardOf(key).left, { leases: 0, tickets: 0 });
});

test('a lease that is released while a lock under it is on its way leaves no ticket', () => {
  const rig = new LockRig();
  const ada = rig.client();
  const lease = rig.lease(ada, HOUR);
  rig.onRequest = (request) => (does(request, 'acquire') ? 300 : 'pass');
  const lock = rig.lock(ada, HERE, { lease });
  rig.pass(100);
  const released = rig.end(ada, lease);
  rig.pass(900);
  deepEqual([lock.told, released.told], ['lease-ended', 'leases-ended']);
  rig.pass(300);
  deepEqual(rig.shardOf(HERE).left, { leases: 0, tickets: 0 });
});

test('a release waits for what is still to be sent, and no longer than its timeout', () => {
  const rig = new LockRig();
  const ada = rig.client();
  const lease = rig.lease(ada, HOUR);
  const { shard } = rig.shardOf(HERE);
  rig.write(ada, { command: [{ type: 'delete', key: Buffer.from(THERE) }] });
  rig.pass(100);
  // Its shard does not even tell its log time.
  rig.onRequest = (request) => ('shard' in request && request.shard === shard ? 'drop' : 'pass');
  rig.attach(ada, [HERE], lease);
  rig.pass(100);
  const released = rig.end(ada, lease, 1000);
  rig.pass(900);
  equal(released.told, '');
  rig.pass(200);
  equal(released.told, 'timeout notApplied');
  rig.onRequest = () => 'pass';
  rig.pass(8000);
  deepEqual(rig.shardOf(HERE).left, { leases: 0, tickets: 0 });
  equal(ada.core.isBusy, false);
});

test('a shard without a leader is asked to end the lease until it has done so', () => {
  const rig = new LockRig();
  const ada = rig.client();
  const lease = rig.lease(ada, HOUR);
  rig.attach(ada, [HERE], lease);
  rig.pass(100);
  rig.onRequest = () => 'drop';
  const released = rig.end(ada, lease, 1000);
  rig.pass(90_000);
  equal(released.told, 'timeout unknown');
  rig.onRequest = () => 'pass';
  ada.breakNode(1);
  ada.breakNode(2);
  rig.pass(65_000);
  deepEqual(rig.shardOf(HERE).left, { leases: 0, tickets: 0 });
  equal(ada.core.isBusy, false);
});

test('a revoked lease with a long time to live ends in the other shards', () => {
  const rig = new LockRig();
  const ada = rig.client();
  const lease = rig.lease(ada, 10_000);
  const long = rig.lease(ada, HOUR);
  for (const one of [lease, long]) rig.attach(ada, [HERE, THERE], one);
  rig.pass(200);
  rig.revoke(rig.shardOf(HERE).shard, long.id);
  rig.attach(ada, [ALSO_HERE], long);
  rig.pass(1000);
  equal(long.endReason, 'revoked');
  equal(rig.shardOf(THERE).isAlive(long.id), false);
  equal(lease.state, 'held');
});

test('a lock with a long time to live is waited for longer than a deadline may be far', () => {
  const rig = new LockRig();
  const [ada, bo] = [rig.client(), rig.client()];
  const first = rig.lock(ada, HERE);
  rig.pass(100);
  const about = { waitMilliseconds: HOUR, timeoutMilliseconds: HOUR, ttlMilliseconds: HOUR };
  const second = rig.lock(bo, HERE, about);
  rig.pass(500);
  deepEqual(second.positions, [1]);
  rig.release(ada, first);
  rig.pass(200);
  match(second.told, /^token/);
});

test('a client that ends all its leases waits for those that it is ending already', () => {
  const rig = new LockRig();
  const ada = rig.client();
  const [first, second] = [rig.lease(ada, HOUR), rig.lease(ada, HOUR)];
  rig.attach(ada, [HERE], first);
  rig.pass(100);
  rig.onRequest = (request) => (does(request, 'end-lease') || does(request, 'set') ? 300 : 'pass');
  const released = rig.end(ada, first);
  rig.attach(ada, [THERE], second);
  rig.pass(50);
  const all = rig.end(ada, undefined, 1000);
  rig.pass(200);
  deepEqual([released.told, all.told], ['', '']);
  rig.pass(700);
  deepEqual([released.told, all.told], ['leases-ended', 'leases-ended']);
  for (const key of [HERE, THERE]) equal(rig.shardOf(key).left.leases, 0);
});

test('a client that ends all its leases waits no longer than it is told', () => {
  const rig = new LockRig();
  const ada = rig.client();
  const lease = rig.lease(ada, HOUR);
  rig.onRequest = (request) => (does(request, 'end-lease') ? 3000 : 'pass');
  rig.attach(ada, [HERE], lease);
  rig.pass(100);
  rig.end(ada, lease, 60_000);
  rig.pass(100);
  const all = rig.end(ada, undefined, 1000);
  rig.pass(900);
  equal(all.told, '');
  rig.pass(200);
  equal(all.told, 'leases-ended');
});

test('hundreds of locks that are on their way when all leases end leave nothing', () => {
  const rig = new LockRig();
  const ada = rig.client();
  rig.onRequest = (request) => (does(request, 'acquire') ? 200 : 'pass');
  const locks = Array.from({ length: 700 }, (_, at) => rig.lock(ada, `lock ${at}`));
  rig.pass(100);
  const all = rig.end(ada, undefined, 1000);
  rig.pass(900);
  equal(all.told, 'leases-ended');
  ok(locks.every(({ told }) => told === 'closed'));
  for (const key of [HERE, THERE]) deepEqual(rig.shardOf(key).left, { leases: 0, tickets: 0 });
});
