/** Responses leave in frames within the limits, and are dropped once the client is gone. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { ShardId } from '../../src/base/ids.ts';
import { REQUEST_LIMITS, WIRE_LIMITS } from '../../src/base/limits.ts';
import { NODE_LIMITS } from '../../src/base/node-limits.ts';
import { WATCH_LIMITS } from '../../src/base/watch-limits.ts';
import { Clients, type RequestFact } from '../../src/node/clients.ts';
import { WATCH_NODE_LIMITS } from '../../src/node/limits.ts';
import { FAIRNESS_LIMITS } from '../../src/shard/fairness-limits.ts';
import type { Transport } from '../../src/transport/transport.ts';
import { decodeResponses, type Response } from '../../src/wire/response.ts';

function clientsOf() {
  const frames: Uint8Array[] = [];
  const sendToClient = (_connection: number, bytes: Uint8Array) => frames.push(bytes) > 0;
  let touches = 0;
  const facts: RequestFact[] = [];
  const clock = { now: 0 };
  const touched = () => {
    touches += 1;
  };
  const watch = { now: () => clock.now, tell: (fact: RequestFact) => facts.push(fact) };
  const transport = { sendToClient, bufferedToClient: () => 0 };
  const clients = new Clients(transport as unknown as Transport, touched, watch);
  return { clients, frames, touches: () => touches, facts, clock };
}

function written(id: number): Response {
  return { type: 'written', id, time: 1, replies: [] };
}

test('one frame has all responses of a turn to a client', () => {
  const { clients, frames, touches } = clientsOf();
  const client = clients.add(1);
  client.respond(written(1));
  client.respond(written(2));
  ok(touches() > 0, 'a turn has to end');
  deepEqual(frames, []);
  clients.flush();
  clients.flush();
  deepEqual(
    frames.map((bytes) => decodeResponses(bytes)?.map(({ id }) => id)),
    [[1, 2]],
  );
});

test('responses that exceed a frame leave in several, in order', () => {
  const { clients, frames } = clientsOf();
  const client = clients.add(1);
  const count = REQUEST_LIMITS.requestsMax + 1;
  for (let id = 1; id <= count; id++) client.respond(written(id));
  const row = new Uint8Array(FAIRNESS_LIMITS.answerBytesMax / 2 - 100);
  for (let id = 1; id <= 3; id++) {
    client.respond({ type: 'rows', id, time: 1, index: 1, rows: [row] });
  }
  const large = [new Uint8Array(WIRE_LIMITS.payloadBytesMax)];
  client.respond({ type: 'rows', id: 4, time: 1, index: 1, rows: large });
  clients.flush();
  const ids = frames.map((bytes) => {
    ok(bytes.length <= WIRE_LIMITS.frameBytesMax);
    return decodeResponses(bytes)?.length;
  });
  deepEqual(ids, [REQUEST_LIMITS.requestsMax, 2, 2, 1], 'one that is larger alone goes alone');
});

test('a client that reads no answers is closed, however busy the node is', () => {
  const closed: string[] = [];
  const transport = {
    sendToClient: () => true,
    bufferedToClient: () => 1000,
    closeClient: (connection: number, text: string) => closed.push(`${connection}: ${text}`),
  };
  const watch = { now: () => 5000, tell() {} };
  const clients = new Clients(transport as unknown as Transport, () => {}, watch);
  clients.add(1).respond(written(1));
  clients.flush();
  const { stallMilliseconds } = FAIRNESS_LIMITS;
  for (let passed = 0; passed < stallMilliseconds; passed += 20) {
    clients.flush();
    clients.tick(5000 + passed);
  }
  deepEqual(closed, []);
  clients.tick(5000 + stallMilliseconds);
  deepEqual(closed, [
    `1: 1000 bytes wait for you, and none of them left in ${stallMilliseconds} ms; read faster`,
  ]);
  equal(clients.size, 0);
});

test('time in which the node did not run does not count against slow clients', () => {
  const { clients } = clientsOf();
  clients.add(1).respond(written(1));
  clients.flush();
  for (let at = 1; at < 10; at++) clients.tick(at * 1_000_000);
  equal(clients.size, 1);
});

test('responses to a client that is gone are dropped', () => {
  const { clients, frames } = clientsOf();
  const client = clients.add(1);
  client.respond(written(1));
  clients.remove(1);
  client.respond(written(2));
  clients.flush();
  deepEqual(frames, []);
  equal(clients.size, 0);
});

test('the open requests of a client are bounded, and answers make room', () => {
  const { clients } = clientsOf();
  const client = clients.add(1);
  for (let id = 1; id <= NODE_LIMITS.clientRequestsMax; id++) client.begin(id, undefined);
  equal(client.isFullFor(undefined), true);
  client.respond(written(1));
  equal(client.isFullFor(undefined), false);
  client.respond({ type: 'map', id: 0, map: new Uint8Array() });
  equal(client.outstanding, NODE_LIMITS.clientRequestsMax - 1, 'that one was not requested');
});

test('a failed or slow request is reported, with its connection and its number', () => {
  const { clients, facts, clock } = clientsOf();
  const client = clients.add(7);
  for (const id of [1, 2, 3]) client.begin(id, undefined);
  clock.now = NODE_LIMITS.slowMilliseconds - 1;
  client.respond(written(1));
  const failure = 'closing' as const;
  const rest = { time: 0, leader: 0, retryAfterMilliseconds: 0 };
  client.respond({ type: 'failed', id: 2, failure, ...rest });
  clock.now += 1;
  client.respond(written(3));
  const [connection, milliseconds] = [7, NODE_LIMITS.slowMilliseconds];
  deepEqual(facts, [
    { type: 'request-failed', connection, id: 2, failure, milliseconds: milliseconds - 1 },
    { type: 'request-slow', connection, id: 3, milliseconds },
  ]);
  equal(client.outstanding, 0);
});

function changes(id: number): Response {
  const block = new Uint8Array(9);
  const at = { sequence: 1, after: 0, through: 5, throughTerm: 1 };
  return { type: 'changes', id, ...at, kind: 'changes', block, cursor: new Uint8Array() };
}

const NOT_FRESH: Response = {
  ...{ type: 'failed', id: 7, failure: 'not-fresh', time: 0, leader: 0 },
  retryAfterMilliseconds: 0,
};

const STREAM = () => {
  const told: string[] = [];
  const handle = {
    grant: (bytes: number) => void told.push(`grant ${bytes}`),
    reach: (index: number) => void told.push(`reach ${index}`),
    cancel: () => void told.push('cancel'),
  };
  return { told, handle };
};

test('a stream is open until the response that ends it, however many come before', () => {
  const { clients, frames } = clientsOf();
  const client = clients.add(1);
  client.beginStream(7);
  client.respond(changes(7));
  client.respond(changes(7));
  deepEqual([client.streams.size, client.hasOpen(7)], [1, true]);
  client.respond(NOT_FRESH);
  deepEqual([client.streams.size, client.hasOpen(7)], [0, false]);
  clients.flush();
  const types = frames.flatMap((bytes) => decodeResponses(bytes)?.map(({ type }) => type));
  deepEqual(types, ['changes', 'changes', 'failed']);
});

test('a stream that its client cancels is no longer open', () => {
  const { clients } = clientsOf();
  const client = clients.add(1);
  client.beginStream(7);
  client.begin(8, 3 as ShardId);
  client.streams.detach(8);
  client.streams.detach(7);
  client.streams.detach(7);
  deepEqual([client.streams.size, client.hasOpen(7), client.hasOpen(8)], [0, false, true]);
});

test('streams take no place of other requests, and requests none of streams', () => {
  const { clients } = clientsOf();
  const client = clients.add(1);
  const shard = 3 as ShardId;
  const { streamsOfConnectionMax } = WATCH_LIMITS;
  const { streams } = client;
  for (let id = 1; id <= streamsOfConnectionMax; id++) {
    equal(streams.isFull, false);
    client.beginStream(id);
  }
  deepEqual([streams.isFull, client.isFullFor(shard), client.outstanding], [true, false, 0]);
  streams.detach(1);
  for (let id = 1; !client.isFullFor(shard); id++) client.begin(streamsOfConnectionMax + id, shard);
  equal(streams.isFull, false);
});

test('the streams of a client that is gone are cancelled, and one that comes too late', () => {
  const { clients } = clientsOf();
  const client = clients.add(1);
  const [one, late] = [STREAM(), STREAM()];
  client.beginStream(1);
  client.streams.attach(1, one.handle, 10);
  client.beginStream(2);
  clients.remove(1);
  deepEqual(one.told, ['cancel']);
  client.streams.attach(2, late.handle, 10);
  deepEqual(late.told, ['cancel']);
  equal(client.streams.size, 0);
});

test('a node bounds the ranges of the streams of all clients', () => {
  const { clients } = clientsOf();
  const [one, other] = [clients.add(1), clients.add(2)];
  const { rangesBytesMax } = WATCH_NODE_LIMITS;
  one.beginStream(1);
  one.streams.attach(1, STREAM().handle, rangesBytesMax - 10);
  equal(other.streams.admits(10), true);
  equal(other.streams.admits(11), false);
  one.respond({ ...NOT_FRESH, id: 1 });
  equal(other.streams.admits(rangesBytesMax), true);
  one.beginStream(2);
  one.streams.attach(2, STREAM().handle, rangesBytesMax);
  clients.remove(1);
  equal(other.streams.admits(rangesBytesMax), true);
});
