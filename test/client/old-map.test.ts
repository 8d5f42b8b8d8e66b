/** A client whose only node is partitioned from the cluster, and has an old map. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeId } from '../../src/base/ids.ts';
import { Random } from '../../src/base/random.ts';
import { encodeMap } from '../../src/catalog/map-bytes.ts';
import type { Call } from '../../src/client/core/call.ts';
import { Core } from '../../src/client/core/core.ts';
import { CLIENT_LIMITS } from '../../src/client/limits.ts';
import { decodeRequests, type Request } from '../../src/wire/request.ts';
import { encodeResponses, type Response } from '../../src/wire/response.ts';
import { mapOf, urlOf } from './model/map.ts';

const LIMITS = { keyBytesMax: 4096, valueBytesMax: 1024 };
const NO_ROW = new Uint8Array(0);
const URLS = [urlOf(1), urlOf(2), urlOf(3)];

/** Nodes that are up as soon as they are dialled; the test writes their answers. */
class Town {
  readonly dialled: string[] = [];
  readonly #urls = new Map<number, string>();
  readonly #core: Core;
  readonly #say: (url: string, request: Request) => Response;
  #said: { readonly connection: number; readonly response: Response }[] = [];
  #fresh: number[] = [];
  now = 0;

  constructor(say: (url: string, request: Request) => Response) {
    this.#say = say;
    this.#core = new Core({
      port: {
        dial: (connection, url) => {
          this.dialled.push(url);
          this.#urls.set(connection, url);
          this.#fresh.push(connection);
        },
        hangUp: () => {},
        send: (connection, bytes) => {
          const url = this.#urls.get(connection) ?? '';
          for (const request of decodeRequests(bytes) ?? []) {
            this.#said.push({ connection, response: this.#say(url, request) });
          }
        },
      },
      urls: URLS,
      client: new Uint8Array(16).fill(5),
      random: new Random(13),
      balance: 'round-robin',
      now: 0,
    });
  }

  call(call: Call): void {
    this.#core.step({ type: 'call', call, now: this.now });
  }

  pass(milliseconds: number): void {
    for (const end = this.now + milliseconds; this.now < end; this.now += 10) this.#turn();
  }

  #turn(): void {
    const { now } = this;
    this.#core.step({ type: 'tick', now });
    for (const connection of this.#fresh.splice(0)) {
      const node = Number(/\d+/.exec(this.#urls.get(connection) ?? '')?.[0]) as NodeId;
      const greeting = { cluster: 'model', node, limits: LIMITS };
      this.#core.step({ type: 'up', connection, greeting, now });
    }
    for (const { connection, response } of this.#said.splice(0)) {
      const bytes = encodeResponses([response]);
      this.#core.step({ type: 'frame', connection, bytes, now });
    }
    this.#core.step({ type: 'flush', now });
  }
}

function mapFor(request: Request, nodes: number, version: number): Response {
  const isNews = request.type === 'map' && request.knownVersion < version;
  const map = isNews ? encodeMap(mapOf({ nodes, shards: 1, version }), 0) : new Uint8Array(0);
  return { type: 'map', id: request.id, map };
}

function failed({ id }: Request, failure: 'not-leader' | 'overloaded'): Response {
  return { type: 'failed', id, failure, time: 0, leader: 0, retryAfterMilliseconds: 0 };
}

function read(): { readonly call: Call; readonly told: string[] } {
  const told: string[] = [];
  const call: Call = {
    type: 'read',
    keys: [Buffer.from('a')],
    level: { type: 'linearizable' },
    isJoint: false,
    timeoutMilliseconds: 10_000,
    settle: (result) => void told.push(result.type),
  };
  return { call, told };
}

test('where no node knows a leader, another node is asked for the map', () => {
  const town = new Town((url, request) => {
    const isCutOff = url === urlOf(1);
    // It knows no other nodes, and does not learn of them.
    if (request.type === 'map') return mapFor(request, isCutOff ? 1 : 3, isCutOff ? 1 : 2);
    if (isCutOff) return failed(request, 'not-leader');
    return { type: 'rows', id: request.id, time: 1, index: 1, rows: [NO_ROW] };
  });
  const { call, told } = read();
  town.call(call);
  town.pass(8000);
  equal(town.dialled[0], urlOf(1), 'it is met first');
  ok(town.dialled.length > 1, 'another url was dialled');
  deepEqual(told, ['rows']);
});

test('no node is dialled for a map that is not wanted, and each node once at its address', () => {
  const town = new Town((_, request) => {
    if (request.type === 'map') return mapFor(request, 3, 1);
    return failed(request, 'overloaded');
  });
  const { call } = read();
  town.call(call);
  town.pass(4 * CLIENT_LIMITS.mapMilliseconds);
  equal(town.dialled.length, 2, 'the first contact and the leader');
});
