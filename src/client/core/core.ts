/**
 * The core of a client: calls, frames and time in; frames, dials and results out. Pure.
 *
 * Every call ends exactly once, by its timeout at the latest, with a result or with a failure that
 * says whether it took effect.
 */

import { unreachable } from '../../base/assert.ts';
import { CLIENT_LIMITS } from '../../base/client-limits.ts';
import type { NodeId, ShardId } from '../../base/ids.ts';
import type { Random } from '../../base/random.ts';
import { decodeResponses } from '../../wire/response.ts';
import { Admission } from './admission.ts';
import { type Balance, Balancer } from './balance.ts';
import { Batcher } from './batcher.ts';
import {
  type Call,
  type CommitCall,
  isProtected,
  type Priority,
  type ReadCall,
  type RowsRead,
  type Writing,
} from './call.ts';
import { type CallFailure, notApplied } from './call-failure.ts';
import { type Connection, Connections } from './connections.ts';
import { arrivalAt, Dispatch } from './dispatch.ts';
import { type CallContext, startCount, startValidation } from './fan-out.ts';
import { JointRead, type JointReadOptions } from './joint-read.ts';
import { MapSource } from './map-source.ts';
import { OpenCalls } from './open-calls.ts';
import {
  type ClientEvent,
  type ClientPort,
  type CloseReason,
  type Greeting,
  WRONG_CLUSTER,
} from './port.ts';
import { Routing } from './routing.ts';
import { ScanPages } from './scan-pages.ts';
import { Sessions } from './sessions.ts';
import { Listener } from './shard-request.ts';
import { ShardSplit } from './shard-split.ts';
import { type TransactListener, TransactRequest } from './transact-request.ts';

/** What a transaction is made of; without a priority it is run again by the core. */
type TransactTerms = Pick<CommitCall, 'command' | 'ranges' | 'moments'> & {
  readonly priority: Priority | undefined;
};

interface CoreOptions {
  readonly port: ClientPort;
  /** At least one url at which a node of the cluster may be met. */
  readonly urls: readonly string[];
  /** The only cluster that is meant; if none is named, the first that is met. */
  readonly cluster?: string;
  /** 16 bytes that nobody else draws: the name under which commands are remembered. */
  readonly client: Uint8Array;
  readonly random: Random;
  readonly balance: Balance;
  readonly now: number;
}

export class Core {
  readonly #port: ClientPort;
  readonly #openCalls = new OpenCalls();
  readonly #routing = new Routing();
  readonly #admission = new Admission();
  readonly #connections: Connections;
  readonly #batcher: Batcher;
  readonly #dispatch: Dispatch;
  readonly #context: CallContext;
  readonly #scanPages: ScanPages;
  readonly #mapKeeper: MapSource;
  /** Calls that came before the map did, and when they expire. */
  #early = new Map<Call, number>();
  #cluster: string;
  readonly #urls: readonly string[];
  #tickedAt: number;
  #closed: CloseReason | undefined;

  constructor({ port, urls, cluster = '', client, random, balance, now }: CoreOptions) {
    this.#cluster = cluster;
    this.#urls = urls;
    const connections = new Connections({ port, random, cluster: () => this.#cluster });
    const sessions = new Sessions({ client });
    const routing = this.#routing;
    const openCalls = this.#openCalls;
    this.#port = port;
    this.#connections = connections;
    this.#batcher = new Batcher({
      openCalls,
      listener: {
        onRows: ({ call, expiresAt }, result) => this.#takeRows(call, expiresAt, result),
        onFailure: ({ call }, failure) => openCalls.settle(call, failure),
      },
    });
    const mapKeeper = new MapSource({ urls, routing, connections, random });
    this.#mapKeeper = mapKeeper;
    const dispatch = new Dispatch({
      routing,
      connections,
      sessions,
      balancer: new Balancer({ balance, random }),
      random,
      now,
      onMapOld: () => mapKeeper.want(),
    });
    this.#dispatch = dispatch;
    this.#context = {
      openCalls,
      routing,
      submit: (body, contentions) => dispatch.submit(body, contentions),
    };
    this.#scanPages = new ScanPages(this.#context);
    this.#tickedAt = now;
  }

  /** Whether it has to be ticked: something is waited for. */
  get isBusy(): boolean {
    const isWaiting = this.#openCalls.calls > 0 || !this.#dispatch.isIdle;
    return this.#closed === undefined && (isWaiting || this.#connections.dials.length > 0);
  }

  step(event: ClientEvent): void {
    switch (event.type) {
      case 'call':
        return this.#call(event.call, event.now);
      case 'abort':
        return this.#abort(event.call);
      case 'end-scan':
        event.scan.end();
        return this.#scanPages.drop(event.scan, notApplied('aborted', 'the scan was ended'));
      case 'flush':
        return this.#flush(event.now);
      case 'tick':
        return this.#tick(event.now);
      case 'up':
        return this.#greet(event.connection, event.greeting, event.now);
      case 'frame':
        return this.#receive(event.connection, event.bytes, event.now);
      case 'down': {
        const connection = this.#connections.numbered(event.connection);
        if (connection === undefined) return;
        this.#connections.lose(connection, event.reason, event.now);
        return this.#judgeLost(connection, event.reason, event.now);
      }
      case 'close':
        return this.#close(event.why);
      default:
        return unreachable(event);
    }
  }

  #call(call: Call, now: number): void {
    const closed = this.#closed;
    const refusal = closed
      ? notApplied(closed.code, closed.message)
      : this.#admission.refusalOf(call);
    if (refusal !== undefined) {
      (call.settle as (failure: CallFailure) => void)(refusal);
    } else if (!this.#openCalls.admit(call)) {
      const message = 'too many calls wait, or too many bytes in them';
      (call.settle as (failure: CallFailure) => void)(notApplied('too-many-calls', message));
    } else {
      const expiresAt = now + Math.min(call.timeoutMilliseconds, TIMEOUT_MAX);
      if (this.#routing.map === undefined) this.#early.set(call, expiresAt);
      else this.#route(call, expiresAt);
    }
  }

  /** Required: there is a map. */
  #route(call: Call, expiresAt: number): void {
    const routing = this.#routing;
    switch (call.type) {
      case 'ready':
        return this.#openCalls.settle(call, { type: 'ready' });
      case 'write':
      case 'commit':
        return this.#write(call, expiresAt);
      case 'read':
        if (call.keys.length > 0) {
          return this.#batcher.read(call, expiresAt, (key) => routing.shardOf(key));
        }
        return this.#openCalls.settle(call, {
          type: 'rows',
          rows: [],
          seenAt: [],
          isOneMoment: true,
        });
      case 'validate':
        return startValidation(call, expiresAt, this.#context);
      case 'page':
        return this.#scanPages.next(call, expiresAt);
      case 'count':
        return startCount(call, expiresAt, this.#context);
      default:
        return unreachable(call);
    }
  }

  /** Alone in one entry where its keys lie together, and there is nothing else to look at. */
  #write(call: Writing, expiresAt: number): void {
    const shard = this.#onlyShardOf(call);
    if (shard !== undefined) return this.#batcher.write(call, { shard, expiresAt });
    const settle = (result: Parameters<Writing['settle']>[0]) => {
      this.#openCalls.settle<Writing>(call, result);
      return true;
    };
    const listener = new Listener({ call, expiresAt, onAnswer: settle, onFailure: settle });
    if (call.type === 'commit') this.#transact(call, listener);
    else this.#transact({ ...call, ...NOTHING_SEEN }, listener);
  }

  #onlyShardOf(call: Writing): ShardId | undefined {
    // A transaction with a name is let in where its keys are reserved for it; a batch is not.
    if (call.type === 'commit' && (call.ranges.length > 0 || isProtected(call.priority))) {
      return undefined;
    }
    const { command } = call;
    const shard = this.#routing.shardOf((command[0] as { key: Uint8Array }).key);
    for (let at = 1; at < command.length; at++) {
      const { key } = command[at] as { key: Uint8Array };
      if (this.#routing.shardOf(key) !== shard) return undefined;
    }
    return shard;
  }

  /** Required: it locks a key. */
  #transact(commit: TransactTerms, listener: TransactListener): void {
    const { priority, command, ranges, moments } = commit;
    const shardOf = (key: Uint8Array) => this.#routing.shardOf(key);
    const split = new ShardSplit({ command, ranges, moments, shardOf });
    const refusal = this.#admission.refusalOfTransaction(split);
    if (refusal !== undefined) return listener.fail(refusal);
    const isOnce = priority !== undefined;
    const body = { listener, split, isOnce, priority: priority ?? { attempts: 0, age: undefined } };
    this.#dispatch.submit(new TransactRequest(body));
  }

  #takeRows(call: ReadCall, expiresAt: number, result: RowsRead): void {
    if (!call.isJoint || result.isOneMoment) return this.#openCalls.settle(call, result);
    const { rows, seenAt } = result;
    const context = this.#context;
    const transact: JointReadOptions['transact'] = (command, listener) => {
      this.#transact({ command, ...NOTHING_SEEN }, listener);
    };
    new JointRead({ call, expiresAt, rows, seenAt, context, transact }).validate();
  }

  #routeEarly(): void {
    if (this.#routing.map === undefined || this.#early.size === 0) return;
    const early = this.#early;
    this.#early = new Map();
    for (const [call, expiresAt] of early) this.#route(call, expiresAt);
  }

  #abort(call: Call): void {
    const failure = notApplied('aborted', 'the signal was aborted');
    if (this.#early.delete(call)) return this.#openCalls.settle(call, failure);
    if (call.type === 'page') return this.#scanPages.drop(call.scan, failure);
    // What was gathered in this turn is nowhere else yet.
    this.#submitGathered();
    this.#dispatch.abort(call);
  }

  #flush(now: number): void {
    if (this.#closed !== undefined) return;
    this.#routeEarly();
    this.#submitGathered();
    this.#dispatch.depart(now);
    if (this.isBusy) this.#mapKeeper.ask(now);
    this.#connections.flush();
  }

  #submitGathered(): void {
    for (const request of this.#batcher.take()) this.#dispatch.submit(request);
  }

  #tick(now: number): void {
    if (this.#closed !== undefined) return;
    const awake = Math.min(Math.max(0, now - this.#tickedAt), AWAKE_MILLISECONDS_MAX);
    this.#tickedAt = now;
    this.#submitGathered();
    this.#dispatch.tick(now);
    this.#expireEarly(now);
    for (const connection of [...this.#connections.all]) this.#watch(connection, awake, now);
    this.#flush(now);
  }

  #expireEarly(now: number): void {
    const over = [...this.#early].filter(([, expiresAt]) => expiresAt <= now);
    if (over.length === 0) return;
    for (const [call] of over) this.#early.delete(call);
    const attempts = this.#mapKeeper.attempts;
    const { endpoint = 'the cluster', what = 'no answer' } = attempts.at(-1) ?? {};
    const message = `the cluster was not reached in time; last ${endpoint}: ${what}`;
    const isForeign = attempts.some((attempt) => attempt.what === WRONG_CLUSTER);
    const code = isForeign ? 'wrong-cluster' : 'unreachable';
    for (const [call] of over) this.#openCalls.settle(call, notApplied(code, message, attempts));
  }

  /** A node that lives says something when it is asked; time in which we slept does not count. */
  #watch(connection: Connection, awake: number, now: number): void {
    if (connection.greeting === undefined) {
      if (now - connection.dialledAt < CLIENT_LIMITS.dialMilliseconds) return;
      return this.#hangUp(connection, 'it did not say hello in time', now);
    }
    if (connection.sent.size === 0) return;
    connection.silentMilliseconds += awake;
    if (connection.silentMilliseconds >= CLIENT_LIMITS.silenceMillisecondsMax) {
      return this.#hangUp(connection, 'it fell silent', now);
    }
    if (connection.isProbed || connection.silentMilliseconds < CLIENT_LIMITS.silenceMilliseconds) {
      return;
    }
    connection.isProbed = true;
    this.#mapKeeper.askAt(connection);
  }

  #greet(number: number, greeting: Greeting, now: number): void {
    const connection = this.#connections.numbered(number);
    if (connection === undefined) return;
    if (this.#cluster === '') this.#cluster = greeting.cluster;
    if (greeting.cluster !== this.#cluster) return this.#hangUp(connection, WRONG_CLUSTER, now);
    this.#admission.take(greeting.limits);
    this.#connections.greet(connection, greeting);
    if (this.#routing.map === undefined) this.#mapKeeper.want();
    this.#dispatch.unpark();
  }

  #receive(number: number, bytes: Uint8Array, now: number): void {
    const connection = this.#connections.numbered(number);
    if (connection === undefined) return;
    const responses = decodeResponses(bytes);
    if (responses === undefined) {
      return this.#hangUp(connection, 'it sent a frame that is none', now);
    }
    connection.silentMilliseconds = 0;
    connection.isProbed = false;
    const arrival = arrivalAt(connection, now);
    for (const response of responses) {
      const sent = this.#connections.receive(connection, response.id);
      if (response.type === 'leader') {
        this.#routing.learn(response.shard, response.leader as NodeId);
      } else if (sent?.request !== undefined)
        this.#dispatch.answer(sent.request, response, arrival);
      else if (response.type === 'map' && response.map.length > 0) {
        this.#mapKeeper.take(response.map, connection);
      } else if (sent !== undefined) this.#mapKeeper.takeNone(connection);
    }
    this.#routeEarly();
    this.#dispatch.unpark();
  }

  #hangUp(connection: Connection, reason: string, now: number): void {
    this.#connections.hangUp(connection, reason, now);
    this.#judgeLost(connection, reason, now);
  }

  /** Whatever was on its way may have arrived. */
  #judgeLost(connection: Connection, reason: string, now: number): void {
    const arrival = arrivalAt(connection, now);
    this.#mapKeeper.lose(connection, reason);
    this.#refuseForeign();
    for (const { request } of connection.sent.values()) {
      if (request !== undefined) this.#dispatch.lose(request, arrival, reason);
    }
    this.#dispatch.unpark();
  }

  /** Time changes nothing where every address leads to another cluster than is meant. */
  #refuseForeign(): void {
    const isForeign = (url: string) => this.#connections.troubleAt(url) === WRONG_CLUSTER;
    if (this.#routing.map !== undefined || !this.#urls.every(isForeign)) return;
    const early = [...this.#early.keys()];
    this.#early.clear();
    const message = `no url leads to cluster ${this.#cluster}: nodes of another one answer there`;
    const failure = notApplied('wrong-cluster', message, this.#mapKeeper.attempts);
    for (const call of early) this.#openCalls.settle(call, failure);
  }

  #close(why: CloseReason): void {
    if (this.#closed !== undefined) return;
    this.#submitGathered();
    this.#closed = why;
    this.#dispatch.close(why);
    const failure = notApplied(why.code, why.message);
    for (const call of this.#early.keys()) this.#openCalls.settle(call, failure);
    this.#early.clear();
    for (const { number } of [...this.#connections.all]) this.#port.hangUp(number);
  }
}

/** Of a command that hangs on nothing that was read before. */
const NOTHING_SEEN = { ranges: [], moments: new Map(), priority: undefined };

const TIMEOUT_MAX = CLIENT_LIMITS.timeoutMillisecondsMax;

/** A tick that comes later than this says that this side slept, not that the other was silent. */
const AWAKE_MILLISECONDS_MAX = 10 * CLIENT_LIMITS.tickMilliseconds;
