/** Dispatch: sends each request to the node that should answer it, again until it is over. */

import { excessText } from '../../access/storage-limits.ts';
import { limitText } from '../../access/user-limits.ts';
import { assert, present, unreachable } from '../../base/assert.ts';
import type { Attempt } from '../../base/errors.ts';
import type { NodeId, ShardId } from '../../base/ids.ts';
import type { Random } from '../../base/random.ts';
import { effectOf, type Response } from '../../wire/response.ts';
import { CLIENT_LIMITS } from '../limits.ts';
import { type Balancer, candidatesOf } from './balance.ts';
import type { Call } from './call.ts';
import { type CallFailure, isDenial } from './call-failure.ts';
import type { Connection, Connections } from './connections.ts';
import { type CloseReason, isOverLimit, WRONG_CLUSTER } from './port.ts';
import { rangeRequest, TIME_QUESTION } from './query-request.ts';
import {
  BACKOFF,
  backoffAfter,
  decideRetry,
  decideUnreadable,
  type RetryBudget,
} from './retry-policy.ts';
import type { Routing } from './routing.ts';
import type { Sessions } from './sessions.ts';
import {
  type Final,
  Listener,
  type RequestBody,
  type Retry,
  ShardRequest,
  type Verdict,
} from './shard-request.ts';

interface DispatchOptions {
  readonly routing: Routing;
  readonly connections: Connections;
  readonly sessions: Sessions;
  readonly balancer: Balancer;
  readonly random: Random;
  /** Shared with the streams of watches. */
  readonly budget: RetryBudget;
  readonly now: number;
  /** An answer shows that the map is old. */
  readonly onMapOld: () => void;
  readonly onRetry: (shard: ShardId, attempt: Attempt) => void;
}

/** A request is in `#open` until it is over, and in at most one of the other sets. */
export class Dispatch {
  readonly #options: DispatchOptions;
  readonly #budget: RetryBudget;
  readonly #open = new Set<ShardRequest>();
  readonly #parked = new Set<ShardRequest>();
  /** Those in `resting` and `contending`. */
  readonly #resting = new Set<ShardRequest>();
  #ready: ShardRequest[] = [];
  /** Shards whose log time was asked for. */
  readonly #askedTimes = new Set<ShardId>();
  /** The time of the last event. */
  #now: number;

  constructor(options: DispatchOptions) {
    this.#options = options;
    this.#budget = options.budget;
    this.#now = options.now;
  }

  get isIdle(): boolean {
    return this.#open.size === 0;
  }

  /** At once, or after a backoff where other transactions were in the way so many times. */
  submit(body: RequestBody, contentions?: number): ShardRequest {
    const request = new ShardRequest(body);
    this.#open.add(request);
    if (contentions === undefined) this.#makeReady(request);
    else this.#contend(request, this.#now, contentions);
    return request;
  }

  /** Sends what is ready. Frames leave when the connections are flushed. */
  depart(now: number): void {
    // Asking for the log time of a shard makes another request ready.
    while (this.#ready.length > 0) {
      const ready = this.#ready;
      this.#ready = [];
      for (const request of ready) {
        if (request.isOver) this.#end(request);
        else this.#send(request, now);
      }
    }
  }

  /** A connection is up or gone, or an answer made room or brought a log time. */
  unpark(): void {
    for (const request of this.#parked) this.#makeReady(request);
    this.#parked.clear();
  }

  /** Wakes requests whose backoff is over, and fails waiters that have timed out. */
  tick(now: number): void {
    this.#now = now;
    for (const request of this.#open) {
      if (request.isDue(now)) this.#expire(request, now);
    }
    let hasBudget = true;
    for (const request of this.#resting) {
      if (request.dueAt > now) continue;
      if (request.state === 'resting') hasBudget &&= this.#budget.take(now);
      if (request.state === 'resting' && !hasBudget) continue;
      this.#resting.delete(request);
      this.#makeReady(request);
    }
    this.unpark();
  }

  /** Looks only at the request in which the call waits. */
  abort(call: Call): void {
    const { request } = call;
    if (request === undefined) return;
    request.abort(call);
    if (request.isOver) this.#end(request);
  }

  close(reason: CloseReason): void {
    for (const request of this.#open) this.#fail(request, reason);
  }

  answer(request: ShardRequest, response: Response, at: Arrival): void {
    if (request.state === 'over') return;
    this.#now = at.now;
    assert(request.state === 'sent', 'an answer comes to what is in flight');
    // The fate of this attempt is known, unless the verdict is otherwise.
    request.state = 'ready';
    if (response.type === 'failed') return this.#judge(request, response, at);
    if (response.type === 'limited') return this.#waitFor(request, response, at);
    if (response.type === 'storage-limited') return this.#exceed(request, excessText(response), at);
    const { sessions } = this.#options;
    const { level, shard } = request.body;
    // A stale replica only knows an earlier log time.
    if ('time' in response && level?.type !== 'stale') sessions.hear(shard, response.time, at.now);
    this.#follow(request, request.body.take(response, { request, sessions, now: at.now }), at);
  }

  /** The connection is gone, and with it all answers that were still to come. */
  lose(request: ShardRequest, at: Arrival, reason: string): void {
    if (request.state === 'over') return;
    if (isOverLimit(reason)) request.obstacle = 'limit-exceeded';
    else request.doubts += 1;
    const why = `the connection was lost: ${reason}`;
    this.#retry(request, { type: 'resend', why, avoidsNode: true }, at);
  }

  #expire(request: ShardRequest, now: number): void {
    const { sessions } = this.#options;
    request.expire(now);
    if (request.isOver) this.#end(request);
    else if (request.isToSettle(now)) {
      const body = request.body.settle?.({ request, sessions, now });
      this.submit(present(body, 'a request that is due to settle can be settled'));
    }
  }

  #send(request: ShardRequest, now: number): void {
    const { routing, connections, sessions } = this.#options;
    const node = this.#nodeFor(request);
    const url = node === undefined ? undefined : routing.urlOf(node);
    if (node === undefined || url === undefined) {
      this.#options.onMapOld();
      return this.#backOff(request, now);
    }
    const name = connections.nameOf(url);
    const connection = connections.toNode(node);
    if (connection === undefined) {
      if (connections.dial(url, now)) return this.#park(request, `a connection to ${name}`);
      const trouble = connections.troubleAt(url);
      request.obstacle = obstacleAt(trouble);
      const why = `not reachable: ${trouble}`;
      const at = { url: name, node, now };
      return this.#retry(request, { type: 'resend', why, avoidsNode: true }, at);
    }
    request.wasConnected = true;
    if (!connections.hasRoom(connection, request.body)) {
      return this.#park(request, `room on the connection to ${name}`);
    }
    const { epochOf } = routing;
    const message = request.encode({ id: connection.nextId, now, epochOf, sessions });
    if (message === undefined) {
      for (const shard of request.timesNeeded) this.#askTime(shard, now);
      return this.#park(request, this.#lackOf(request, now));
    }
    connection.nextId += 1;
    request.lack = undefined;
    request.attempts += 1;
    request.state = 'sent';
    connections.post(connection, message, request);
  }

  /** Any replica may answer a stale read; after a failure the leader does. */
  #nodeFor({ shard, body, attempts }: ShardRequest): NodeId | undefined {
    const { routing, connections, balancer } = this.#options;
    if (body.level?.type !== 'stale' || attempts > 0) return routing.leaderOf(shard);
    return balancer.choose(shard, candidatesOf(shard, { routing, connections }));
  }

  /** A write needs a deadline in log time, and a guess could be wrong by years. */
  #askTime(shard: ShardId, now: number): void {
    const { sessions } = this.#options;
    if (sessions.knowsTime(shard, now) || this.#askedTimes.has(shard)) return;
    this.#askedTimes.add(shard);
    const done = () => {
      this.#askedTimes.delete(shard);
      this.unpark();
      return true;
    };
    const expiresAt = now + CLIENT_LIMITS.silenceMillisecondsMax;
    const fail = (failure: CallFailure) => {
      if (isDenial(failure)) this.#denyTime(shard, failure);
      done();
    };
    const listener = new Listener({ call: undefined, expiresAt }, done, fail);
    const level = { type: 'linearizable' } as const;
    this.submit(rangeRequest({ shard, level, question: TIME_QUESTION, listener }));
  }

  /** A client that may not even ask for the time may not do what needs it. */
  #denyTime(shard: ShardId, { code, message }: CallFailure): void {
    for (const request of this.#parked) {
      if (request.timesNeeded.includes(shard)) this.#fail(request, { code, message });
    }
  }

  #judge(
    request: ShardRequest,
    response: Extract<Response, { type: 'failed' }>,
    at: Arrival,
  ): void {
    const { failure } = response;
    const leader = response.leader as NodeId;
    if (effectOf(failure) === 'unknown') request.doubts += 1;
    const isTold = failure === 'overloaded' || failure === 'audit-unavailable';
    request.obstacle = isTold ? failure : 'timeout';
    const isElsewhere = failure === 'not-leader' && leader !== at.node;
    const isLeaderNews = isElsewhere && this.#options.routing.learn(request.shard, leader);
    const verdict = decideRetry({ failure, isLeaderNews, redirects: request.redirects });
    const atLeast = response.retryAfterMilliseconds;
    this.#follow(request, verdict.type === 'resend' ? { ...verdict, atLeast } : verdict, at);
  }

  /** The user may ask for more after a while. The time of the client bounds how often it waits. */
  #waitFor(
    request: ShardRequest,
    { limit, allowed, retryAfterMilliseconds }: Extract<Response, { type: 'limited' }>,
    at: Arrival,
  ): void {
    request.obstacle = 'limit-exceeded';
    const why = limitText(limit, allowed);
    this.#retry(request, { type: 'resend', why, atLeast: retryAfterMilliseconds }, at);
  }

  /**
   * It does not pass by itself. The batch has calls of many callers, and some of them may add
   * nothing: they are told apart by dividing it, under new numbers. So not if an earlier copy may
   * have taken effect.
   */
  #exceed(request: ShardRequest, why: string, at: Arrival): void {
    const refusal = { why, code: 'storage-limit-exceeded' } as const;
    const parts = request.isInDoubt ? [] : (request.body.divided?.() ?? []);
    if (parts.length < 2) return this.#refuse(request, refusal, at);
    this.#end(request);
    for (const part of parts) this.submit(part).inherit(request);
  }

  #follow(request: ShardRequest, verdict: Verdict, at: Arrival): void {
    switch (verdict.type) {
      case 'over':
        this.#budget.succeed();
        return this.#end(request);
      case 'redirect':
        request.redirects += 1;
        request.note({ endpoint: at.url, what: verdict.why });
        return this.#makeReady(request);
      case 'resend':
        return this.#retry(request, verdict, at);
      case 'renew':
        request.renew(this.#options.sessions);
        return this.#retry(request, verdict, at);
      case 'unreadable':
        request.doubts += 1;
        request.unreadableAnswers += 1;
        return this.#follow(request, decideUnreadable(request.unreadableAnswers), at);
      case 'split':
        return this.#split(request, verdict, at);
      case 'fail':
        return this.#refuse(request, verdict, at);
      default:
        return unreachable(verdict);
    }
  }

  #split(request: ShardRequest, refusal: Final, at: Arrival): void {
    const halves = request.body.halves?.() ?? [];
    if (halves.length === 0) return this.#refuse(request, refusal, at);
    this.#end(request);
    for (const half of halves) this.submit(half).inherit(request);
  }

  #refuse(request: ShardRequest, { why, code }: Final, at: Arrival): void {
    request.note({ endpoint: at.url, what: why });
    const message = `shard ${request.shard} at ${at.url} refused it: ${why}`;
    this.#fail(request, { code, message });
  }

  #fail(request: ShardRequest, reason: CloseReason): void {
    request.fail(reason);
    this.#end(request);
  }

  #retry(request: ShardRequest, retry: Retry, at: Arrival): void {
    if (retry.avoidsNode) this.#options.routing.doubt(request.shard, at.node);
    if (retry.isMapOld) this.#options.onMapOld();
    request.redirects = 0;
    const attempt = { endpoint: at.url, what: retry.why };
    request.note(attempt);
    this.#options.onRetry(request.shard, attempt);
    if (!retry.isContended) return this.#backOff(request, at.now, retry.atLeast);
    request.obstacle = 'contended';
    this.#contend(request, at.now, request.contentions);
  }

  /** Not before the time that the node asks for, and with jitter. */
  #backOff(request: ShardRequest, now: number, atLeast = 0): void {
    const pause = backoffAfter(request.failures, BACKOFF.retry, this.#options.random);
    this.#rest(request, 'resting', now + pause + Math.min(atLeast, BACKOFF.retry.max));
  }

  #contend(request: ShardRequest, now: number, contentions: number): void {
    const pause = backoffAfter(contentions, BACKOFF.contention, this.#options.random);
    this.#rest(request, 'contending', now + pause);
  }

  #rest(request: ShardRequest, state: 'resting' | 'contending', dueAt: number): void {
    request.dueAt = dueAt;
    request.state = state;
    this.#resting.add(request);
  }

  /** What a request lacks until another answer brings it. */
  #lackOf({ timesNeeded }: ShardRequest, now: number): string {
    const { sessions } = this.#options;
    const unknown = timesNeeded.filter((shard) => !sessions.knowsTime(shard, now));
    if (unknown.length > 0) return `the log time of shard ${unknown.join(' and ')}`;
    const { windowRequestsMax } = CLIENT_LIMITS;
    const full = timesNeeded.filter((shard) => sessions.isFull(shard));
    if (full.length === 0) return 'a slot of this client, for each has an open request';
    const places = `one of the ${windowRequestsMax} requests of this client open`;
    return `${places} in shard ${full.join(' or ')}`;
  }

  #park(request: ShardRequest, lack: string): void {
    request.lack = lack;
    request.state = 'parked';
    this.#parked.add(request);
  }

  #makeReady(request: ShardRequest): void {
    request.state = 'ready';
    this.#ready.push(request);
  }

  #end(request: ShardRequest): void {
    request.state = 'over';
    request.body.close?.(this.#options.sessions);
    this.#open.delete(request);
    this.#parked.delete(request);
    this.#resting.delete(request);
  }
}

/** As the code of a failure by timeout. */
function obstacleAt(trouble: string): ShardRequest['obstacle'] {
  if (trouble === WRONG_CLUSTER) return 'wrong-cluster';
  return isOverLimit(trouble) ? 'limit-exceeded' : 'timeout';
}

/** Where and when an attempt was answered or lost. */
interface Arrival {
  readonly url: string;
  readonly node: NodeId;
  readonly now: number;
}

export function arrivalAt({ name, greeting }: Connection, now: number): Arrival {
  return { url: name, node: greeting?.node ?? (0 as NodeId), now };
}
