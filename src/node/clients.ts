/** The connected clients, and the responses that each gets at the end of the turn. */

import type { CertifiedUser, Credential, Principal } from '../access/principal.ts';
import type { NodeId, ShardId } from '../base/ids.ts';
import { REQUEST_LIMITS } from '../base/limits.ts';
import { NODE_LIMITS } from '../base/node-limits.ts';
import { Flow } from '../shard/fair-queue.ts';
import { FAIRNESS_LIMITS } from '../shard/fairness-limits.ts';
import type { Responder } from '../shard/responder.ts';
import type { Transport, TransportEvent } from '../transport/transport.ts';
import {
  bytesMaxOfResponse,
  encodeResponses,
  endsRequest,
  type Failure,
  type Response,
} from '../wire/response.ts';
import { ClientStreams, StreamQuota } from './client-streams.ts';
import { Debt, ResponseBudget } from './response-budget.ts';
import { type UserUse, UserUses } from './user-use.ts';

/** The header of a frame. */
const HEADER_BYTES_MAX = 8;

/** A request that the audit trail names. */
export interface NamedRequest {
  /** Its last response; or its client has ended it, or is gone. Called once. */
  end(by: Response | 'closed' | 'cancelled'): void;
}

interface Asked {
  readonly at: number;
  readonly shard: ShardId | undefined;
  named?: NamedRequest;
}

/** What a node knows of a client before its hello. */
type ClientAbout = Pick<
  Extract<TransportEvent, { readonly type: 'client-up' }>,
  'nodeName' | 'certified' | 'address' | 'certificate'
>;

export class ConnectedClient implements Responder {
  readonly isClient = true;
  /** What its hello proved to have; kept because rights change while it is connected. */
  credential: Credential | undefined;
  principal: Principal | undefined;
  /** The user that its certificate names; who it is while it has no token. */
  readonly certified: CertifiedUser | undefined;
  /** The address and port that it connects from; empty if unknown. */
  readonly address: string;
  /** The name in the certificate that it has presented. */
  certificate: string | undefined;
  /** What its user uses here; undefined without access control, and for a client without a user. */
  #use: UserUse | undefined;
  readonly connection: number;
  readonly share: Flow;
  readonly #clients: Clients;
  /** The node that its certificate names; undefined without TLS. */
  readonly #nodeName: string | undefined;
  readonly debt: Debt;
  /** They take no place of other requests. */
  readonly streams: ClientStreams;
  /** Unanswered requests, without streams. */
  outstanding = 0;
  responses: Response[] = [];
  /** The largest possible size of each. */
  sizes: number[] = [];
  /** Arrival time and shard of each. */
  readonly #open = new Map<number, Asked>();
  /** Open requests of each shard. */
  readonly #ofShard = new Map<ShardId, number>();

  constructor(connection: number, clients: Clients, about: ClientAbout = {}) {
    this.connection = connection;
    this.#nodeName = about.nodeName;
    this.certified = about.certified;
    this.address = about.address ?? '';
    this.certificate = about.certificate;
    this.#clients = clients;
    this.debt = new Debt(connection);
    this.streams = new ClientStreams(clients.streams, (id) => this.#cancel(id));
    this.share = new Flow({
      client: connection,
      mayGoOn: () => clients.budget.admits(this.debt),
    });
  }

  /**
   * Whether one more request would be too many. One shard may have as many as are left for all
   * others: however many shards do not answer, there is room for those that do.
   */
  isFullFor(shard: ShardId | undefined): boolean {
    const left = NODE_LIMITS.clientRequestsMax - this.outstanding;
    const ofShard = shard === undefined ? 0 : (this.#ofShard.get(shard) ?? 0);
    return left <= ofShard;
  }

  get use(): UserUse | undefined {
    return this.#use;
  }

  /** It is one of the connections of this user from now on, or of no user. */
  countFor(use: UserUse | undefined): void {
    if (this.#use !== undefined) this.#use.connections -= 1;
    this.#use = use;
    if (use !== undefined) use.connections += 1;
    this.streams.countIn(use);
  }

  /** It waits for nothing. */
  get isIdle(): boolean {
    return this.#open.size === 0;
  }

  /** Whether a request with this id is open: another one would be taken for it. */
  hasOpen(id: number): boolean {
    return this.#open.has(id);
  }

  /** With TLS, a node joins under the name in its certificate only. */
  mayBringNode(name: string): boolean {
    return this.#nodeName === undefined || (name !== '' && this.#nodeName === name);
  }

  hint(shard: ShardId, leader: NodeId): void {
    this.respond({ type: 'leader', id: 0, shard, leader });
  }

  begin(id: number, shard: ShardId | undefined): void {
    this.outstanding += 1;
    this.#open.set(id, { at: this.#clients.watch.now(), shard });
    if (shard !== undefined) this.#ofShard.set(shard, (this.#ofShard.get(shard) ?? 0) + 1);
  }

  /** A request with many responses. */
  beginStream(id: number): void {
    this.streams.begin(id);
    this.#open.set(id, { at: this.#clients.watch.now(), shard: undefined });
  }

  /** The audit trail names this open request. */
  name(id: number, named: NamedRequest): void {
    const asked = this.#open.get(id);
    if (asked !== undefined) asked.named = named;
  }

  namedRequest(id: number): NamedRequest | undefined {
    return this.#open.get(id)?.named;
  }

  /** It is gone, and gets no more responses. */
  leave(): void {
    this.share.leave();
    this.streams.endAll();
    for (const { named } of this.#open.values()) named?.end('closed');
    this.#open.clear();
  }

  #cancel(id: number): void {
    const asked = this.#open.get(id);
    this.#open.delete(id);
    asked?.named?.end('cancelled');
  }

  respond(response: Response): void {
    // Responses for a closed connection are dropped.
    if (this.share.isGone) return;
    if (response.id > 0 && endsRequest(response)) this.#end(response);
    const bytes = bytesMaxOfResponse(response);
    this.responses.push(response);
    this.sizes.push(bytes);
    this.#clients.budget.make(this.debt, bytes);
    this.#clients.touch(this);
  }

  #end(response: Response): void {
    if (!this.streams.end(response.id)) this.outstanding -= 1;
    const asked = this.#open.get(response.id);
    this.#open.delete(response.id);
    if (asked === undefined) return;
    const { shard, at } = asked;
    asked.named?.end(response);
    if (shard !== undefined) {
      const left = (this.#ofShard.get(shard) ?? 0) - 1;
      if (left > 0) this.#ofShard.set(shard, left);
      else this.#ofShard.delete(shard);
    }
    this.#report(response, this.#clients.watch.now() - at);
  }

  #report(response: Response, milliseconds: number): void {
    const { id } = response;
    const { connection } = this;
    const { watch } = this.#clients;
    if (response.type === 'failed') {
      const { failure } = response;
      watch.tell({ type: 'request-failed', connection, id, failure, milliseconds });
    } else if (response.type !== 'ticket' && milliseconds >= NODE_LIMITS.slowMilliseconds) {
      // How long a ticket waits depends on other clients.
      watch.tell({ type: 'request-slow', connection, id, milliseconds });
    }
  }
}

/** The facts about a client's request that are logged. */
export type RequestFact =
  | {
      readonly type: 'request-failed';
      readonly connection: number;
      readonly id: number;
      readonly failure: Failure;
      readonly milliseconds: number;
    }
  | {
      readonly type: 'request-slow';
      readonly connection: number;
      readonly id: number;
      readonly milliseconds: number;
    };

interface RequestWatch {
  /** The monotone clock in milliseconds. */
  readonly now: () => number;
  readonly tell: (fact: RequestFact) => void;
}

export class Clients {
  readonly #transport: Transport;
  readonly #touched: () => void;
  readonly #clients = new Map<number, ConnectedClient>();
  #waiting = new Set<ConnectedClient>();
  #tickedAt: number;

  readonly watch: RequestWatch;
  readonly budget: ResponseBudget;
  readonly streams = new StreamQuota();
  readonly users: UserUses;

  constructor(transport: Transport, touched: () => void, watch: RequestWatch) {
    this.watch = watch;
    this.#transport = transport;
    this.#touched = touched;
    this.#tickedAt = watch.now();
    this.users = new UserUses(watch.now);
    const bufferedTo = (connection: number) => transport.bufferedToClient(connection);
    this.budget = new ResponseBudget({ bufferedTo });
  }

  get size(): number {
    return this.#clients.size;
  }

  add(connection: number, about?: ClientAbout): ConnectedClient {
    const client = new ConnectedClient(connection, this, about);
    this.#clients.set(connection, client);
    return client;
  }

  get(connection: number): ConnectedClient | undefined {
    return this.#clients.get(connection);
  }

  /** Nothing is computed for it any more. */
  remove(connection: number): void {
    const client = this.#clients.get(connection);
    if (client === undefined) return;
    this.#clients.delete(connection);
    this.#waiting.delete(client);
    client.leave();
    client.countFor(undefined);
    this.budget.forget(client.debt);
  }

  /** Closes clients that take no answers. Time in which this node did not run does not count. */
  tick(now: number): void {
    const passed = Math.min(now - this.#tickedAt, TICK_MILLISECONDS_MAX);
    this.#tickedAt = now;
    for (const { connection, text } of this.budget.tick(passed)) {
      this.remove(connection);
      this.#transport.closeClient(connection, text);
    }
  }

  touch(client: ConnectedClient): void {
    if (this.#clients.get(client.connection) !== client) return;
    this.#waiting.add(client);
    this.#touched();
  }

  /** Responses wait for the end of a turn. */
  get hasWork(): boolean {
    return this.#waiting.size > 0;
  }

  all(): readonly ConnectedClient[] {
    return [...this.#clients.values()];
  }

  /** One frame for each client, or as many as the limits require. */
  flush(): void {
    this.budget.endTurn();
    if (this.#waiting.size === 0) return;
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const client of waiting) {
      const { responses, sizes, connection } = client;
      client.responses = [];
      client.sizes = [];
      let bytes = 0;
      for (const frame of framesOf(responses, sizes)) {
        this.#transport.sendToClient(connection, frame);
        bytes += frame.length;
      }
      this.budget.send(client.debt, bytes);
      client.use?.answered(bytes);
    }
  }
}

/** A greater gap between ticks means that the process did not run. */
const TICK_MILLISECONDS_MAX = 100;

function framesOf(responses: readonly Response[], sizes: readonly number[]): readonly Uint8Array[] {
  const frames: Uint8Array[] = [];
  let from = 0;
  let bytes = HEADER_BYTES_MAX;
  sizes.forEach((more, at) => {
    const isFull =
      at - from >= REQUEST_LIMITS.requestsMax || bytes + more > FAIRNESS_LIMITS.answerBytesMax;
    if (isFull && at > from) {
      frames.push(encodeResponses(responses.slice(from, at), bytes));
      from = at;
      bytes = HEADER_BYTES_MAX;
    }
    bytes += more;
  });
  if (from < responses.length) frames.push(encodeResponses(responses.slice(from), bytes));
  return frames;
}
