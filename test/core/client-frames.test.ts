/** What clients may ask, and what only nodes may. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { ShardId } from '../../src/base/ids.ts';
import { NODE_LIMITS } from '../../src/base/limits.ts';
import { ClientFrames } from '../../src/core/client-frames.ts';
import { Clients } from '../../src/core/clients.ts';
import type { Router } from '../../src/router/router.ts';
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
  readonly strangers: number[] = [];
  readonly answers: string[] = [];
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
    const transport = { sendToClient } as unknown as Transport;
    this.#clients = new Clients(transport, () => {}, watch);
    this.#clients.add(CONNECTION);
    this.#frames = new ClientFrames({
      clients: this.#clients,
      router: { route: ({ type }: Request) => void this.routed.push(type) } as unknown as Router,
      onStranger: (connection) => this.strangers.push(connection),
    });
  }

  take(...requests: readonly Request[]): void {
    this.takeBytes(encodeRequests(requests));
  }

  takeBytes(bytes: Uint8Array): void {
    this.#frames.take(CONNECTION, bytes);
    this.#clients.flush();
  }
}

test('what a client may ask goes to the router, in order', () => {
  const rig = new Rig();
  const transaction = new Uint8Array();
  rig.take({ type: 'info', id: 1 }, { type: 'transact', ...ABOUT, transaction });
  const participants = [{ position: 0, deadline: 1 }];
  const about = { contender: OWNER, participants, isPressing: false };
  rig.take({ type: 'settle', ...ABOUT, ...about }, { type: 'pending', id: 2 });
  deepEqual(rig.routed, ['info', 'transact', 'settle', 'pending']);
  deepEqual(rig.answers, []);
});

test('one that asks too much at a time is told so, and one that asks no longer is heard', () => {
  const rig = new Rig();
  for (let at = 0; at <= NODE_LIMITS.clientRequestsMax; at++)
    rig.take({ type: 'info', id: at + 1 });
  equal(rig.routed.length, NODE_LIMITS.clientRequestsMax);
  deepEqual(rig.answers, ['overloaded']);
});

test('shards that answer nothing leave room for those that do, on the same connection', () => {
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

test('one that speaks something else is cut off', () => {
  const rig = new Rig();
  rig.takeBytes(Uint8Array.of(1, 2, 3));
  rig.take({ type: 'info', id: 1 });
  deepEqual([rig.strangers, rig.routed], [[CONNECTION], []]);
  const other = new Rig();
  other.take({ type: 'info', id: 0 });
  deepEqual(other.strangers, [CONNECTION], 'no answer could be told apart from news');
});
