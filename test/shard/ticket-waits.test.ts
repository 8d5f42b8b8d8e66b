/** Requests that wait for tickets: parked at the leader, answered by the entry that grants. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { SHARD_LIMITS } from '../../src/shard/limits.ts';
import { newborn } from '../../src/shard/recovery.ts';
import { acquire, endLease, release, shared } from '../machine/coordination-rig.ts';
import { bytesOf } from '../machine/machine-rig.ts';
import { LockRig, saidOf } from './lock-rig.ts';
import { ALONE, ReplicaRig, SELF } from './replica-rig.ts';

/** Ticket 1 owns `cron`; the others wait behind it. */
function rigWith(tickets: number): LockRig {
  const rig = new LockRig();
  for (let ticket = 1; ticket <= tickets; ticket++) rig.do(acquire('cron', ticket));
  return rig;
}

test('the entry that frees a lock answers the request of the next ticket, and of no other', () => {
  const rig = rigWith(4);
  const waits = [2, 3, 4].map((ticket) => rig.await('cron', ticket));
  deepEqual(waits.map(saidOf), Array(3).fill('nothing yet'));
  rig.do(release('cron', 1));
  const [second, ...others] = waits.map(saidOf);
  equal(second, `owns, fence ${rig.rig.replica.applied}`);
  deepEqual(others, ['nothing yet', 'nothing yet']);
  equal(rig.rig.replica.awaiting, 2);
});

test('the end of a lease answers in the same way', () => {
  const rig = rigWith(2);
  const wait = rig.await('cron', 2);
  rig.do(endLease(1));
  equal(saidOf(wait), `owns, fence ${rig.rig.replica.applied}`);
});

test('shared tickets behind a writer are granted together, and each is told', () => {
  const rig = rigWith(1);
  for (const ticket of [2, 3]) rig.do(shared('cron', ticket));
  const waits = [2, 3].map((ticket) => rig.await('cron', ticket));
  rig.do(release('cron', 1));
  const fence = rig.rig.replica.applied;
  deepEqual(waits.map(saidOf), Array(2).fill(`owns, fence ${fence}`));
});

test('a ticket that owns its lock already is told at once', () => {
  const rig = rigWith(1);
  equal(saidOf(rig.await('cron', 1)).slice(0, 4), 'owns');
});

test('a ticket of another lock with the same number is not told', () => {
  const rig = rigWith(2);
  rig.do(acquire('other', 11));
  rig.do(acquire('other', 2));
  const [here, there] = [rig.await('cron', 2), rig.await('other', 2)];
  rig.do(release('cron', 1));
  deepEqual([saidOf(here).slice(0, 4), saidOf(there)], ['owns', 'nothing yet']);
});

test('a waiting ticket that is given back, or whose lease ends, is told to be gone', () => {
  const rig = rigWith(3);
  const waits = [2, 3].map((ticket) => rig.await('cron', ticket));
  rig.do(release('cron', 2));
  rig.do(endLease(3));
  deepEqual(waits.map(saidOf), ['gone', 'gone']);
});

test('a ticket that the shard does not have is gone', () => {
  equal(saidOf(rigWith(1).await('cron', 99)), 'gone');
});

test('that a ticket is gone is not told before the leader has proven that it leads', () => {
  const rig = new ReplicaRig();
  rig.open(newborn(SELF, ALONE));
  rig.isLogStuck = true;
  rig.tick(100);
  rig.isLogStuck = false;
  for (let turn = 0; !rig.replica.isLeader; turn++) {
    ok(turn < 100, 'it is elected');
    rig.turn();
  }
  rig.isLogStuck = true;
  const { requester, responses } = rig.requester();
  const until = rig.now + 60_000;
  rig.replica.awaitTicket({ requester, name: bytesOf('cron'), ticket: 9, until });
  rig.tick(20);
  deepEqual(responses, [], 'an earlier leader may have granted it');
  rig.isLogStuck = false;
  rig.tick(5);
  equal(saidOf(responses), 'gone');
});

test('a request whose time is over is told the place of its ticket', () => {
  const rig = rigWith(3);
  const waits = [2, 3].map((ticket) => rig.await('cron', ticket, 1000));
  rig.pass(900);
  deepEqual(waits.map(saidOf), ['nothing yet', 'nothing yet']);
  rig.pass(200);
  deepEqual(waits.map(saidOf), ['waits, place 1', 'waits, place 2']);
  equal(rig.rig.replica.awaiting, 0);
  rig.do(release('cron', 1));
  equal(waits[0]?.length, 1, 'no request is answered twice');
});

test('of many whose time is over at once some are answered with each tick', () => {
  const rig = new LockRig();
  const count = SHARD_LIMITS.lateWaitsMax + 10;
  for (let ticket = 1; ticket <= count + 1; ticket++) rig.do(acquire('cron', ticket));
  const waits = Array.from({ length: count }, (_, at) => rig.await('cron', at + 2, 1000));
  rig.pass(900);
  let ticks = 0;
  for (; waits.some(({ length }) => length === 0); ticks++) {
    ok(ticks < 20);
    rig.pass(20);
    const late = waits.at(-1);
    if (ticks === 6 && late?.length === 0) break;
  }
  deepEqual(new Set(waits.map(({ length }) => length)), new Set([1]));
});

test('a request that is repeated takes the place of the first, which is answered', () => {
  const rig = rigWith(2);
  const [first, second] = [rig.await('cron', 2), rig.await('cron', 2)];
  deepEqual([saidOf(first), saidOf(second)], ['waits, place 1', 'nothing yet']);
  rig.do(release('cron', 1));
  equal(saidOf(second).slice(0, 4), 'owns');
  equal(first.length, 1);
});

test('when leadership is lost, each is told so, and asks the next leader', () => {
  const rig = rigWith(2);
  const wait = rig.await('cron', 2);
  rig.rig.append([], 99);
  equal(rig.rig.replica.isLeader, false);
  equal(saidOf(wait), 'not-leader');
});

test('a replica that ends answers all of them', () => {
  const rig = rigWith(2);
  const wait = rig.await('cron', 2);
  rig.rig.replica.end();
  equal(saidOf(wait), 'not-here');
});

test('a damaged replica answers for no ticket', () => {
  const rig = rigWith(2);
  rig.rig.replica.markCorrupt();
  equal(saidOf(rig.await('cron', 1)), 'damaged');
});
