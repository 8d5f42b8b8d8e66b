/** Leases and tickets are listed page by page, each once, by a leader that has proven it leads. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { REQUEST_LIMITS } from '../../src/base/limits.ts';
import {
  decodeLeaseListing,
  decodeTicketListing,
  encodeTicketPlace,
  type LeaseListing,
  type TicketListing,
} from '../../src/machine/coordination-listing.ts';
import { newborn } from '../../src/shard/recovery.ts';
import { acquire, attach, endLease, lease, shared } from '../machine/coordination-rig.ts';
import { bytesOf, clientOf, textOf } from '../machine/machine-rig.ts';
import { LockRig, saidOf } from './lock-rig.ts';
import { ALONE, ReplicaRig, SELF } from './replica-rig.ts';

const TTL = 60_000;

/** All rows, of pages of this size. */
function listAll(rig: LockRig, what: 'leases' | 'tickets', rowsMax: number, start?: Uint8Array) {
  const rows: Uint8Array[] = [];
  let after = start ?? new Uint8Array();
  for (let page = 0; ; page++) {
    ok(page < 100, 'the pages end');
    const [response] = rig.list(what, after, rowsMax);
    ok(response?.type === 'listed');
    ok(response.rows.length <= rowsMax);
    rows.push(...response.rows);
    if (response.isEnd) return rows;
    after = response.last;
  }
}

function leasesOf(rig: LockRig, rowsMax = 512): readonly LeaseListing[] {
  return listAll(rig, 'leases', rowsMax).map((row) => {
    const listing = decodeLeaseListing(row);
    ok(listing);
    return listing;
  });
}

function ticketsOf(rig: LockRig, rowsMax = 512, start?: Uint8Array): readonly TicketListing[] {
  return listAll(rig, 'tickets', rowsMax, start).map((row) => {
    const listing = decodeTicketListing(row);
    ok(listing);
    return listing;
  });
}

test('leases come in the order of their ids, with what is left, whatever the pages', () => {
  const rig = new LockRig();
  for (const id of [5, 1, 9, 3]) rig.do(attach(`k${id}`, 'v', lease(id, TTL)));
  rig.do(acquire('cron', 7, lease(3, TTL)));
  rig.do(endLease(9));
  rig.pass(1000);
  for (const rowsMax of [1, 2, 3, 4, 5]) {
    const listed = leasesOf(rig, rowsMax);
    deepEqual(
      listed.map(({ id }) => id[0]),
      [1, 3, 5, 9],
    );
  }
  const listed = leasesOf(rig);
  deepEqual(
    listed.map(({ isEnded, tickets }) => [isEnded, tickets]),
    [
      [false, 0],
      [false, 1],
      [false, 0],
      [true, 0],
    ],
  );
  const [first, , , last] = listed;
  ok(first !== undefined && first.leftMilliseconds < TTL && first.leftMilliseconds > TTL - 2000);
  equal(last?.leftMilliseconds, 0);
  deepEqual(first.client, clientOf(200));
});

test('tickets come by the names of their locks, in the order of each queue', () => {
  const rig = new LockRig();
  for (const name of ['b', 'a', 'ab']) {
    for (const ticket of [1, 2, 3]) {
      rig.do(name === 'a' ? shared(name, ticket) : acquire(name, ticket));
    }
  }
  for (const rowsMax of [1, 2, 4, 9, 10]) {
    const listed = ticketsOf(rig, rowsMax).map(({ name, id }) => `${textOf(name)}${id}`);
    deepEqual(listed, ['a1', 'a2', 'a3', 'ab1', 'ab2', 'ab3', 'b1', 'b2', 'b3']);
  }
  const [owner, , , , waiting] = ticketsOf(rig);
  ok(owner !== undefined && owner.fence > 0 && owner.kind === 'shared');
  ok(waiting !== undefined && waiting.fence === 0 && waiting.kind === 'exclusive');
  deepEqual(waiting.client, clientOf(200));
});

test('a page may begin with the tickets of one lock', () => {
  const rig = new LockRig();
  for (const name of ['a', 'b', 'c']) rig.do(acquire(name, 1));
  const start = encodeTicketPlace({ name: bytesOf('b'), number: 0 });
  const listed = ticketsOf(rig, 1, start).map(({ name }) => textOf(name));
  deepEqual(listed, ['b', 'c']);
});

test('a page has no more rows than an answer may have', () => {
  const rig = new LockRig();
  const count = REQUEST_LIMITS.coordinationRowsMax + 10;
  for (let ticket = 1; ticket <= count; ticket++) rig.do(acquire('cron', ticket, lease(1, TTL)));
  const [response] = rig.list('tickets', undefined, count);
  ok(response?.type === 'listed' && !response.isEnd);
  equal(response.rows.length, REQUEST_LIMITS.coordinationRowsMax);
  equal(ticketsOf(rig).length, count);
});

test('nothing is listed as an empty page, and a page behind nothing is malformed', () => {
  const rig = new LockRig();
  deepEqual([leasesOf(rig), ticketsOf(rig)], [[], []]);
  equal(saidOf(rig.list('leases', Uint8Array.of(1, 2))), 'malformed');
  equal(saidOf(rig.list('tickets', Uint8Array.of(1, 2))), 'malformed');
});

test('a leader lists nothing before it has proven that it leads', () => {
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
  const what = {
    type: 'coordination',
    what: 'leases',
    after: new Uint8Array(),
    rowsMax: 9,
  } as const;
  rig.replica.read({ requester, until: rig.now + TTL, what });
  rig.tick(20);
  ok(responses.length < 1);
  rig.isLogStuck = false;
  rig.tick(5);
  equal(responses[0]?.type, 'listed');
});
