/** Leases and locks of a client, sentence by sentence. */

import { deepEqual, equal, match, notEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../src/base/random.ts';
import { Connection, Connections } from '../../src/client/core/connections.ts';
import { Outage } from '../../src/client/core/outage.ts';
import { CLIENT_LIMITS } from '../../src/client/limits.ts';
import { decodeBatch } from '../../src/machine/batch.ts';
import { encodeReply } from '../../src/machine/reply.ts';
import type { Request } from '../../src/wire/request.ts';
import { LockRig } from './model/lock-rig.ts';

/** Keys and names of locks in one shard, and in the other. */
const HERE = 'red';
const ALSO_HERE = 'green';
const THERE = 'blue';

/** Whether it asks for a ticket. */
function isAcquire(request: Request): boolean {
  return operationsOf(request).includes('acquire');
}

function operationsOf(request: Request): readonly string[] {
  if (request.type !== 'write') return [];
  const commands = decodeBatch(request.batch)?.commands ?? [];
  return commands.flatMap((command) => command.map(({ type }) => type));
}

test('a free lock is granted with the first answer, and passes to the next in the queue', () => {
  const rig = new LockRig();
  const [ada, bo, cy] = [rig.client(), rig.client(), rig.client()];
  const first = rig.lock(ada, HERE);
  rig.pass(100);
  match(first.told, /^token \d+$/);
  const second = rig.lock(bo, HERE);
  rig.pass(100);
  const third = rig.lock(cy, HERE);
  rig.pass(1000);
  deepEqual([second.told, second.positions, third.positions], ['', [1], [2]]);
  equal(rig.release(ada, first).told, '');
  rig.pass(100);
  match(second.told, /^token \d+$/);
  equal(third.told, '');
  ok((second.lock?.fence ?? 0) > (first.lock?.fence ?? 0), 'tokens grow from owner to owner');
});

test('a call that does not wait is told at once that the lock is owned', () => {
  const rig = new LockRig();
  const first = rig.lock(rig.client(), HERE);
  rig.pass(100);
  const second = rig.lock(rig.client(), HERE, { waitMilliseconds: 0 });
  rig.pass(100);
  equal(second.told, 'lock-unavailable');
  equal(first.lock?.loss, undefined);
});

test('a call whose wait is over leaves the queue', () => {
  const rig = new LockRig();
  const [ada, bo, cy] = [rig.client(), rig.client(), rig.client()];
  const first = rig.lock(ada, HERE);
  rig.pass(100);
  const second = rig.lock(bo, HERE, { waitMilliseconds: 500 });
  rig.pass(100);
  const third = rig.lock(cy, HERE);
  rig.pass(600);
  equal(second.told, 'lock-unavailable');
  rig.release(ada, first);
  rig.pass(200);
  match(third.told, /^token/);
});

test('a lock is kept for as long as its client lives, and is free soon after it died', () => {
  const rig = new LockRig();
  const [ada, bo] = [rig.client(), rig.client()];
  const first = rig.lock(ada, HERE);
  rig.pass(60_000);
  equal(first.lock?.loss, undefined);
  const second = rig.lock(bo, HERE);
  rig.pass(100);
  ada.hold(1_000_000);
  const heldAt = rig.now;
  while (second.told === '' && rig.now < heldAt + 30_000) rig.pass(100);
  match(second.told, /^token/);
  ok(rig.now - heldAt <= 4000 + 500, `handed over after ${rig.now - heldAt} ms`);
});

test('a client whose loop was held loses its lock before it does anything else', () => {
  const rig = new LockRig();
  const ada = rig.client();
  const first = rig.lock(ada, HERE);
  rig.pass(100);
  ada.hold(3500);
  rig.pass(3500);
  ada.observe();
  equal(first.lock?.loss, 'unsure');
});

test('time in which the machine was suspended counts', () => {
  const rig = new LockRig();
  const ada = rig.client();
  const first = rig.lock(ada, HERE);
  rig.pass(100);
  ada.suspend(3500);
  rig.pass(3500);
  ada.observe();
  equal(first.lock?.loss, 'unsure');
});

test('a wall clock that is set back hides nothing', () => {
  const rig = new LockRig();
  const ada = rig.client();
  const first = rig.lock(ada, HERE);
  rig.pass(100);
  ada.setWall(-3_600_000);
  ada.suspend(3500);
  rig.pass(3500);
  ada.observe();
  equal(first.lock?.loss, 'unsure');
});

test('a grant to a lease that is not held is given back, and the call queues anew', () => {
  const rig = new LockRig();
  const [ada, bo, cy] = [rig.client(), rig.client(), rig.client()];
  rig.isSweeping = false;
  const first = rig.lock(ada, HERE);
  rig.pass(100);
  const second = rig.lock(bo, HERE);
  rig.pass(100);
  const third = rig.lock(cy, HERE);
  rig.pass(100);
  bo.hold(3800);
  rig.release(ada, first);
  rig.pass(4500);
  match(third.told, /^token/);
  equal(second.told, '');
  rig.release(cy, third);
  rig.pass(1000);
  match(second.told, /^token/);
});

test('a lock that was lost is given back, although its lease is held again', () => {
  const rig = new LockRig();
  rig.isSweeping = false;
  const [ada, bo] = [rig.client(), rig.client()];
  const lease = rig.lease(ada);
  const first = rig.lock(ada, HERE, { lease });
  rig.pass(100);
  ada.hold(3500);
  rig.pass(4500);
  deepEqual([first.lock?.loss, lease.state], ['unsure', 'held']);
  const second = rig.lock(bo, HERE, { waitMilliseconds: 0 });
  rig.pass(100);
  match(second.told, /^token/);
});

test('a lease that an administrator ends in one shard ends everywhere, with its locks', () => {
  const rig = new LockRig();
  const ada = rig.client();
  const lease = rig.lease(ada);
  rig.attach(ada, [HERE, THERE], lease);
  const first = rig.lock(ada, HERE, { lease });
  rig.pass(200);
  equal(rig.shardOf(THERE).isAlive(lease.id), true);
  rig.revoke(rig.shardOf(HERE).shard, lease.id);
  rig.pass(1200);
  deepEqual([lease.state, lease.endReason, first.lock?.loss], ['ended', 'revoked', 'ended']);
  equal(rig.shardOf(THERE).isAlive(lease.id), false);
});

test('an operation does not open a lease again that has ended in its shard', () => {
  const rig = new LockRig();
  const ada = rig.client();
  const lease = rig.lease(ada, 60_000);
  rig.attach(ada, [HERE], lease);
  rig.pass(300);
  rig.revoke(rig.shardOf(HERE).shard, lease.id);
  rig.pass(300);
  equal(rig.shardOf(HERE).left.leases, 0);
  const again = rig.attach(ada, [ALSO_HERE], lease);
  rig.pass(100);
  equal(again.told, 'lease-ended notApplied');
  equal(lease.state, 'ended');
  const later = rig.attach(ada, [ALSO_HERE], lease);
  equal(later.told, 'lease-ended notApplied');
});

/** The keys and the names of locks of its commands. */
function keysOf(request: Request): readonly string[] {
  if (request.type !== 'write') return [];
  const commands = decodeBatch(request.batch)?.commands ?? [];
  return commands.flatMap((command) => command.map(({ key }) => Buffer.from(key).toString()));
}

for (const late of ['a write', 'the request for another lock'] as const) {
  test(`a lock has one owner, though ${late} is on its way when its lease is revoked`, () => {
    const rig = new LockRig();
    const [ada, bo] = [rig.client(), rig.client()];
    rig.onRequest = (request) => (keysOf(request).includes(ALSO_HERE) ? 1200 : 'pass');
    const lease = rig.lease(ada, 15_000);
    if (late === 'a write') rig.attach(ada, [ALSO_HERE], lease);
    else rig.lock(ada, ALSO_HERE, { lease });
    rig.pass(20);
    const first = rig.lock(ada, HERE, { lease });
    rig.pass(100);
    match(first.told, /^token/);
    const second = rig.lock(bo, HERE);
    rig.pass(100);
    rig.revoke(rig.shardOf(HERE).shard, lease.id);
    rig.pass(5000);
    match(second.told, /^token/);
    deepEqual([first.lock?.loss, second.lock?.loss], ['ended', undefined]);
    equal(rig.shardOf(HERE).isAlive(lease.id), false);
  });
}

test('a repeated request proves a lease from its first copy on', () => {
  const rig = new LockRig();
  const ada = rig.client();
  const lease = rig.lease(ada);
  rig.pass(100);
  // The first answer is lost with its connection; the second copy gets the remembered reply.
  let answers = 0;
  let executedAt = 0;
  rig.onResponse = (response) => {
    if (response.type !== 'written' || answers > 0) return 'pass';
    answers += 1;
    executedAt = rig.now;
    return 'drop';
  };
  rig.onRequest = (request) => (request.type === 'keep' ? 'drop' : 'pass');
  const told = rig.attach(ada, [HERE], lease);
  rig.pass(1500);
  ada.breakLink();
  rig.pass(1000);
  equal(told.told, 'done');
  while (lease.state === 'held') rig.pass(10);
  const proven = rig.now - executedAt;
  ok(proven <= 3200, `it counted as proven for ${proven} ms after the operation that opened it`);
});

test('a ticket that a late copy may add is given back once more when no copy can come', () => {
  const rig = new LockRig();
  const ada = rig.client();
  const lease = rig.lease(ada, 60_000);
  rig.attach(ada, [ALSO_HERE], lease);
  rig.pass(100);
  // The leader's clock is slow: the deadline of the request passes there when the client has long
  // given up, and released the ticket before it was added.
  rig.logRate = 0.5;
  rig.onRequest = (request) => {
    if (isAcquire(request)) return 1500;
    return operationsOf(request).includes('delete') ? 'drop' : 'pass';
  };
  const timeoutMilliseconds = 1000;
  const first = rig.lock(ada, HERE, { lease, waitMilliseconds: 1000, timeoutMilliseconds });
  // Its slot is free last, so it is taken before that of the ticket, and acknowledges nothing.
  rig.write(ada, { command: [{ type: 'delete', key: Buffer.from(THERE) }], timeoutMilliseconds });
  rig.pass(1200);
  notEqual(first.told, '');
  rig.pass(400);
  equal(rig.shardOf(HERE).left.tickets, 1, 'the copy has come');
  rig.pass(4000);
  equal(rig.shardOf(HERE).left.tickets, 0, 'and was given back');
});

test('a ticket that was refused for a full queue is given back, if another copy was sent', () => {
  for (const copies of [1, 2]) {
    const rig = new LockRig();
    const ada = rig.client();
    const lease = rig.lease(ada, 60_000);
    let sent = 0;
    rig.onRequest = (request) => {
      if (!isAcquire(request)) return 'pass';
      sent += 1;
      return sent < copies ? 'drop' : 'pass';
    };
    // As if the copy that was refused had come before the one that is executed.
    const refusal = encodeReply({ type: 'refused', reason: 'tickets-full', position: 0 });
    rig.onResponse = (response, request) => {
      if (isAcquire(request)) Object.assign(response, { replies: [refusal] });
      return 'pass';
    };
    const told = rig.lock(ada, HERE, { lease });
    rig.pass(1500);
    if (copies > 1) ada.breakLink();
    rig.pass(1000);
    equal(told.told, 'lock-queue-full');
    rig.pass(1000);
    equal(rig.shardOf(HERE).left.tickets, copies > 1 ? 0 : 1, `${copies} copies`);
  }
});

test('a write that names a lease is given up when the lease is not proven any more', () => {
  const rig = new LockRig();
  const ada = rig.client();
  const lease = rig.lease(ada);
  rig.attach(ada, [HERE], lease);
  rig.pass(100);
  rig.onRequest = () => 'drop';
  const told = rig.attach(ada, [HERE], lease);
  rig.pass(3400);
  match(told.told, /unknown$/);
});

/** A write of a key without a lease that may take effect for a minute. */
function patientWrite(rig: LockRig, host: ReturnType<LockRig['client']>, key: string): void {
  const about = { key: Buffer.from(key), value: Buffer.from('x'), lifeMilliseconds: 0 };
  rig.write(host, { command: [{ type: 'set', ...about }], timeoutMilliseconds: 60_000 });
}

test('what names a lease takes effect no later, whatever other calls of the turn allow', () => {
  const rig = new LockRig();
  const [ada, bo] = [rig.client(), rig.client()];
  const lease = rig.lease(ada, 60_000);
  rig.attach(ada, [HERE], lease);
  rig.pass(200);
  rig.onRequest = (request) => (keysOf(request).includes('late') ? 8000 : 'pass');
  patientWrite(rig, ada, ALSO_HERE);
  const terms = { lease, waitMilliseconds: 5000, timeoutMilliseconds: 5000 };
  const lock = rig.lock(ada, 'late', terms);
  patientWrite(rig, ada, 'green2');
  rig.pass(6000);
  equal(lock.told, 'timeout');
  rig.pass(3000);
  equal(rig.shardOf('late').left.tickets, 0, 'no late copy has taken the lock');
  rig.onRequest = () => 'pass';
  const next = rig.lock(bo, 'late', { waitMilliseconds: 100 });
  rig.pass(200);
  match(next.told, /^token/);
});

test('calls whose expiries do not agree share batches with their like', () => {
  const rig = new LockRig();
  const ada = rig.client();
  const leases = [rig.lease(ada, 5000), rig.lease(ada, 5000)];
  for (const lease of leases) rig.attach(ada, [HERE], lease);
  rig.pass(200);
  const batches: (readonly string[])[] = [];
  rig.onRequest = (request) => {
    if (request.type === 'write') batches.push(keysOf(request));
    return 'pass';
  };
  const names = [...'abcdefghijklmnopqrstuvwxyz'];
  const keys = names.filter((key) => rig.shardOf(key) === rig.shardOf(HERE)).slice(0, 8);
  keys.forEach((key, at) => {
    const lease = leases[(at >> 1) % 2];
    if (at % 2 === 0 && lease !== undefined) rig.attach(ada, [key], lease);
    else patientWrite(rig, ada, key);
  });
  const [first = ''] = keys;
  patientWrite(rig, ada, first);
  rig.pass(50);
  const even = keys.filter((_, at) => at % 2 === 0);
  const odd = keys.filter((_, at) => at % 2 === 1);
  deepEqual(batches, [even, [...odd, first]]);
});

test('a lock is acquired in another batch than that in which its lease ends', () => {
  const rig = new LockRig();
  const ada = rig.client();
  const lease = rig.lease(ada);
  rig.attach(ada, [ALSO_HERE], lease);
  rig.pass(100);
  const batches: (readonly string[])[] = [];
  rig.onRequest = (request) => {
    if (request.type === 'write') batches.push(operationsOf(request));
    return 'pass';
  };
  rig.lock(ada, HERE, { lease });
  rig.end(ada, lease);
  rig.pass(500);
  ok(batches.flat().includes('end-lease'));
  ok(batches.every((batch) => !batch.includes('acquire') || !batch.includes('end-lease')));
});

test('a release that is aborted goes on in the background', () => {
  const rig = new LockRig();
  const ada = rig.client();
  const first = rig.lock(ada, HERE);
  rig.pass(100);
  rig.onRequest = (request) => (operationsOf(request).includes('release') ? 500 : 'pass');
  const released = rig.release(ada, first);
  rig.pass(100);
  ada.abort(released.call);
  equal(released.told, 'failed');
  rig.pass(900);
  deepEqual([released.told, rig.shardOf(HERE).left.tickets], ['failed', 0]);
});

test('locks that follow each other share one lease, which ends when none uses it', () => {
  const rig = new LockRig();
  const ada = rig.client();
  const leases = new Set<unknown>();
  // Within its first times to live; then it is replaced.
  for (let round = 0; round < 5; round++) {
    const told = rig.lock(ada, HERE);
    rig.pass(50);
    leases.add(told.lock?.ticket.lease);
    rig.release(ada, told);
    rig.pass(3000);
  }
  deepEqual([leases.size, rig.shardOf(HERE).left.leases], [1, 1]);
  rig.pass(1500);
  deepEqual([rig.shardOf(HERE).left.leases, ada.core.isBusy], [0, false]);
});

test('a guarded write is refused once a newer owner has written in that shard', () => {
  const rig = new LockRig();
  const ada = rig.client();
  const write = (key: string, token: number, more: readonly string[] = []) => {
    const command = [key, ...more].map((one) => {
      const about = { key: Buffer.from(one), value: Buffer.from('new'), lifeMilliseconds: 0 };
      return { type: 'set', ...about } as const;
    });
    const told = rig.write(ada, { command, guards: [{ name: Buffer.from('cron'), token }] });
    rig.pass(200);
    return told.told;
  };
  equal(write(HERE, 50), 'done');
  equal(write(HERE, 50), 'done');
  equal(write(HERE, 90), 'done');
  equal(write(HERE, 50), 'fenced notApplied');
  equal(write(THERE, 50), 'done', 'the other shard does not know the newer owner');
  equal(write(THERE, 70, [HERE]), 'fenced notApplied');
  equal(write(THERE, 95, [HERE]), 'done');
  equal(write(THERE, 90), 'fenced notApplied');
});

test('a connection full of requests has room for keeps and for waits for locks', () => {
  const connection = new Connection({ number: 1, url: 'kv://a', name: 'kv://a', dialledAt: 0 });
  const port = { dial: () => {}, hangUp: () => {}, send: () => {} };
  const parts = {
    port,
    random: new Random(1),
    nameOf: String,
    outage: new Outage({ failsAfter: undefined }),
    cluster: () => '',
  };
  const connections = new Connections(parts);
  const load = { shard: 1 as never, bytes: 10 };
  const { sentRequestsMax, sentAwaitsMax } = CLIENT_LIMITS;
  const sent = { request: undefined, bytes: 0 };
  for (let id = 1; id < sentRequestsMax; id++) connection.sent.set(id, sent);
  connection.sentTo.set(load.shard, 2);
  equal(connections.hasRoom(connection, { ...load, kind: 'write' }), false);
  equal(connections.hasRoom(connection, { ...load, kind: 'keep' }), true);
  equal(connections.hasRoom(connection, { ...load, kind: 'await-ticket' }), true);
  connection.awaits = sentAwaitsMax;
  equal(connections.hasRoom(connection, { ...load, kind: 'await-ticket' }), false);
  equal(connections.hasRoom(connection, { ...load, kind: 'write' }), true);
});
