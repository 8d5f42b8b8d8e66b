/** Requests about leases and locks: who serves them, what is refused before it costs an entry. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { COORDINATION_LIMITS } from '../../src/base/coordination-limits.ts';
import type { NodeId, ShardId } from '../../src/base/ids.ts';
import { MACHINE_LIMITS } from '../../src/base/limits.ts';
import { NODE_LIMITS } from '../../src/base/node-limits.ts';
import type { ClusterMap } from '../../src/catalog/cluster-map.ts';
import type { Operation } from '../../src/machine/command.ts';
import { AccessControl } from '../../src/node/access-control.ts';
import { Forwards } from '../../src/node/forwards.ts';
import type { NodeState } from '../../src/node/node-state.ts';
import type { Relay } from '../../src/node/relay.ts';
import { Requests } from '../../src/node/requests.ts';
import { Router } from '../../src/node/router.ts';
import { SHARD_LIMITS } from '../../src/shard/limits.ts';
import type { Request } from '../../src/wire/request.ts';
import type { Response } from '../../src/wire/response.ts';
import {
  acquire,
  attach,
  endLease,
  fence,
  known,
  lease,
  release,
} from '../machine/coordination-rig.ts';
import { bytesOf, clientOf, put, remove } from '../machine/machine-rig.ts';
import { EPOCH, LockRig, saidOf } from '../shard/lock-rig.ts';
import { SHARD } from '../shard/replica-rig.ts';

const ELSEWHERE = 9 as NodeId;
const TTL = 60_000;

class Door {
  readonly lock = new LockRig();
  readonly forwarded: Request[] = [];
  isReadOnly = false;
  isClosing = false;
  isHere = true;
  readonly #requests: Requests;

  constructor() {
    const { lock, forwarded } = this;
    const row = { shard: SHARD, epoch: EPOCH, from: 0, to: 2 ** 32 };
    const map = { shards: Array.from({ length: SHARD + 1 }, () => row) } as unknown as ClusterMap;
    const relay = {
      leaderOf: () => ELSEWHERE,
      forward: (_to: NodeId, request: Request) => forwarded.push(request) > 0,
    } as unknown as Relay;
    const door = this;
    const node = {
      get now() {
        return lock.rig.now;
      },
      get isReadOnly() {
        return door.isReadOnly;
      },
      get isClosing() {
        return door.isClosing;
      },
      map,
      valueBytesMax: MACHINE_LIMITS.valueBytesDefault,
      replicas: { get: () => (door.isHere ? lock.rig.replica : undefined) },
    } as unknown as NodeState;
    const router = new Router(node, relay);
    const access = new AccessControl(node);
    const others = { transactions: {}, report: {}, access } as never;
    this.#requests = new Requests({ node, router, ...(others as object) } as never);
  }

  ask(request: Request, { isForwarded = false } = {}): readonly Response[] {
    const responses: Response[] = [];
    const respond = (response: Response) => void responses.push(response);
    this.#requests.route(request, { responder: { respond, isClient: true }, isForwarded });
    this.lock.rig.turns(4);
    return responses;
  }

  write(...commands: readonly (readonly Operation[])[]): readonly Response[] {
    const batch = this.lock.batch(commands);
    return this.ask({ type: 'write', id: 1, shard: SHARD, epoch: EPOCH, batch });
  }
}

const ADDRESS = { id: 1, shard: SHARD, epoch: EPOCH } as const;

function keepOf(...leases: readonly number[]): Request {
  return { type: 'keep', ...ADDRESS, leases: leases.map(clientOf) };
}

function awaitOf(ticket: number, patienceMilliseconds: number): Request {
  const about = { name: bytesOf('cron'), ticket, patienceMilliseconds };
  return { type: 'await-ticket', ...ADDRESS, ...about };
}

const LISTING: Request = {
  ...{ type: 'coordination', ...ADDRESS, what: 'leases' },
  ...{ after: new Uint8Array(), rowsMax: 10 },
};

test('the leader serves keepalives, waits and listings', () => {
  const door = new Door();
  door.write([acquire('cron', 1, lease(1, TTL))]);
  door.write([acquire('cron', 2, lease(2, TTL))]);
  const responses = [door.ask(keepOf(1, 3)), door.ask(awaitOf(2, TTL)), door.ask(LISTING)];
  door.lock.pass(200);
  door.write([release('cron', 1)]);
  const [kept, ticket, listed] = responses.map(saidOf);
  deepEqual([kept, ticket?.slice(0, 4), listed], ['kept, ended 3', 'owns', 'listed']);
});

test('a node that does not lead forwards them once', () => {
  const door = new Door();
  door.isHere = false;
  const requests = [keepOf(1), awaitOf(1, 1000), LISTING];
  for (const request of requests) deepEqual(door.ask(request), []);
  deepEqual(door.forwarded, requests);
  for (const request of requests) {
    equal(saidOf(door.ask(request, { isForwarded: true })), 'not-leader');
  }
});

test('a client with an old map is told so', () => {
  const door = new Door();
  for (const request of [keepOf(1), awaitOf(1, 1000), LISTING]) {
    const old = { ...request, epoch: EPOCH - 1 } as Request;
    equal(saidOf(door.ask(old)), 'not-here');
  }
});

test('a wait is no longer than it may be, whatever its client asks for', () => {
  const door = new Door();
  door.write([acquire('cron', 1, lease(1, TTL))]);
  door.write([acquire('cron', 2, lease(2, TTL))]);
  const responses = door.ask(awaitOf(2, 10 * TTL));
  door.lock.pass(SHARD_LIMITS.awaitMillisecondsMax - 100);
  deepEqual(responses, []);
  door.lock.pass(200);
  equal(saidOf(responses), 'waits, place 1');
});

test('a forwarded wait is waited for as long as it may take', () => {
  const lost: string[] = [];
  const forwards = new Forwards({ send: () => {}, firstId: 1, onMissed: () => {} });
  const respond = (response: Response) => void lost.push(saidOf([response]));
  const request = awaitOf(2, 10 * TTL);
  forwards.send(ELSEWHERE, { request, responder: { respond }, now: 0 });
  const { awaitMillisecondsMax } = SHARD_LIMITS;
  forwards.expire(awaitMillisecondsMax);
  deepEqual(lost, []);
  forwards.expire(awaitMillisecondsMax + NODE_LIMITS.forwardMilliseconds);
  deepEqual(lost, ['not-leader'], 'its outcome is in no doubt');
});

test('the ticket that finds no room in the queue is refused before it costs an entry', () => {
  const door = new Door();
  const { ticketsOfLockMax, ticketsOfLeaseMax } = COORDINATION_LIMITS;
  for (let ticket = 1; ticket <= ticketsOfLockMax; ticket++) {
    const owner = 1 + Math.floor(ticket / ticketsOfLeaseMax);
    door.lock.do(acquire('cron', ticket, lease(owner, TTL)));
  }
  const { applied } = door.lock.rig.replica;
  const more = () => acquire('cron', ticketsOfLockMax + 1, lease(50, TTL));
  equal(saidOf(door.write([more()])), 'refused tickets-full');
  equal(door.lock.rig.replica.applied, applied);
  const [both] = door.write([more()], [more()]);
  ok(both?.type === 'written');
  equal(both.replies.length, 2, 'one reply for each command');
  equal(door.lock.rig.replica.applied, applied);
  const [mixed] = door.write([more()], [put('k', 'v')]);
  ok(mixed?.type === 'written');
  equal(door.lock.rig.replica.applied, applied + 1, 'another command needs the entry');
  equal(saidOf(door.write([acquire('other', 1, lease(50, TTL))])).slice(0, 4), 'owns');
  door.write([release('cron', 5)]);
  equal(saidOf(door.write([more()])), `waits, place ${ticketsOfLockMax - 1}`);
});

test('on a full disk leases and locks are kept and given back, and no new ones are taken', () => {
  const door = new Door();
  door.write([acquire('cron', 1, lease(1, TTL))]);
  door.write([attach('mine', 'v', known(1))]);
  door.isReadOnly = true;
  const kept = door.ask(keepOf(1));
  door.lock.pass(200);
  equal(saidOf(kept), 'kept, ended none');
  equal(saidOf(door.write([acquire('more', 2, lease(2, TTL))])), 'read-only');
  equal(saidOf(door.write([attach('more', 'v', known(1))])), 'read-only');
  equal(saidOf(door.write([fence('cron', 9)])), 'read-only');
  equal(saidOf(door.write([remove('mine'), fence('cron', 9)])), 'was there');
  equal(saidOf(door.write([release('cron', 1)])).slice(0, 4), 'owns');
  equal(saidOf(door.write([endLease(1)])), 'was there');
});

test('a node that is closing keeps leases alive until another one leads', () => {
  const door = new Door();
  door.write([attach('mine', 'v', lease(1, TTL))]);
  door.isClosing = true;
  const kept = door.ask(keepOf(1));
  door.lock.pass(200);
  equal(saidOf(kept), 'kept, ended none');
});

test('keepalives of a shard that is not here are not served', () => {
  const door = new Door();
  const elsewhere = { ...keepOf(1), shard: (SHARD + 50) as ShardId } as Request;
  equal(saidOf(door.ask(elsewhere)), 'not-here');
});
