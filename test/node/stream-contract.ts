/** A request with many responses, on each transport of clients: the suite that all pass. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { ShardId } from '../../src/base/ids.ts';
import { ClientFrames } from '../../src/node/client-frames.ts';
import { Clients } from '../../src/node/clients.ts';
import type { NodeState } from '../../src/node/node-state.ts';
import type { Requests } from '../../src/node/requests.ts';
import type { Source } from '../../src/node/router.ts';
import type { Transport, TransportEvent } from '../../src/transport/transport.ts';
import { encodeRequests, type Request } from '../../src/wire/request.ts';
import { decodeResponses, type Response } from '../../src/wire/response.ts';
import { put } from '../machine/machine-rig.ts';
import { textOfResponse, WatchRig } from '../shard/watch-rig.ts';

const SHARD = 3 as ShardId;
const STREAM = 10;

/** The client end of a connection. */
export interface ClientLine {
  send(bytes: Uint8Array): void;
}

/** A transport with one client, whose frames are given to `onFrame`. */
export interface ConnectedTransport {
  readonly transport: Transport;
  readonly line: ClientLine;
  readonly pass: (milliseconds: number) => Promise<void>;
  /** Nothing is read at the client; undefined where reading cannot be stopped. */
  readonly stall?: () => void;
  readonly resume?: () => void;
  readonly end: () => Promise<void>;
}

export type Connect = (listeners: {
  readonly onEvent: (event: TransportEvent) => void;
  readonly onFrame: (bytes: Uint8Array) => void;
}) => Promise<ConnectedTransport>;

/** A node with one shard, and its client. */
class Pair {
  readonly rig = new WatchRig();
  readonly responses: Response[] = [];
  #told = 0;
  readonly closed: string[] = [];
  #link: ConnectedTransport | undefined;
  readonly #waiting: TransportEvent[] = [];
  #clients: Clients | undefined;
  #frames: ClientFrames | undefined;

  static async open(connect: Connect): Promise<Pair> {
    const pair = new Pair();
    pair.rig.record();
    const link = await connect({
      onEvent: (event) => void pair.#waiting.push(event),
      onFrame: (bytes) => void pair.responses.push(...(decodeResponses(bytes) ?? [])),
    });
    pair.#link = link;
    const { transport } = link;
    const watch = { now: () => pair.rig.rig.now, tell() {} };
    const clients = new Clients(transport, () => {}, watch);
    pair.#clients = clients;
    const node = { clients, fair: pair.rig.fair, maps: { bytes: new Uint8Array() }, transport };
    const route = (request: Request, source: Source) => pair.#route(request, source);
    const requests = { route } as unknown as Requests;
    pair.#frames = new ClientFrames({ node: node as unknown as NodeState, requests });
    await pair.pass();
    return pair;
  }

  get link(): ConnectedTransport {
    if (this.#link === undefined) throw new Error('it is connected');
    return this.#link;
  }

  send(...requests: readonly Request[]): void {
    this.link.line.send(encodeRequests(requests));
  }

  watch(terms: { readonly id?: number; readonly credit?: number } = {}): Request {
    const position = { index: this.rig.replica.applied, term: this.rig.replica.term };
    const start = { position, cursor: undefined };
    const bounds = { from: new Uint8Array(), to: new Uint8Array() };
    const about = { id: STREAM, shard: SHARD, epoch: 1, credit: 1 << 26, ...terms };
    return { type: 'watch', ...about, ...bounds, start, atLeast: 0, keysOnly: false };
  }

  /** Turns of the node, with time for frames between them. */
  async pass(rounds = 12): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      await this.link.pass(10);
      for (const event of this.#waiting.splice(0)) this.#take(event);
      this.rig.settle();
      this.#clients?.flush();
      this.#clients?.tick(this.rig.rig.now);
    }
  }

  async news(): Promise<string[]> {
    await this.pass();
    const news = this.responses.slice(this.#told);
    this.#told = this.responses.length;
    return news.map((response) => `${response.id} ${textOfResponse(response)}`);
  }

  #take(event: TransportEvent): void {
    if (event.type === 'client-up') this.#clients?.add(event.connection);
    if (event.type === 'client-frame') this.#frames?.take(event.connection, event.bytes);
    if (event.type === 'client-down') {
      this.closed.push(event.reason);
      this.#clients?.remove(event.connection);
    }
  }

  #route(request: Request, { responder }: Source): void {
    const { id } = request;
    const { streams } = responder;
    switch (request.type) {
      case 'watch': {
        const handle = this.rig.replica.watch({ responder, id }, request);
        if (handle !== undefined) streams?.attach(id, handle, 0);
        return;
      }
      case 'credit':
        return streams?.of(id)?.grant(request.bytes);
      case 'cancel':
        streams?.of(id)?.cancel();
        return streams?.detach(id);
      default:
        responder.respond({ type: 'info', id, text: new Uint8Array() });
    }
  }
}

type TestPair = (sentence: string, check: (pair: Pair) => Promise<void>) => void;

export function testStreams(name: string, connect: Connect): void {
  const testPair: TestPair = (sentence, check) => {
    test(`${name}: ${sentence}`, async () => {
      const pair = await Pair.open(connect);
      try {
        await check(pair);
        deepEqual(pair.closed, []);
      } finally {
        await pair.link.end();
      }
    });
  };
  testResponses(testPair);
  testEnds(testPair);
}

function testResponses(testPair: TestPair): void {
  testPair('one request has several responses, and others are answered between', async (pair) => {
    const at = pair.rig.replica.applied;
    pair.send(pair.watch());
    await pair.pass();
    pair.rig.do(put('a', '1'));
    pair.send({ type: 'info', id: 11 });
    deepEqual((await pair.news()).sort(), [
      `${STREAM} changes ${at}>${at + 1} a=1@${at + 1}`,
      '11 info',
    ]);
    pair.rig.do(put('a', '2'));
    deepEqual(await pair.news(), [`${STREAM} changes ${at + 1}>${at + 2} a=2@${at + 2}<${at + 1}`]);
  });

  testPair('without credit one message comes, and the next with more of it', async (pair) => {
    const at = pair.rig.replica.applied;
    pair.send(pair.watch({ credit: 1 }));
    await pair.pass();
    for (const value of ['1', '2']) pair.rig.do(put('a', value));
    deepEqual(await pair.news(), [`${STREAM} changes ${at}>${at + 1} a=1@${at + 1}`]);
    pair.send({ type: 'credit', id: STREAM, bytes: 1000 });
    equal((await pair.news()).length, 1);
  });

  testPair('a client that stops reading is not closed, and misses nothing', async (pair) => {
    const { stall, resume } = pair.link;
    pair.send(pair.watch());
    await pair.pass();
    stall?.();
    const value = 'v'.repeat(400_000);
    for (let count = 0; count < 40; count++) {
      pair.rig.do(put(`k${count % 2}`, value));
      await pair.pass(1);
    }
    resume?.();
    for (let round = 0; round < 200 && pair.responses.length < 40; round++) await pair.pass(2);
    equal(pair.responses.length, 40);
  });
}

function testEnds(testPair: TestPair): void {
  testPair('a cancelled stream ends without an answer, and its id is free', async (pair) => {
    pair.send(pair.watch());
    await pair.pass();
    pair.send({ type: 'cancel', id: STREAM });
    // The change and the cancel are on their way to each other.
    pair.rig.do(put('a', '1'));
    ok((await pair.news()).length <= 1);
    pair.rig.do(put('a', '2'));
    pair.send({ type: 'cancel', id: STREAM }, { type: 'credit', id: STREAM, bytes: 5 });
    deepEqual(await pair.news(), []);
    const at = pair.rig.replica.applied;
    pair.send(pair.watch());
    await pair.pass();
    pair.rig.do(put('b', '1'));
    deepEqual(await pair.news(), [`${STREAM} changes ${at}>${at + 1} b=1@${at + 1}`]);
  });

  testPair('a stream that ends says so once, behind what it has sent', async (pair) => {
    const at = pair.rig.replica.applied;
    pair.send(pair.watch());
    await pair.pass();
    pair.rig.do(put('a', '1'));
    await pair.pass();
    pair.rig.replica.end();
    deepEqual(await pair.news(), [
      `${STREAM} changes ${at}>${at + 1} a=1@${at + 1}`,
      `${STREAM} not-here`,
    ]);
  });
}
