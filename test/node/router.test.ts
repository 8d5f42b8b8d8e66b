/** Requests that could harm others are refused. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeId, ShardId } from '../../src/base/ids.ts';
import { MACHINE_LIMITS, WIRE_LIMITS } from '../../src/base/limits.ts';
import { CATALOG_SHARD, type ClusterMap } from '../../src/catalog/cluster-map.ts';
import { decodeReply, encodeCommand } from '../../src/catalog/command.ts';
import { encodeBatch } from '../../src/machine/batch.ts';
import type { Operation } from '../../src/machine/command.ts';
import { AccessControl } from '../../src/node/access-control.ts';
import type { NodeState } from '../../src/node/node-state.ts';
import type { Relay } from '../../src/node/relay.ts';
import { Requests } from '../../src/node/requests.ts';
import { Router } from '../../src/node/router.ts';
import { encodeFrames } from '../../src/wire/frame.ts';
import type { Request } from '../../src/wire/request.ts';
import type { Response } from '../../src/wire/response.ts';
import { ReplicaRig, SHARD } from '../shard/replica-rig.ts';

const EPOCH = 5;
const ELSEWHERE = 9 as NodeId;
/** It is alive, and the other is not. */
const [ONE, TWO] = [1 as NodeId, 2 as NodeId];

interface Outside {
  readonly rig?: ReplicaRig;
  readonly shard?: ShardId;
  readonly leader?: NodeId;
  readonly forwarded?: Request[];
  readonly isReadOnly?: boolean;
}

function routerOf(outside: Outside): Requests {
  const { rig, shard = SHARD, leader, forwarded, isReadOnly = false } = outside;
  const members = [ONE, TWO].map((node) => ({ node, isVoter: true }));
  const row = { shard: SHARD, epoch: EPOCH, from: 0, to: 2 ** 32, isFounded: true, members };
  const shards = Array.from({ length: SHARD + 1 }, () => row);
  const map = { version: 4, shards } as unknown as ClusterMap;
  const relay = {
    leaderOf: () => leader,
    forward: (_to: NodeId, request: Request) => {
      forwarded?.push(request);
      return forwarded !== undefined;
    },
  } as unknown as Relay;
  const node = {
    now: 0,
    map,
    maps: { map, clientBytes: Uint8Array.of(1) },
    isClosing: false,
    isReadOnly,
    valueBytesMax: MACHINE_LIMITS.valueBytesDefault,
    secret: new Uint8Array(),
    replicas: { get: (asked: ShardId) => (asked === shard ? rig?.replica : undefined) },
    isHeard: (peer: NodeId) => peer === ONE,
  } as unknown as NodeState;
  const access = new AccessControl(node);
  const others = { transactions: {}, report: {}, access } as unknown as Omit<
    Served,
    'node' | 'router'
  >;
  return new Requests({ node, router: new Router(node, relay), ...others });
}

type Served = ConstructorParameters<typeof Requests>[0];

function ask(router: Requests, request: Request, isForwarded = false): Response[] {
  const responses: Response[] = [];
  router.route(request, { responder: { respond: (one) => void responses.push(one) }, isForwarded });
  return responses;
}

function failureOf([response]: readonly Response[]): string | undefined {
  return response?.type === 'failed' ? response.failure : undefined;
}

test('a command that the catalog does not know never comes into its log', () => {
  const rig = new ReplicaRig();
  rig.lead();
  const router = routerOf({ rig, shard: CATALOG_SHARD });
  for (const command of [Uint8Array.of(0x91, 99), new Uint8Array(), Uint8Array.of(0x92, 2, 0)]) {
    const responses = ask(router, { type: 'command', id: 1, command });
    equal(failureOf(responses), 'malformed');
  }
  rig.turns(4);
  equal(rig.stopReason, '');
});

test('a command that the leader objects to is refused, and never comes into its log', () => {
  const rig = new ReplicaRig();
  rig.lead();
  const router = routerOf({ rig, shard: CATALOG_SHARD });
  const said = { type: 'set-membership', node: TWO, revision: 1 } as const;
  const command = encodeCommand({ ...said, membership: 'removing', isForced: false });
  const proposed = rig.entries.size;
  const [response] = ask(router, { type: 'command', id: 1, command });
  const reply = response?.type === 'commanded' ? decodeReply(response.reply) : undefined;
  deepEqual(reply, { type: 'refused', reason: 'no-majority' });
  rig.turns(4);
  equal(rig.entries.size, proposed);
});

test('a batch that no frame could carry as an entry is refused', () => {
  const rig = new ReplicaRig();
  rig.lead();
  const batch = batchOf(WIRE_LIMITS.payloadBytesMax - 10);
  const request = { type: 'write', id: 1, shard: SHARD, epoch: EPOCH, batch } as const;
  equal(failureOf(ask(routerOf({ rig }), request)), 'too-large');
});

test('the largest accepted batch can be forwarded', () => {
  const rig = new ReplicaRig();
  rig.lead();
  const batch = batchOf(WIRE_LIMITS.payloadBytesMax - 32);
  const request = { type: 'write', id: 1, shard: SHARD, epoch: EPOCH, batch } as const;
  deepEqual(ask(routerOf({ rig }), request), []);
  rig.turns(4);
  const entry = [...rig.entries.values()].find(({ kind }) => kind === 'command');
  ok(entry, 'it is in the log');
  const { index, term } = entry;
  const [shard, from, to] = [SHARD, rig.replica.member, rig.replica.member];
  const position = { index: index - 1, term };
  const common = { previous: position, commit: 0, round: 0, configuration: position };
  const append = { type: 'append', shard, from, to, term, entries: [entry], ...common } as const;
  equal(encodeFrames([append]).length, 1);
});

/** Of values that are within their limit. */
function batchOf(bytes: number): Uint8Array {
  const value = new Uint8Array(MACHINE_LIMITS.valueBytesDefault);
  const make = (last: number) => {
    const rest = { type: 'set', key: Uint8Array.of(255), value: value.subarray(0, last) } as const;
    const puts = Array.from({ length: 16 }, (_, at) => {
      return { type: 'set', key: Uint8Array.of(at), value, lifeMilliseconds: 0 } as const;
    });
    const client = new Uint8Array(16);
    const commands = [...puts.map((put) => [put]), [{ ...rest, lifeMilliseconds: 0 }]];
    return encodeBatch({ client, deadline: 0, sequence: 0, commands });
  };
  const missing = bytes - make(value.length / 2).length;
  const batch = make(value.length / 2 + missing);
  equal(batch.length, bytes);
  return batch;
}

test('a request is forwarded to the leader once, and never twice', () => {
  const forwarded: Request[] = [];
  const router = routerOf({ leader: ELSEWHERE, forwarded });
  const batch = new Uint8Array();
  const request = { type: 'write', id: 1, shard: SHARD, epoch: EPOCH, batch } as const;
  deepEqual(ask(router, request), []);
  deepEqual(forwarded, [request]);
  const [response] = ask(router, request, true);
  ok(response?.type === 'failed' && response.failure === 'not-leader');
  equal(response.leader, ELSEWHERE);
  equal(forwarded.length, 1);
});

test('a leader that this node cannot reach is named', () => {
  const router = routerOf({ leader: ELSEWHERE });
  const [response] = ask(router, { type: 'command', id: 1, command: Uint8Array.of(0x91, 2) });
  ok(response?.type === 'failed' && response.leader === ELSEWHERE);
});

test('a map is sent only to clients that know an older one', () => {
  const [newer] = ask(routerOf({}), { type: 'map', id: 1, knownVersion: 3 });
  const [same] = ask(routerOf({}), { type: 'map', id: 1, knownVersion: 4 });
  ok(newer?.type === 'map' && newer.map.length === 1);
  ok(same?.type === 'map' && same.map.length === 0);
});

test('with a nearly full disk only deletes are accepted', () => {
  const rig = new ReplicaRig();
  rig.lead();
  const router = routerOf({ rig, isReadOnly: true });
  const key = Uint8Array.of(7);
  const write = (operation: Operation) => {
    const terms = {
      client: new Uint8Array(16),
      deadline: 1,
      sequence: 0,
    };
    const batch = encodeBatch({ ...terms, commands: [[operation]] });
    return failureOf(ask(router, { type: 'write', id: 1, shard: SHARD, epoch: EPOCH, batch }));
  };
  equal(write({ type: 'set', key, value: key, lifeMilliseconds: 0 }), 'read-only');
  equal(write({ type: 'append', key, value: key, lifeMilliseconds: 0 }), 'read-only');
  equal(write({ type: 'touch', key, lifeMilliseconds: 7 }), 'read-only');
  equal(write({ type: 'delete', key }), undefined);
});

const NO_KEY = new Uint8Array();
const WATCH = {
  ...({ type: 'watch', id: 1, shard: SHARD, epoch: EPOCH, from: NO_KEY, to: NO_KEY } as const),
  ...{ start: undefined, atLeast: 0, keysOnly: false, credit: 1000 },
};
const BARRIER = {
  ...({ type: 'barrier', id: 1, shard: SHARD, epoch: EPOCH, from: NO_KEY, to: NO_KEY } as const),
  ...{ isRecording: true, patienceMilliseconds: 1000 },
};

/** A client with room for streams, or without. */
function watcherOf(admits = true) {
  const responses: Response[] = [];
  const attached: number[] = [];
  const streams = {
    admits: () => admits,
    attach: (id: number) => void attached.push(id),
    of: () => undefined,
    detach: () => {},
  };
  const responder = { respond: (one: Response) => void responses.push(one), streams };
  return { source: { responder, isForwarded: false }, responses, attached };
}

test('no barrier and no watch reaches the catalog', () => {
  const rig = new ReplicaRig();
  rig.lead();
  const router = routerOf({ rig, shard: CATALOG_SHARD });
  const proposed = rig.entries.size;
  const barrier = { ...BARRIER, shard: CATALOG_SHARD };
  equal(failureOf(ask(router, barrier)), 'malformed');
  const { source, responses, attached } = watcherOf();
  router.route({ ...WATCH, shard: CATALOG_SHARD }, source);
  deepEqual([failureOf(responses), attached], ['malformed', []]);
  rig.turns(4);
  equal(rig.entries.size, proposed);
});

test('a watch is served by any replica, and never forwarded', () => {
  const forwarded: Request[] = [];
  const follower = new ReplicaRig();
  follower.open();
  const { source, responses, attached } = watcherOf();
  const start = { position: { index: 0, term: 0 }, cursor: undefined };
  const here = routerOf({ rig: follower, leader: ELSEWHERE, forwarded });
  here.route({ ...WATCH, start }, source);
  deepEqual([responses, attached], [[], [1]]);
  routerOf({ leader: ELSEWHERE, forwarded }).route(WATCH, source);
  deepEqual([failureOf(responses), forwarded], ['not-here', []]);
});

test('a watch needs a client that takes several responses, and room for them', () => {
  const rig = new ReplicaRig();
  rig.lead();
  const router = routerOf({ rig });
  equal(failureOf(ask(router, WATCH)), 'not-here');
  const { source, responses } = watcherOf(false);
  router.route(WATCH, source);
  equal(failureOf(responses), 'streams-full');
});

test('a watch of no key, or by an old map, is refused', () => {
  const rig = new ReplicaRig();
  rig.lead();
  const router = routerOf({ rig });
  const key = Uint8Array.of(1);
  for (const [terms, failure] of [
    [{ from: key, to: key }, 'malformed'],
    [{ epoch: EPOCH + 1 }, 'not-here'],
  ] as const) {
    const { source, responses } = watcherOf();
    router.route({ ...WATCH, ...terms }, source);
    equal(failureOf(responses), failure);
    equal(failureOf(ask(router, { ...BARRIER, ...terms })), failure);
  }
});

test('a barrier is forwarded to the leader, by a read-only node too', () => {
  const forwarded: Request[] = [];
  const isReadOnly = true;
  deepEqual(ask(routerOf({ leader: ELSEWHERE, forwarded, isReadOnly }), BARRIER), []);
  deepEqual(forwarded, [BARRIER]);
  equal(failureOf(ask(routerOf({ leader: ELSEWHERE, forwarded }), BARRIER, true)), 'not-leader');
});
