/** The requests that clients may make, and those that only nodes may. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { ShardId } from '../../src/base/ids.ts';
import { NODE_LIMITS } from '../../src/base/node-limits.ts';
import { WATCH_LIMITS } from '../../src/base/watch-limits.ts';
import { ClientFrames } from '../../src/node/client-frames.ts';
import { Clients } from '../../src/node/clients.ts';
import type { NodeState } from '../../src/node/node-state.ts';
import type { Requests } from '../../src/node/requests.ts';
import { FairQueue } from '../../src/shard/fair-queue.ts';
import { FAIRNESS_LIMITS } from '../../src/shard/fairness-limits.ts';
import type { Transport } from '../../src/transport/transport.ts';
import { encodeRequests, type Request } from '../../src/wire/request.ts';
import { decodeResponses } from '../../src/wire/response.ts';
import { clientOf } from '../machine/machine-rig.ts';

const CONNECTION = 4;
const SHARD = 3 as ShardId;
const ABOUT = { id: 1, shard: SHARD, epoch: 1 };
const OWNER = { id: { home: 0, client: clientOf(1), sequence: 1 }, attempts: 0, age: 5 };

class Rig {
  readonly routed: Request['type'][] = [];
  readonly strangers: string[] = [];
  readonly answers: string[] = [];
  readonly listening: [connection: number, isWanted: boolean][] = [];
  readonly fair = new FairQueue({ onWork: () => {} });
  /** Bytes of answers that have not left. */
  buffered = 0;
  readonly #clients: Clients;
  readonly #frames: ClientFrames;

  constructor() {
    const sendToClient = (_connection: number, bytes: Uint8Array) => {
      for (const response of decodeResponses(bytes) ?? []) {
        this.answers.push(response.type === 'failed' ? response.failure : response.type);
      }
      return true;
    };
    const watch = { now: () => 0, tell() {} };
    const transport = {
      sendToClient,
      bufferedToClient: () => this.buffered,
    } as unknown as Transport;
    this.#clients = new Clients(transport, () => {}, watch);
    this.#clients.add(CONNECTION);
    const listenToClient = (connection: number, isWanted: boolean) =>
      void this.listening.push([connection, isWanted]);
    const node = {
      clients: this.#clients,
      fair: this.fair,
      maps: { clientBytes: new Uint8Array() },
      transport: { closeClient: () => {}, listenToClient },
      mention: ({ from }: { readonly from: string }) => void this.strangers.push(from),
    } as unknown as NodeState;
    const route = ({ type }: Request) => void this.routed.push(type);
    this.#frames = new ClientFrames({ node, requests: { route } as unknown as Requests });
  }

  take(...requests: readonly Request[]): void {
    this.takeBytes(encodeRequests(requests));
  }

  takeBytes(bytes: Uint8Array): void {
    this.#frames.take(CONNECTION, bytes);
    this.turn();
  }

  /** Another one is connected. */
  other(connection: number): void {
    this.#clients.add(connection);
  }

  takeFrom(connection: number, ...requests: readonly Request[]): void {
    this.#frames.take(connection, encodeRequests(requests));
  }

  leave(connection: number): void {
    this.#clients.remove(connection);
  }

  /** The number of answers. */
  owe(bytes: number): void {
    const debt = this.#clients.get(CONNECTION)?.debt;
    if (debt !== undefined) this.#clients.budget.send(debt, bytes);
  }

  get waiting(): number {
    return this.#frames.bytes;
  }

  turn(): void {
    this.fair.tick();
    this.fair.beginTurn();
    this.fair.work();
    this.fair.endTurn();
    this.#clients.flush();
  }
}

test('requests that clients may make go to the router, in order', () => {
  const rig = new Rig();
  const transaction = new Uint8Array();
  rig.take({ type: 'info', id: 1 }, { type: 'transact', ...ABOUT, id: 3, transaction });
  const participants = [{ position: 0, deadline: 1 }];
  const about = { contender: OWNER, participants, isPreempting: false };
  rig.take({ type: 'settle', ...ABOUT, ...about, id: 4 }, { type: 'pending', id: 2 });
  deepEqual(rig.routed, ['info', 'transact', 'settle', 'pending']);
  deepEqual(rig.answers, []);
});

test('a client that gives the id of an open request to another one is cut off', () => {
  const rig = new Rig();
  rig.take({ type: 'info', id: 5 }, { type: 'pending', id: 5 });
  deepEqual(rig.routed, ['info']);
  rig.take({ type: 'info', id: 6 });
  deepEqual(rig.routed, ['info'], 'it is gone');
});

test('a client with too many requests is refused, and one without open requests is served', () => {
  const rig = new Rig();
  for (let at = 0; at <= NODE_LIMITS.clientRequestsMax; at++)
    rig.take({ type: 'info', id: at + 1 });
  equal(rig.routed.length, NODE_LIMITS.clientRequestsMax);
  deepEqual(rig.answers, ['overloaded']);
});

test('shards without answers leave room for others, on the same connection', () => {
  const rig = new Rig();
  let id = 0;
  const ask = (shard: number): boolean => {
    id += 1;
    const before = rig.routed.length;
    const level = { type: 'linearizable' } as const;
    const about = { id, shard: shard as ShardId, epoch: 1, patienceMilliseconds: 100 };
    rig.take({ type: 'read', ...about, level, keys: [] });
    return rig.routed.length > before;
  };
  const { clientRequestsMax: max } = NODE_LIMITS;
  for (const stuck of [1, 2, 3]) {
    let asked = 0;
    while (ask(stuck)) asked += 1;
    ok(asked > max / 2 ** (stuck + 1), `shard ${stuck} may have ${asked}`);
  }
  ok(ask(4), 'the healthy one is served');
  ok(rig.answers.every((answer) => answer === 'overloaded'));
  equal(rig.answers.length, 3);
});

test('a connection with another protocol is closed', () => {
  const rig = new Rig();
  rig.takeBytes(Uint8Array.of(1, 2, 3));
  rig.take({ type: 'info', id: 1 });
  deepEqual([rig.strangers, rig.routed], [[`client ${CONNECTION}`], []]);
  equal(rig.waiting, 0, 'what it sent counts once');
  const other = new Rig();
  other.take({ type: 'info', id: 0 });
  deepEqual(other.strangers, [`client ${CONNECTION}`], 'no answer could be told apart from news');
});

const KEYS = Array.from({ length: 200 }, (_, at) => Buffer.from(`key ${at}`));

function readOf(id: number): Request {
  const level = { type: 'linearizable' } as const;
  const about = { shard: SHARD, epoch: 1, patienceMilliseconds: 100 };
  return { type: 'read', id, ...about, level, keys: KEYS };
}

test('a frame of many requests is served over several turns, a slice in each', () => {
  const rig = new Rig();
  const count = 4000;
  rig.takeFrom(CONNECTION, ...Array.from({ length: count }, (_, at) => readOf(at + 1)));
  const most = FAIRNESS_LIMITS.sliceCost / FAIRNESS_LIMITS.requestCost;
  let turns = 0;
  for (; rig.fair.hasWork; turns++) {
    const before = rig.routed.length;
    rig.turn();
    ok(rig.routed.length - before <= most);
  }
  ok(turns > 1);
  equal(rig.routed.length, count);
  equal(rig.waiting, 0);
});

test('a client with few requests is served in the same turn, whatever others request', () => {
  const rig = new Rig();
  rig.other(5);
  rig.takeFrom(CONNECTION, ...Array.from({ length: 4000 }, (_, at) => readOf(at + 1)));
  rig.turn();
  rig.takeFrom(5, { type: 'map', id: 1, knownVersion: 0 });
  rig.turn();
  ok(rig.routed.includes('map'));
  ok(rig.fair.hasWork, 'the other one is not through');
});

test('a connection with many waiting bytes is not read until they are served', () => {
  const rig = new Rig();
  const batch = new Uint8Array(FAIRNESS_LIMITS.queueBytesMax / 4);
  let id = 0;
  while (rig.listening.length === 0) {
    id += 1;
    rig.takeFrom(CONNECTION, { type: 'write', ...ABOUT, id, batch });
    ok(id < 10);
  }
  deepEqual(rig.listening, [[CONNECTION, false]]);
  rig.turn();
  deepEqual(rig.listening.at(-1), [CONNECTION, true]);
  equal(rig.routed.length, id);
});

test('a connection is not served while its answers wait, and then it continues', () => {
  const rig = new Rig();
  const { answerBytesMax } = FAIRNESS_LIMITS;
  rig.buffered = answerBytesMax;
  // What it was answered has not left: as of now that is what the transport says.
  rig.owe(answerBytesMax);
  rig.take({ type: 'pending', id: 2 });
  rig.turn();
  deepEqual(rig.routed, []);
  rig.buffered = 0;
  rig.turn();
  deepEqual(rig.routed, ['pending']);
});

test('requests of a closed connection are dropped', () => {
  const rig = new Rig();
  rig.takeFrom(CONNECTION, readOf(1), readOf(2));
  rig.leave(CONNECTION);
  rig.turn();
  deepEqual(rig.routed, []);
  equal(rig.waiting, 0);
});

const WATCH: Request = {
  ...{ type: 'watch', ...ABOUT, start: undefined, atLeast: 0, keysOnly: false, credit: 1 },
  ...{ from: new Uint8Array(), to: new Uint8Array() },
};

test('what is about a stream is no request of its own', () => {
  const rig = new Rig();
  rig.take(WATCH, { type: 'credit', id: 1, bytes: 5 }, { type: 'reach', id: 1, index: 7 });
  for (let round = 0; round < NODE_LIMITS.clientRequestsMax; round++) {
    rig.take({ type: 'credit', id: 9, bytes: 5 }, { type: 'cancel', id: 9 });
  }
  rig.take({ type: 'info', id: 2 });
  deepEqual(rig.routed.slice(0, 3), ['watch', 'credit', 'reach']);
  equal(rig.routed.at(-1), 'info');
  deepEqual(rig.answers, []);
});

test('a stream under the id of an open request closes the connection', () => {
  const rig = new Rig();
  rig.take({ type: 'info', id: 1 }, WATCH);
  deepEqual(rig.routed, ['info']);
  deepEqual(rig.strangers, [`client ${CONNECTION}`]);
});

test('a request under the id of an open stream closes the connection', () => {
  const rig = new Rig();
  rig.take(WATCH, { type: 'info', id: 1 });
  deepEqual(rig.routed, ['watch']);
  deepEqual(rig.strangers, [`client ${CONNECTION}`]);
});

test('with too many streams another one is refused, and requests are not', () => {
  const rig = new Rig();
  const { streamsOfConnectionMax } = WATCH_LIMITS;
  for (let id = 1; id <= streamsOfConnectionMax; id++) rig.take({ ...WATCH, id });
  deepEqual(rig.answers, []);
  rig.take({ ...WATCH, id: streamsOfConnectionMax + 1 });
  deepEqual(rig.answers, ['streams-full']);
  rig.take({ type: 'info', id: streamsOfConnectionMax + 2 });
  equal(rig.routed.at(-1), 'info');
});
