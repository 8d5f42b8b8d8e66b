/** Connections: one per node, dialled on demand, and the requests in flight on each. */

import type { NodeId, ShardId } from '../../base/ids.ts';
import { REQUEST_LIMITS } from '../../base/limits.ts';
import type { Random } from '../../base/random.ts';
import { bytesMaxOf } from '../../base/schema.ts';
import { encodeRequests, type Request } from '../../wire/request.ts';
import { endsRequest, type Response } from '../../wire/response.ts';
import { CLIENT_LIMITS } from '../limits.ts';
import type { Outage } from './outage.ts';
import { type ClientPort, type Greeting, isOverLimit } from './port.ts';
import { BACKOFF, backoffAfter } from './retry-policy.ts';
import type { RequestBody, ShardRequest } from './shard-request.ts';

/** A request in flight. */
interface Sent {
  /** Undefined for the map, which is for no single call. */
  readonly request: ShardRequest | undefined;
  readonly bytes: number;
}

/** What one more request would add. */
type Load = Pick<RequestBody, 'shard' | 'bytes' | 'kind'>;

/** A dial, and the connection that it became. */
export class Connection {
  readonly number: number;
  readonly url: string;
  /** The url in messages. */
  readonly name: string;
  readonly dialledAt: number;
  /** Known once it is up. */
  greeting: Greeting | undefined;
  readonly sent = new Map<number, Sent>();
  /** Their number for each shard. */
  readonly sentTo = new Map<ShardId, number>();
  sentBytes = 0;
  /** Requests that wait for locks: they may be open for long, and take no room from others. */
  awaits = 0;
  nextId = 1;
  outbox: Request[] = [];
  outboxBytes = 0;
  /** How long it has owed an answer in silence, while this process was awake. */
  silentMilliseconds = 0;
  isProbed = false;

  constructor(options: Pick<Connection, 'number' | 'url' | 'name' | 'dialledAt'>) {
    this.number = options.number;
    this.url = options.url;
    this.name = options.name;
    this.dialledAt = options.dialledAt;
  }

  breakSilence(): void {
    this.silentMilliseconds = 0;
    this.isProbed = false;
  }
}

/** A url, and its connection or the backoff before the next dial. */
interface Place {
  readonly url: string;
  connection: Connection | undefined;
  failures: number;
  dialAt: number;
  /** Why it is not connected. */
  trouble: string;
}

interface ConnectionsOptions {
  readonly port: ClientPort;
  readonly random: Random;
  /** How messages name a url. */
  readonly nameOf: (url: string) => string;
  /** The id of the cluster; empty until the first node has answered. */
  readonly cluster: () => string;
  readonly outage: Outage;
}

export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #places = new Map<string, Place>();
  readonly #byNumber = new Map<number, Connection>();
  readonly #byNode = new Map<NodeId, Connection>();
  #nextNumber = 1;
  /** A node has greeted this client at some time. */
  wasUp = false;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  get all(): Iterable<Connection> {
    return this.#byNumber.values();
  }

  numbered(connection: number): Connection | undefined {
    return this.#byNumber.get(connection);
  }

  /** The connection to this node, if it is up. */
  toNode(node: NodeId): Connection | undefined {
    return this.#byNode.get(node);
  }

  /** A random one of those that are up and suit. */
  any(suits: (connection: Connection) => boolean = () => true): Connection | undefined {
    const up = [...this.#byNode.values()].filter(suits);
    return up.length === 0 ? undefined : this.#options.random.pick(up);
  }

  /** No node has greeted this client. */
  get isNoneUp(): boolean {
    return this.dials.length === this.#byNumber.size;
  }

  /** Dials without an answer so far. */
  get dials(): readonly Connection[] {
    return [...this.#byNumber.values()].filter(({ greeting }) => greeting === undefined);
  }

  nameOf(url: string): string {
    return this.#options.nameOf(url);
  }

  /** Whether each of these urls was dialled, in vain or to be lost again, and none is up. */
  areAllDown(urls: readonly string[]): boolean {
    return urls.every((url) => {
      const place = this.#places.get(url);
      return place !== undefined && place.connection === undefined && place.failures > 0;
    });
  }

  troubleAt(url: string): string {
    return this.#places.get(url)?.trouble ?? '';
  }

  /** Whether a dial is in progress. False during the backoff after a failure. */
  dial(url: string, now: number): boolean {
    let place = this.#places.get(url);
    if (place === undefined) {
      place = { url, connection: undefined, failures: 0, dialAt: 0, trouble: '' };
      this.#places.set(url, place);
    }
    // A url that turned out to lead to another node is of no use here.
    if (place.connection !== undefined) return place.connection.greeting === undefined;
    if (now < place.dialAt) return false;
    const number = this.#nextNumber++;
    const connection = new Connection({ number, url, name: this.nameOf(url), dialledAt: now });
    place.connection = connection;
    this.#byNumber.set(connection.number, connection);
    this.#options.port.dial(connection.number, url, this.#options.cluster());
    return true;
  }

  greet(connection: Connection, greeting: Greeting): void {
    connection.greeting = greeting;
    this.wasUp = true;
    this.#options.outage.end();
    const place = this.#places.get(connection.url);
    if (place !== undefined) place.failures = 0;
    // Two urls may lead to one node: the first connection is used, the other kept in reserve.
    if (!this.#byNode.has(greeting.node)) this.#byNode.set(greeting.node, connection);
  }

  /**
   * One shard may have twice as many requests in flight as are left to all others: however many
   * shards do not answer, there is room for those that do. Leases are kept alive in any case: there
   * are few such requests, one or two for a shard.
   */
  hasRoom({ sent, sentTo, sentBytes, awaits }: Connection, { shard, bytes, kind }: Load): boolean {
    if (sent.size === 0 || kind === 'keep') return true;
    if (kind === 'await-ticket') return awaits < CLIENT_LIMITS.sentAwaitsMax;
    const left = CLIENT_LIMITS.sentRequestsMax - (sent.size - awaits);
    return 2 * left > (sentTo.get(shard) ?? 0) && sentBytes + bytes <= CLIENT_LIMITS.sentBytesMax;
  }

  /** It is sent with the next `flush`. */
  post(connection: Connection, message: Request, request: ShardRequest | undefined): void {
    const bytes = this.tell(connection, message);
    if (connection.sent.size === 0) connection.breakSilence();
    connection.sent.set(message.id, { request, bytes });
    connection.sentBytes += bytes;
    if (request !== undefined) count(connection, request, 1);
  }

  /** The same for what is about a stream: no single answer is due. Returns its size. */
  tell(connection: Connection, message: Request): number {
    const bytes = bytesMaxOf(message);
    const isFull =
      connection.outboxBytes + bytes > CLIENT_LIMITS.frameBytesMax - FRAME_HEADER_BYTES ||
      connection.outbox.length >= REQUEST_LIMITS.requestsMax;
    if (isFull) this.#send(connection);
    connection.outbox.push(message);
    connection.outboxBytes += bytes;
    return bytes;
  }

  /** The request that the response ends. Those of a stream end none. */
  receive(connection: Connection, response: Response): Sent | undefined {
    if (!endsRequest(response)) return undefined;
    const { id } = response;
    const sent = connection.sent.get(id);
    if (sent === undefined) return undefined;
    connection.sent.delete(id);
    connection.sentBytes -= sent.bytes;
    if (sent.request !== undefined) count(connection, sent.request, -1);
    return sent;
  }

  /** One frame per node, or more if the limits require it. */
  flush(): void {
    for (const connection of this.#byNumber.values()) {
      if (connection.outbox.length > 0) this.#send(connection);
    }
  }

  /** It is gone. The caller decides about the requests in flight. */
  lose(connection: Connection, reason: string, now: number): void {
    this.#byNumber.delete(connection.number);
    const node = connection.greeting?.node;
    if (node !== undefined && this.#byNode.get(node) === connection) {
      this.#byNode.delete(node);
      for (const other of this.#byNumber.values()) {
        if (other.greeting?.node === node) this.#byNode.set(node, other);
      }
    }
    if (node === undefined && this.#byNode.size === 0) {
      this.#options.outage.fail(connection.name, reason, now);
    }
    const place = this.#places.get(connection.url);
    if (place?.connection !== connection) return;
    place.connection = undefined;
    // It was up for a moment each time, so its failures are not counted.
    const failures = isOverLimit(reason) ? CLIENT_LIMITS.limitedDialFailures : place.failures;
    place.dialAt = now + backoffAfter(failures, BACKOFF.redial, this.#options.random);
    place.failures += 1;
    place.trouble = reason;
  }

  hangUp(connection: Connection, reason: string, now: number): void {
    this.lose(connection, reason, now);
    this.#options.port.hangUp(connection.number);
  }

  #send(connection: Connection): void {
    const { outbox, outboxBytes } = connection;
    connection.outbox = [];
    connection.outboxBytes = 0;
    const frame = encodeRequests(outbox, outboxBytes + FRAME_HEADER_BYTES);
    this.#options.port.send(connection.number, frame);
  }
}

const FRAME_HEADER_BYTES = 16;

function count(connection: Connection, { shard, body }: ShardRequest, more: 1 | -1): void {
  if (body.kind === 'await-ticket') connection.awaits += more;
  if (body.kind === 'await-ticket' || body.kind === 'keep') return;
  const { sentTo } = connection;
  const count = (sentTo.get(shard) ?? 0) + more;
  if (count > 0) sentTo.set(shard, count);
  else sentTo.delete(shard);
}
