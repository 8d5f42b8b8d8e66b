/**
 * The core of a client: calls, frames and time in; frames, dials and results out. Pure.
 *
 * Every call ends exactly once, by its timeout at the latest, with a result or with a failure that
 * says whether it took effect.
 */

import { unreachable } from '../../base/assert.ts';
import type { Attempt, KvErrorCode } from '../../base/errors.ts';
import type { NodeId } from '../../base/ids.ts';
import { CLIENT_LIMITS } from '../../base/limits.ts';
import type { Random } from '../../base/random.ts';
import { decodeResponses } from '../../wire/response.ts';
import { Admission } from './admission.ts';
import { type Balance, Balancer } from './balance.ts';
import type { Call } from './call.ts';
import { type Connection, Connections } from './connections.ts';
import { startCount } from './count.ts';
import { arrivalAt, Dispatch } from './dispatch.ts';
import { Gathering } from './gathering.ts';
import { Ledger } from './ledger.ts';
import { MapKeeper } from './map-keeper.ts';
import type { ClientEvent, ClientPort, CloseReason, Greeting } from './port.ts';
import { Routing } from './routing.ts';
import { ScanPages } from './scan-pages.ts';
import { Sessions } from './sessions.ts';
import type { Failure } from './settled.ts';

interface CoreOptions {
  readonly port: ClientPort;
  /** At least one url at which a node of the cluster may be met. */
  readonly urls: readonly string[];
  /** 16 bytes that nobody else draws: the name under which commands are remembered. */
  readonly client: Uint8Array;
  readonly random: Random;
  readonly balance: Balance;
  readonly now: number;
}

/** A call that came before the map did. */
interface Early {
  readonly call: Call;
  readonly expiresAt: number;
}

export class Core {
  readonly #port: ClientPort;
  readonly #ledger = new Ledger();
  readonly #routing = new Routing();
  readonly #admission = new Admission();
  readonly #connections: Connections;
  readonly #sessions: Sessions;
  readonly #gathering: Gathering;
  readonly #dispatch: Dispatch;
  readonly #scanPages: ScanPages;
  readonly #mapKeeper: MapKeeper;
  #early: Early[] = [];
  #cluster = '';
  #tickedAt: number;
  #closed: CloseReason | undefined;

  constructor({ port, urls, client, random, balance, now }: CoreOptions) {
    const connections = new Connections({ port, random });
    const sessions = new Sessions({ client });
    const routing = this.#routing;
    const ledger = this.#ledger;
    this.#port = port;
    this.#connections = connections;
    this.#sessions = sessions;
    this.#gathering = new Gathering({ ledger, sessions });
    const mapKeeper = new MapKeeper({ urls, routing, connections, random });
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
    const submit = (errand: Parameters<Dispatch['submit']>[0]) => dispatch.submit(errand);
    this.#scanPages = new ScanPages({ ledger, sessions, routing, submit });
    this.#tickedAt = now;
  }

  /** Whether it has to be ticked: something is waited for. */
  get isBusy(): boolean {
    const isWaiting = this.#ledger.calls > 0 || !this.#dispatch.isIdle;
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
        return this.#scanPages.drop(event.scan, failed('aborted', 'the scan was ended'));
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
    const refusal = closed ? failed(closed.code, closed.message) : this.#admission.refusalOf(call);
    if (refusal !== undefined) {
      (call.settle as (failure: Failure) => void)(refusal);
    } else if (!this.#ledger.admit(call)) {
      const message = 'too many calls wait, or too many bytes in them';
      (call.settle as (failure: Failure) => void)(failed('too-many-calls', message));
    } else {
      const expiresAt = now + Math.min(call.timeoutMilliseconds, TIMEOUT_MAX);
      if (this.#routing.map === undefined) this.#early.push({ call, expiresAt });
      else this.#route(call, expiresAt);
    }
  }

  /** Required: there is a map. */
  #route(call: Call, expiresAt: number): void {
    const routing = this.#routing;
    switch (call.type) {
      case 'ready':
        return this.#ledger.settle(call, { type: 'ready' });
      case 'write': {
        const shard = routing.shardOf((call.command[0] as { key: Uint8Array }).key);
        for (const { key } of call.command) {
          if (routing.shardOf(key) === shard) continue;
          const message = 'the keys of an atomic command lie in several shards';
          return this.#ledger.settle(call, failed('cross-shard', message));
        }
        return this.#gathering.write(call, { shard, expiresAt });
      }
      case 'read':
        if (call.keys.length === 0) return this.#ledger.settle(call, { type: 'rows', rows: [] });
        return this.#gathering.read(call, expiresAt, (key) => routing.shardOf(key));
      case 'page':
        return this.#scanPages.next(call, expiresAt);
      case 'count':
        return startCount({
          call,
          expiresAt,
          shards: routing.shards,
          ledger: this.#ledger,
          sessions: this.#sessions,
          submit: (errand) => this.#dispatch.submit(errand),
        });
      default:
        return unreachable(call);
    }
  }

  #routeEarly(): void {
    if (this.#routing.map === undefined || this.#early.length === 0) return;
    const early = this.#early;
    this.#early = [];
    for (const { call, expiresAt } of early) this.#route(call, expiresAt);
  }

  #abort(call: Call): void {
    const failure = failed('aborted', 'the signal was aborted');
    const at = this.#early.findIndex((early) => early.call === call);
    if (at >= 0) {
      this.#early.splice(at, 1);
      return this.#ledger.settle(call, failure);
    }
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
    for (const errand of this.#gathering.take()) this.#dispatch.submit(errand);
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
    if (!this.#early.some(({ expiresAt }) => expiresAt <= now)) return;
    const over = this.#early.filter(({ expiresAt }) => expiresAt <= now);
    this.#early = this.#early.filter(({ expiresAt }) => expiresAt > now);
    const attempts = this.#mapKeeper.attempts;
    const { endpoint = 'the cluster', what = 'no answer' } = attempts.at(-1) ?? {};
    const message = `the cluster was not reached in time; last ${endpoint}: ${what}`;
    const code = attempts.at(-1)?.what === WRONG_CLUSTER ? 'wrong-cluster' : 'unreachable';
    for (const { call } of over) this.#ledger.settle(call, failed(code, message, attempts));
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
      } else if (sent?.errand !== undefined) this.#dispatch.answer(sent.errand, response, arrival);
      else if (response.type === 'map' && response.map.length > 0) {
        this.#mapKeeper.take(response.map);
      } else if (sent !== undefined) this.#mapKeeper.settle();
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
    for (const { errand } of connection.sent.values()) {
      if (errand !== undefined) this.#dispatch.lose(errand, arrival, reason);
    }
    this.#dispatch.unpark();
  }

  #close(why: CloseReason): void {
    if (this.#closed !== undefined) return;
    this.#submitGathered();
    this.#closed = why;
    this.#dispatch.close(why);
    const failure = failed(why.code, why.message);
    for (const { call } of this.#early) this.#ledger.settle(call, failure);
    this.#early = [];
    for (const { number } of [...this.#connections.all]) this.#port.hangUp(number);
  }
}

const TIMEOUT_MAX = CLIENT_LIMITS.timeoutMillisecondsMax;
const WRONG_CLUSTER = 'it belongs to another cluster';

/** A tick that comes later than this says that this side slept, not that the other was silent. */
const AWAKE_MILLISECONDS_MAX = 10 * CLIENT_LIMITS.tickMilliseconds;

/** Nothing was sent of it. */
function failed(code: KvErrorCode, message: string, attempts: readonly Attempt[] = []): Failure {
  return { type: 'failed', code, outcome: 'notApplied', message, attempts };
}
