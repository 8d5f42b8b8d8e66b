/** Keepalives: gathered, never refused for a live lease, answered by the entry that names them. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { COORDINATION_LIMITS } from '../../src/base/coordination-limits.ts';
import { RAFT_LIMITS } from '../../src/base/limits.ts';
import { TRANSACTION_LIMITS } from '../../src/base/transaction-limits.ts';
import { decodeEntry } from '../../src/machine/entry.ts';
import { encodeLeaseIds } from '../../src/machine/lease.ts';
import { Flow } from '../../src/shard/fair-queue.ts';
import { Keeps } from '../../src/shard/keeps.ts';
import { SHARD_LIMITS } from '../../src/shard/limits.ts';
import type { Response } from '../../src/wire/response.ts';
import { attach, endLease, lease } from '../machine/coordination-rig.ts';
import { clientOf, put } from '../machine/machine-rig.ts';
import { EPOCH, LockRig, saidOf } from './lock-rig.ts';

const TTL = 5000;

function rigWith(leases: number): LockRig {
  const rig = new LockRig();
  for (let at = 1; at <= leases; at++) rig.do(attach(`k${at}`, 'v', lease(at, TTL)));
  return rig;
}

/** Leases named by each entry that keeps some alive. */
function keptBy(rig: LockRig): readonly number[][] {
  const entries = [...rig.rig.entries.values()].flatMap((entry) => {
    const decoded = entry.kind === 'command' ? decodeEntry(entry.payload) : undefined;
    return typeof decoded === 'object' ? [decoded] : [];
  });
  return entries.flatMap((entry) => {
    return entry.type === 'keep-leases' ? [entry.leases.map((id) => id[0] ?? 0)] : [];
  });
}

test('keepalives of several clients leave in one entry, in order, a moment later', () => {
  const rig = rigWith(3);
  const responses = [rig.keep([3]), rig.keep([1, 2]), rig.keep([2])];
  rig.rig.turns(4);
  deepEqual(responses.map(saidOf), ['nothing yet', 'nothing yet', 'nothing yet']);
  rig.pass(TRANSACTION_LIMITS.deferMilliseconds);
  deepEqual(responses.map(saidOf), Array(3).fill('kept, ended none'));
  deepEqual(keptBy(rig), [[1, 2, 3]]);
});

/** Proposes writes of this size until there is no room for another one. */
function fillLog(rig: LockRig, bytes: number): void {
  let isFull = false;
  const respond = ({ type }: Response) => {
    isFull = type === 'failed';
  };
  const value = 'x'.repeat(bytes);
  for (let at = 0; !isFull; at++) {
    ok(at < 1000, 'the log fills');
    const body = { type: 'batch', batch: rig.batch([[put('k', value)]]) } as const;
    rig.rig.replica.stamp({ responder: { respond }, id: 1 }, EPOCH, body);
    rig.rig.turn();
  }
}

test('a keepalive moves the end of its lease, and of no other', () => {
  const rig = rigWith(2);
  const { leases } = rig.machine.coordination;
  const [one, two] = [leases.of(clientOf(1)), leases.of(clientOf(2))];
  rig.pass(1000);
  rig.keep([1]);
  rig.pass(200);
  ok((leases.of(clientOf(1))?.expiresAt ?? 0) >= (one?.expiresAt ?? 0) + 1000);
  equal(leases.of(clientOf(2))?.expiresAt, two?.expiresAt);
});

test('a request is told which of its own leases have ended, known ones and unknown ones', () => {
  const rig = rigWith(3);
  rig.do(endLease(2));
  const responses = [rig.keep([1, 2, 99]), rig.keep([3]), rig.keep([2, 3])];
  rig.pass(200);
  deepEqual(responses.map(saidOf), ['kept, ended 2 99', 'kept, ended none', 'kept, ended 2']);
});

test('nothing is said of an unknown lease before the entry that names it is applied', () => {
  const rig = rigWith(1);
  rig.rig.isLogStuck = true;
  const responses = rig.keep([99]);
  rig.pass(1000);
  equal(saidOf(responses), 'nothing yet');
  rig.rig.isLogStuck = false;
  rig.pass(200);
  equal(saidOf(responses), 'kept, ended 99');
});

test('a request without leases is malformed', () => {
  equal(saidOf(rigWith(1).keep([])), 'malformed');
});

test('while the log has no room, keepalives wait and are not refused', () => {
  const rig = rigWith(1);
  const share = new Flow({ client: 1, mayGoOn: () => true });
  rig.rig.isLogStuck = true;
  for (const bytes of [500_000, 50_000, 5000]) fillLog(rig, bytes);
  // The largest that fits leaves no room at all, not even for an entry of a keepalive.
  for (let bytes = 5000; bytes > 0; bytes -= 1) fillLog(rig, bytes);
  const responses = rig.keep([1], share);
  rig.pass(1000);
  equal(saidOf(responses), 'nothing yet');
  rig.rig.isLogStuck = false;
  rig.pass(400);
  equal(saidOf(responses), 'kept, ended none');
  const { expiresAt } = rig.machine.coordination.leases.of(clientOf(1)) ?? { expiresAt: 0 };
  ok(expiresAt >= rig.machine.leaseTimeAt(rig.rig.replica.logTime) + TTL - 1000);
});

test('on a slow disk one set is in flight, and the next one gathers', () => {
  const rig = rigWith(2);
  rig.rig.isLogStuck = true;
  for (let at = 0; at < 20; at++) {
    rig.keep([1]);
    if (at > 10) rig.keep([2]);
    rig.do(put(`w${at}`, 'v'));
    rig.pass(100);
  }
  rig.rig.isLogStuck = false;
  rig.pass(300);
  deepEqual(keptBy(rig), [[1], [1, 2]]);
});

test('when leadership is lost, every request is told so', () => {
  const rig = rigWith(2);
  rig.rig.isLogStuck = true;
  const inFlight = rig.keep([1]);
  rig.pass(200);
  const gathered = rig.keep([2]);
  rig.rig.replica.end();
  deepEqual([inFlight, gathered].map(saidOf), ['not-here', 'not-here']);
  rig.rig.isLogStuck = false;
  rig.pass(200);
  deepEqual([inFlight.length, gathered.length], [1, 1], 'once');
});

test('a damaged replica keeps nothing alive', () => {
  const rig = rigWith(1);
  rig.rig.replica.markCorrupt();
  equal(saidOf(rig.keep([1])), 'damaged');
});

/** The set alone, with leases of which those below 100 are alive. */
class Bare {
  readonly failed: string[] = [];
  readonly kept: Response[] = [];
  readonly keeps = new Keeps({ fail: (_requester, failure) => this.failed.push(failure) });

  add(share: Flow, ...numbers: readonly number[]): void {
    const respond = (response: Response) => void this.kept.push(response);
    const requester = { responder: { respond, share }, id: 1 };
    this.keeps.add({ requester, leases: numbers.map(idOf) }, { of: leaseOf });
  }
}

function idOf(number: number): Uint8Array {
  const id = new Uint8Array(16);
  new DataView(id.buffer).setUint32(0, number);
  return id;
}

function leaseOf(id: Uint8Array) {
  const number = new DataView(id.buffer, id.byteOffset).getUint32(0);
  if (number >= ALIVE) return undefined;
  const about = { ttlMilliseconds: TTL, note: new Uint8Array(), client: new Uint8Array(16) };
  return { id, expiresAt: 1, endedAt: 0, ...about };
}

const ALIVE = 4000;

test('a client that asks for unknown leases leaves room to others', () => {
  const bare = new Bare();
  const [greedy, polite] = [1, 2].map((client) => new Flow({ client, mayGoOn: () => true }));
  ok(greedy && polite);
  const many = Array.from({ length: 1024 }, (_, at) => ALIVE + at);
  for (let at = 0; at < 100; at++) bare.add(greedy, ...many);
  ok(bare.failed.length > 0 && bare.failed.every((failure) => failure === 'overloaded'));
  const { length } = bare.failed;
  bare.add(polite, ...many);
  equal(bare.failed.length, length, 'the other client is served');
  ok(bare.keeps.size * 1024 <= SHARD_LIMITS.keepsMax);
  bare.add(greedy, 7);
  ok(bare.keeps.isKept(idOf(7)), 'a live lease is kept alive, whatever its client is told');
});

test('more leases than an entry may name are kept alive by several, answered together', () => {
  const bare = new Bare();
  const share = new Flow({ client: 1, mayGoOn: () => true });
  const count = 2 * COORDINATION_LIMITS.keptLeasesMax + 1;
  for (let number = count; number > 0; number--) bare.add(share, number);
  bare.keeps.release();
  const entries = bare.keeps.take();
  deepEqual(
    entries.map(({ leases }) => leases.length),
    [1024, 1024, 1],
  );
  deepEqual(entries[2]?.leases, [idOf(count)]);
  const [first, second, third] = entries;
  const reply = { type: 'written', id: 0, time: 9, replies: [encodeLeaseIds([])] } as const;
  first?.requester.responder.respond(reply);
  second?.requester.responder.respond(reply);
  ok(bare.kept.length < 1, 'not before the last one');
  third?.requester.responder.respond({ ...reply, replies: [encodeLeaseIds([idOf(count)])] });
  equal(bare.kept.length, count);
  const ended = bare.kept.flatMap((one) => (one.type === 'kept' ? one.ended : []));
  deepEqual(ended, [idOf(count)], 'the one request that asked for it is told');
});

test('an entry without room is taken again, and loses no lease', () => {
  const bare = new Bare();
  const share = new Flow({ client: 1, mayGoOn: () => true });
  bare.add(share, 1, 2);
  bare.keeps.release();
  const [entry] = bare.keeps.take();
  deepEqual(bare.keeps.take(), []);
  const refusal = { type: 'failed', id: 0, time: 0, leader: 0, retryAfterMilliseconds: 0 } as const;
  entry?.requester.responder.respond({ ...refusal, failure: 'overloaded' });
  ok(bare.keeps.isReady && bare.keeps.isKept(idOf(1)));
  deepEqual(bare.keeps.take()[0]?.leases, [idOf(1), idOf(2)]);
  deepEqual(bare.failed, []);
});

test('a lease is no longer kept once its entry is applied', () => {
  const rig = rigWith(1);
  rig.keep([1]);
  ok(rig.rig.replica.isKept(clientOf(1)));
  rig.pass(200);
  ok(!rig.rig.replica.isKept(clientOf(1)));
});

test('keepalives wait for no longer than the deferral, on an idle shard', () => {
  const rig = rigWith(1);
  const ticks = TRANSACTION_LIMITS.deferMilliseconds / RAFT_LIMITS.tickMilliseconds;
  const responses = rig.keep([1]);
  rig.pass((ticks + 1) * RAFT_LIMITS.tickMilliseconds);
  equal(saidOf(responses), 'kept, ended none');
});
