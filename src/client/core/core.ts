/**
 * The core of a client: calls, frames and time in; frames, dials and results out. Pure.
 *
 * Every call ends exactly once, by its timeout at the latest, with a result or with a failure that
 * says whether it took effect.
 */

import { present, unreachable } from '../../base/assert.ts';
import type { Attempt } from '../../base/errors.ts';
import type { NodeId, ShardId } from '../../base/ids.ts';
import type { Random } from '../../base/random.ts';
import { decodeResponses } from '../../wire/response.ts';
import { CLIENT_LIMITS } from '../limits.ts';
import { Admission } from './admission.ts';
import { type Balance, Balancer } from './balance.ts';
import { Batcher } from './batcher.ts';
import {
  type Call,
  isProtected,
  type ReadCall,
  type RowsRead,
  type WriteCall,
  type Writing,
} from './call.ts';
import { type CallFailure, notApplied } from './call-failure.ts';
import { type Connection, Connections } from './connections.ts';
import { ClientCoordination, isEnding } from './coordination/coordination.ts';
import type { CoreWrite } from './coordination/core-write.ts';
import { arrivalAt, Dispatch } from './dispatch.ts';
import { EarlyCalls } from './early-calls.ts';
import { type CallContext, startCount, startValidation } from './fan-out.ts';
import { JointRead } from './joint-read.ts';
import { MapSource } from './map-source.ts';
import { OpenCalls } from './open-calls.ts';
import { Outage } from './outage.ts';
import {
  type ClientEvent,
  type ClientPort,
  type CloseReason,
  type Greeting,
  WRONG_CLUSTER,
} from './port.ts';
import { RetryBudget } from './retry-policy.ts';
import { Routing } from './routing.ts';
import { dropPage, startPage } from './scan-pages.ts';
import { Sessions } from './sessions.ts';
import { Listener } from './shard-request.ts';
import { guardedCommand, ShardSplit } from './shard-split.ts';
import type { WatchCall } from './streams/watch-call.ts';
import { Watches } from './streams/watches.ts';
import {
  NOTHING_SEEN,
  type TransactListener,
  TransactRequest,
  type TransactTerms,
} from './transact-request.ts';

interface CoreOptions {
  readonly port: ClientPort;
  /** At least one url of a node of the cluster. */
  readonly urls: readonly string[];
  /** How messages name a url. As it is by default. */
  readonly nameOf?: (url: string) => string;
  /** The id of the only cluster to use; by default that of the first node that answers. */
  readonly cluster?: string;
  /** 16 random bytes, the name of its sessions: no other client may draw the same. */
  readonly client: Uint8Array;
  readonly random: Random;
  readonly balance: Balance;
  /** After so many milliseconds without any node calls fail at once; by default they wait. */
  readonly failFastMilliseconds?: number | undefined;
  readonly now: number;
}

export class Core {
  readonly #options: CoreOptions;
  readonly #openCalls = new OpenCalls();
  readonly #routing = new Routing();
  readonly #outage: Outage;
  readonly #admission: Admission;
  readonly #connections: Connections;
  readonly #batcher: Batcher;
  readonly #dispatch: Dispatch;
  readonly #context: CallContext;
  readonly #watches: Watches;
  readonly #mapSource: MapSource;
  readonly #coordination: ClientCoordination;
  readonly #early: EarlyCalls;
  #cluster: string;
  #tickedAt: number;
  #closed: CallFailure | undefined;

  constructor(options: CoreOptions) {
    const { port, urls, client, random, balance, now } = options;
    const { nameOf = (url: string) => url } = options;
    this.#options = options;
    this.#cluster = options.cluster ?? '';
    const outage = new Outage({ failsAfter: options.failFastMilliseconds });
    this.#outage = outage;
    this.#admission = new Admission({ outage });
    const cluster = () => this.#cluster;
    const connections = new Connections({ port, random, nameOf, cluster, outage });
    const sessions = new Sessions({ client });
    const routing = this.#routing;
    const openCalls = this.#openCalls;
    this.#connections = connections;
    this.#batcher = new Batcher({
      openCalls,
      listener: {
        onRows: ({ call, expiresAt }, result) => this.#takeRows(call, expiresAt, result),
        onFailure: ({ call }, failure) => openCalls.settle(call, failure),
      },
    });
    const mapSource = new MapSource({ urls, routing, connections, random });
    this.#mapSource = mapSource;
    this.#early = new EarlyCalls({ urls, openCalls, connections, mapSource });
    const shared = {
      routing,
      connections,
      balancer: new Balancer({ balance, random }),
      random,
      budget: new RetryBudget({ now }),
      onMapOld: () => mapSource.want(),
      onRetry: (shard: ShardId, attempt: Attempt) => port.retried?.(shard, attempt),
    };
    const dispatch = new Dispatch({ ...shared, sessions, now });
    this.#dispatch = dispatch;
    this.#watches = new Watches({
      ...shared,
      cluster: () => this.#cluster,
      submit: (body) => dispatch.submit(body),
      onNotice: (notice) => port.watched?.(notice),
      now,
    });
    this.#context = {
      openCalls,
      routing,
      submit: (body, contentions) => dispatch.submit(body, contentions),
      transact: (terms, listener) => this.#transact(terms, listener),
    };
    this.#coordination = new ClientCoordination({
      client,
      shardOf: routing.shardOf,
      toldTimeOf: (shard) => sessions.toldTimeOf(shard),
      submit: (body) => dispatch.submit(body),
      write: (write) => this.#writeOwn(write),
      settle: (call, result) => openCalls.settle(call, result as CallFailure),
      onLeaseChange: (lease) => port.leaseChanged?.(lease),
    });
    this.#coordination.pass(now);
    this.#tickedAt = now;
  }

  /** No call, request or dial is open, though leases or watches may be: fewer ticks suffice. */
  get isCalm(): boolean {
    const isOpen = this.#openCalls.calls > 0 || !this.#dispatch.isIdle;
    return !isOpen && this.#connections.dials.length === 0;
  }

  /** Whether it needs ticks: a call, a request or a dial is open, or a lease or a watch. */
  get isBusy(): boolean {
    const isOpen = this.#openCalls.calls > 0 || !this.#dispatch.isIdle;
    const isWaiting = isOpen || this.#watches.size > 0 || this.#coordination.isBusy;
    return this.#closed === undefined && (isWaiting || this.#connections.dials.length > 0);
  }

  /** The id of the cluster; empty until the first node has answered. */
  get cluster(): string {
    return this.#cluster;
  }

  /** Whether time matters to a lease. */
  get hasLeases(): boolean {
    return this.#coordination.leases.count > 0;
  }

  /** No node is connected. */
  get isCutOff(): boolean {
    return this.#connections.isNoneUp;
  }

  /** Whether something is left in shards if the client is closed without ending its leases. */
  get leavesLeases(): boolean {
    return this.#coordination.leases.isHeldAnywhere;
  }

  /** The number of leases that have not ended, of owned locks, and of open watches. */
  get held(): { readonly leases: number; readonly locks: number; readonly watches: number } {
    const { leases, tickets } = this.#coordination;
    return { leases: leases.count, locks: tickets.owned, watches: this.#watches.size };
  }

  step(event: ClientEvent): void {
    if ('now' in event) this.#coordination.pass(event.now);
    switch (event.type) {
      case 'call':
        return this.#call(event.call, event.now);
      case 'abort':
        return this.#abort(event.call);
      case 'wall':
        return this.#coordination.observe(event);
      case 'lease':
        return this.#coordination.leases.add(event.lease);
      case 'end-scan':
        event.scan.end();
        return dropPage(event.scan, notApplied('aborted', 'the scan was ended'), this.#context);
      case 'watch':
      case 'watch-took':
      case 'watch-sync':
      case 'watch-end':
        return this.#watches.step(event);
      case 'flush':
        return this.#flush(event.now);
      case 'tick':
        return this.#tick(event.now);
      case 'up':
      case 'frame':
      case 'down': {
        const connection = this.#connections.numbered(event.connection);
        if (connection !== undefined) this.#hear(connection, event);
        return;
      }
      case 'close':
        return this.#close(event.why);
      default:
        return unreachable(event);
    }
  }

  #call(call: Call, now: number): void {
    if (this.#closed === undefined && isEnding(call)) {
      this.#openCalls.add(call);
      return this.#coordination.end(call, this.#refusalOf(call));
    }
    const refusal = this.#closed ?? this.#refusalOf(call) ?? this.#openCalls.admit(call);
    if (refusal !== undefined) return (call.settle as (failure: CallFailure) => void)(refusal);
    const expiresAt = this.#expiryOf(call, now);
    if (this.#routing.map === undefined) this.#early.add(call, expiresAt);
    else this.#route(call, expiresAt);
  }

  #refusalOf(call: Call): CallFailure | undefined {
    const refusal = this.#admission.refusalOf(call);
    if (call.type !== 'write' && call.type !== 'commit') return refusal;
    return refusal ?? this.#coordination.refusalOf(call);
  }

  #expiryOf(call: Call, now: number): number {
    // The request for a lock is one of many that it may take until the lock is owned.
    if (call.type === 'lock') return now + call.timeoutMilliseconds;
    const expiresAt = now + Math.min(call.timeoutMilliseconds, TIMEOUT_MAX);
    if (call.type !== 'write' && call.type !== 'commit') return expiresAt;
    return this.#coordination.expiryOf(call, expiresAt);
  }

  /** Required: there is a map. */
  #route(call: Call, expiresAt: number): void {
    switch (call.type) {
      case 'ready':
        return this.#openCalls.settle(call, { type: 'ready' });
      case 'write':
      case 'commit':
        return this.#write(call, expiresAt);
      case 'read':
        if (call.keys.length > 0) {
          return this.#batcher.read(call, expiresAt, this.#routing.shardOf);
        }
        return this.#openCalls.settle(call, NO_ROWS);
      case 'validate':
        return startValidation(call, expiresAt, this.#context);
      case 'page':
        return startPage(call, expiresAt, this.#context);
      case 'count':
        return startCount(call, expiresAt, this.#context);
      case 'lock':
        return this.#coordination.tickets.start(call, expiresAt);
      case 'unlock':
      case 'end-lease':
        return this.#coordination.end(call);
      default:
        return unreachable(call);
    }
  }

  /** In a batch if one entry of one shard can do all of it, else as a transaction. */
  #write(call: Writing, expiresAt: number): void {
    this.#coordination.bind(call);
    const shard = this.#onlyShardOf(call);
    if (shard !== undefined) {
      call.command = guardedCommand(call.command, call.guards ?? []);
      return this.#batcher.write(call, shard, expiresAt);
    }
    const settle = (result: Parameters<Writing['settle']>[0]) => {
      this.#openCalls.settle<Writing>(call, result);
      return true;
    };
    const listener = new Listener({ call, expiresAt }, settle, settle);
    if (call.type === 'commit') this.#transact(call, listener);
    else this.#transact({ ...call, ...NOTHING_SEEN }, listener);
  }

  /** A write of the core itself, of one shard. */
  #writeOwn({ command, timeoutMilliseconds, trace, settle }: CoreWrite): void {
    const call: WriteCall = { type: 'write', command, timeoutMilliseconds, settle };
    if (trace !== undefined) call.trace = trace;
    this.#openCalls.add(call);
    const shard = present(this.#onlyShardOf(call), 'it has one operation');
    const expiresAt = this.#coordination.now + Math.min(timeoutMilliseconds, TIMEOUT_MAX);
    this.#batcher.write(call, shard, expiresAt);
  }

  #onlyShardOf(call: Writing): ShardId | undefined {
    // A transaction with a name passes the reservations that were made for it; a batch does not.
    if (call.type === 'commit' && (call.ranges.length > 0 || isProtected(call.priority))) {
      return undefined;
    }
    let only: ShardId | undefined;
    for (const { key } of call.command) {
      const shard = this.#routing.shardOf(key);
      if (only !== undefined && only !== shard) return undefined;
      only = shard;
    }
    return only;
  }

  #transact(terms: TransactTerms, listener: TransactListener): void {
    const { command, ranges, moments, priority, guards = [], trace } = terms;
    const { shardOf } = this.#routing;
    const split = new ShardSplit({ command, ranges, moments, shardOf, guards });
    const refusal = this.#admission.refusalOfTransaction(split);
    if (refusal !== undefined) return listener.fail(refusal);
    const isOnce = priority !== undefined;
    const asked = { listener, split, isOnce, trace };
    const body = { ...asked, priority: priority ?? { attempts: 0, age: undefined } };
    this.#dispatch.submit(new TransactRequest(body));
  }

  #takeRows(call: ReadCall, expiresAt: number, first: RowsRead): void {
    if (!call.isJoint || first.isOneMoment) return this.#openCalls.settle(call, first);
    new JointRead({ call, expiresAt, first, context: this.#context }).validate();
  }

  #routeEarly(): void {
    if (this.#routing.map === undefined) return;
    for (const [call, expiresAt] of this.#early.take()) this.#route(call, expiresAt);
  }

  /** A monotone time since when a shard of the watch is not proven to be fresh, if one is. */
  staleSince(watch: WatchCall, now: number): number | undefined {
    return this.#watches.staleSince(watch, now);
  }

  #abort(call: Call): void {
    const failure = notApplied('aborted', 'the signal was aborted');
    if (this.#early.has(call)) return this.#early.fail(call, failure);
    if (call.type === 'page') return dropPage(call.scan, failure, this.#context);
    if (this.#coordination.abort(call, failure)) return;
    // The calls of this turn are still in the batcher.
    this.#submitBatched();
    this.#dispatch.abort(call);
  }

  #flush(now: number): void {
    if (this.#closed !== undefined) return;
    this.#routeEarly();
    this.#submitBatched();
    this.#watches.depart(now);
    this.#dispatch.depart(now);
    if (this.isBusy || this.#outage.takeProbe()) this.#mapSource.ask(now);
    this.#connections.flush();
  }

  #submitBatched(): void {
    for (const request of this.#batcher.take()) this.#dispatch.submit(request);
  }

  #tick(now: number): void {
    if (this.#closed !== undefined) return;
    const awake = Math.min(Math.max(0, now - this.#tickedAt), AWAKE_MILLISECONDS_MAX);
    this.#tickedAt = now;
    this.#submitBatched();
    this.#dispatch.tick(now);
    this.#coordination.tick(now);
    this.#watches.tick(now, awake);
    this.#early.expire(now);
    if (this.#outage.begins(now)) this.#failAll(this.#outage.message);
    for (const connection of [...this.#connections.all]) this.#watch(connection, awake, now);
    this.#flush(now);
  }

  /** Calls that are open when an outage has become too long. */
  #failAll(message: string): void {
    this.#dispatch.close({ code: 'unreachable', message });
    this.#early.giveUp(message);
  }

  /** A live node answers a probe; time in which this process slept does not count. */
  #watch(connection: Connection, awake: number, now: number): void {
    if (connection.greeting === undefined) {
      if (now - connection.dialledAt < CLIENT_LIMITS.dialMilliseconds) return;
      return this.#hangUp(connection, 'no hello within the limit', now);
    }
    if (connection.sent.size === 0) return;
    connection.silentMilliseconds += awake;
    if (connection.silentMilliseconds >= CLIENT_LIMITS.silenceMillisecondsMax) {
      return this.#hangUp(connection, 'no answer to a probe within the limit', now);
    }
    if (connection.isProbed || connection.silentMilliseconds < CLIENT_LIMITS.silenceMilliseconds) {
      return;
    }
    connection.isProbed = true;
    this.#mapSource.askAt(connection);
  }

  #hear(connection: Connection, event: Extract<ClientEvent, { connection: number }>): void {
    const { now } = event;
    if (event.type === 'up') return this.#greet(connection, event.greeting, now);
    if (event.type === 'frame') return this.#receive(connection, event.bytes, now);
    this.#connections.lose(connection, event.reason, now);
    this.#judgeLost(connection, event.reason, now);
  }

  #greet(connection: Connection, greeting: Greeting, now: number): void {
    if (this.#cluster === '') this.#cluster = greeting.cluster;
    if (greeting.cluster !== this.#cluster) return this.#hangUp(connection, WRONG_CLUSTER, now);
    this.#admission.take(greeting.limits);
    this.#connections.greet(connection, greeting);
    if (this.#routing.map === undefined) this.#mapSource.want();
    this.#unpark();
  }

  #unpark(): void {
    this.#dispatch.unpark();
    this.#watches.unpark();
  }

  #receive(connection: Connection, bytes: Uint8Array, now: number): void {
    const responses = decodeResponses(bytes);
    if (responses === undefined) {
      return this.#hangUp(connection, 'it sent an invalid frame', now);
    }
    connection.breakSilence();
    const arrival = arrivalAt(connection, now);
    for (const response of responses) {
      const sent = this.#connections.receive(connection, response);
      if (this.#watches.hear(connection, response, now)) continue;
      if (response.type === 'leader') {
        this.#routing.learn(response.shard, response.leader as NodeId);
      } else if (sent?.request !== undefined)
        this.#dispatch.answer(sent.request, response, arrival);
      else if (response.type === 'map' && response.map.length > 0) {
        this.#mapSource.take(response.map, connection);
      } else if (sent !== undefined) this.#mapSource.takeNone(connection);
    }
    this.#routeEarly();
    this.#dispatch.unpark();
  }

  #hangUp(connection: Connection, reason: string, now: number): void {
    this.#connections.hangUp(connection, reason, now);
    this.#judgeLost(connection, reason, now);
  }

  /** What was in flight may have arrived. */
  #judgeLost(connection: Connection, reason: string, now: number): void {
    const arrival = arrivalAt(connection, now);
    this.#mapSource.lose(connection, reason);
    if (this.#routing.map === undefined) this.#early.refuse(this.#cluster);
    for (const { request } of connection.sent.values()) {
      if (request !== undefined) this.#dispatch.lose(request, arrival, reason);
    }
    this.#watches.disconnect(connection, reason, now);
    this.#unpark();
  }

  #close(why: CloseReason): void {
    if (this.#closed !== undefined) return;
    this.#submitBatched();
    const failure = notApplied(why.code, why.message);
    this.#closed = failure;
    this.#watches.close(why);
    this.#dispatch.close(why);
    this.#coordination.close(why);
    this.#early.failAll(failure);
    for (const { number } of [...this.#connections.all]) this.#options.port.hangUp(number);
  }
}

const NO_ROWS: RowsRead = {
  type: 'rows',
  rows: [],
  seenAt: [],
  clocks: [],
  isOneMoment: true,
};

const TIMEOUT_MAX = CLIENT_LIMITS.timeoutMillisecondsMax;

/** A later tick shows that this process slept, not that the node was silent. */
const AWAKE_MILLISECONDS_MAX = 10 * CLIENT_LIMITS.tickMilliseconds;
