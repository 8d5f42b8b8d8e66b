/**
 * Client requests: frame by frame, request by request, in fair turns. A frame waits undecoded; a
 * connection with many waiting bytes is not read until they are served.
 */

import { NODE_LIMITS } from '../base/node-limits.ts';
import type { FairJob } from '../shard/fair-queue.ts';
import { FAIRNESS_LIMITS } from '../shard/fairness-limits.ts';
import type { Responder } from '../shard/responder.ts';
import { type Request, RequestReader } from '../wire/request.ts';
import type { Failure } from '../wire/response.ts';
import type { Audit } from './audit.ts';
import type { ConnectedClient } from './clients.ts';
import type { NodeState } from './node-state.ts';
import type { Requests } from './requests.ts';

const { queueBytesMax, queuesBytesMax, requestCost, reportCost } = FAIRNESS_LIMITS;

interface ClientFramesOptions {
  readonly node: NodeState;
  readonly requests: Requests;
  /** Undefined: nothing is audited. */
  readonly audit?: Audit | undefined;
}

/** The frames of a connection that wait to be served. */
interface Waiting {
  readonly client: ConnectedClient;
  bytes: number;
  isPaused: boolean;
}

export class ClientFrames {
  readonly #options: ClientFramesOptions;
  readonly #waiting = new Map<number, Waiting>();
  #bytes = 0;

  constructor(options: ClientFramesOptions) {
    this.#options = options;
  }

  /** Bytes of all waiting frames. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Served when the turn of its connection comes. */
  take(connection: number, bytes: Uint8Array): void {
    const { clients, fair } = this.#options.node;
    const client = clients.get(connection);
    if (client === undefined) return;
    const waiting = this.#waiting.get(connection) ?? { client, bytes: 0, isPaused: false };
    this.#waiting.set(connection, waiting);
    waiting.bytes += bytes.length;
    this.#bytes += bytes.length;
    fair.add(client.share, this.#jobOf(waiting, bytes), 'asked');
    const isFull = waiting.bytes > queueBytesMax || this.#bytes > queuesBytesMax;
    if (isFull && !waiting.isPaused) this.#pause(waiting, true);
  }

  #jobOf(waiting: Waiting, bytes: Uint8Array): FairJob {
    const reader = new RequestReader(bytes);
    let isCounted = true;
    // Once: a connection that is closed within its own request drops its waiting frames as well.
    const end = () => {
      if (isCounted) this.#end(waiting, bytes.length);
      isCounted = false;
    };
    const serve = () => this.#serveNext(waiting.client, reader);
    return {
      get isOver() {
        return reader.isOver;
      },
      run: () => {
        const { left } = reader;
        const cost = serve();
        if (reader.isOver) end();
        return cost + Math.max(left - reader.left, 0);
      },
      drop: end,
    };
  }

  /** Serves one request. Returns its cost beside its bytes. */
  #serveNext(client: ConnectedClient, reader: RequestReader): number {
    const { requests, audit } = this.#options;
    const { left } = reader;
    const request = reader.next();
    if (request === undefined || request.id === 0) {
      this.#cutOff(client);
      return requestCost;
    }
    const source = { responder: client, isForwarded: false };
    if (steersStream(request)) {
      const run = () => requests.route(request, source);
      if (audit?.defers(client, request.id, run) !== true) run();
      return requestCost;
    }
    // Its responses could not be told from those of the open one, whose end would be missed.
    if (client.hasOpen(request.id)) {
      this.#cutOff(client);
      return requestCost;
    }
    const failure = begin(client, request);
    const named = audit?.name(client, request);
    if (failure !== undefined) refuse(client, request, failure);
    else {
      const limited = client.use?.charge(request, left - reader.left);
      if (limited !== undefined) client.respond({ type: 'limited', id: request.id, ...limited });
      else if (named === undefined) requests.route(request, source);
      else {
        const isDenied = () => requests.objectionTo(request, source) !== undefined;
        const run = (own: Request) => requests.route(own, source);
        audit?.serve(named, { client, request, isDenied, run });
      }
    }
    return this.#costOf(request);
  }

  #cutOff({ connection }: ConnectedClient): void {
    const { clients, transport } = this.#options.node;
    clients.remove(connection);
    transport.closeClient(connection, 'a frame that is not of this protocol');
    this.#options.node.mention({ type: 'frame-refused', from: `client ${connection}` });
  }

  #costOf({ type }: Request): number {
    if (type === 'map') return requestCost + this.#options.node.maps.clientBytes.length;
    return type === 'info' || type === 'pending' ? reportCost : requestCost;
  }

  #end(waiting: Waiting, bytes: number): void {
    waiting.bytes -= bytes;
    this.#bytes -= bytes;
    if (waiting.isPaused && waiting.bytes <= queueBytesMax / 2) this.#pause(waiting, false);
    if (waiting.bytes === 0) this.#waiting.delete(waiting.client.connection);
  }

  #pause(waiting: Waiting, isPaused: boolean): void {
    waiting.isPaused = isPaused;
    this.#options.node.transport.listenToClient(waiting.client.connection, !isPaused);
  }
}

/** It is about an open stream, and has no answer of its own. */
function steersStream({ type }: Request): boolean {
  return type === 'credit' || type === 'cancel' || type === 'reach';
}

/** Counts a request that is to be answered. Returns why it is refused. */
function begin(client: ConnectedClient, request: Request): Failure | undefined {
  if (request.type === 'watch') {
    const { isFull } = client.streams;
    client.beginStream(request.id);
    return isFull ? 'streams-full' : undefined;
  }
  const shard = 'shard' in request ? request.shard : undefined;
  const isFull = client.isFullFor(shard);
  client.begin(request.id, shard);
  return isFull ? 'overloaded' : undefined;
}

function refuse(responder: Responder, { id }: Request, failure: Failure): void {
  const retryAfterMilliseconds = failure === 'overloaded' ? NODE_LIMITS.beatMilliseconds : 0;
  responder.respond({ type: 'failed', id, failure, time: 0, leader: 0, retryAfterMilliseconds });
}
