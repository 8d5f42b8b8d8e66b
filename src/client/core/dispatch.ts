/** Dispatch: sends errands to where they should be answered, again and again until they are. */

import { assert, unreachable } from '../../base/assert.ts';
import { CLIENT_LIMITS } from '../../base/client-limits.ts';
import type { KvErrorCode } from '../../base/errors.ts';
import type { NodeId, ShardId } from '../../base/ids.ts';
import type { Random } from '../../base/random.ts';
import { effectOf, type Response } from '../../wire/response.ts';
import type { Balancer, Candidate } from './balance.ts';
import type { Call } from './call.ts';
import type { CallFailure } from './call-failure.ts';
import type { Connection, Connections } from './connections.ts';
import { type CloseReason, WRONG_CLUSTER } from './port.ts';
import { RangeRequest, TIME_QUESTION } from './range-request.ts';
import { RetryBudget, restAfter } from './retry.ts';
import { decideRetry } from './retry-policy.ts';
import type { Routing } from './routing.ts';
import type { Sessions } from './sessions.ts';
import {
  isInDoubt,
  note,
  type Obstacle,
  type Reproof,
  type ShardRequest,
  type Verdict,
} from './shard-request.ts';

type Failed = Extract<Response, { type: 'failed' }>;

interface DispatchOptions {
  readonly routing: Routing;
  readonly connections: Connections;
  readonly sessions: Sessions;
  readonly balancer: Balancer;
  readonly random: Random;
  readonly now: number;
  /** Something says that the map is old. */
  readonly onMapOld: () => void;
}

/** An errand is in `#open` until nobody waits for it, and in at most one of the other sets. */
export class Dispatch {
  readonly #options: DispatchOptions;
  readonly #budget: RetryBudget;
  readonly #open = new Set<ShardRequest>();
  readonly #parked = new Set<ShardRequest>();
  readonly #resting = new Set<ShardRequest>();
  /** The same where others were in the way: no outage, so the budget is left to those above. */
  readonly #contending = new Set<ShardRequest>();
  #ready: ShardRequest[] = [];
  /** Shards whose time was asked for. */
  readonly #askedTimes = new Set<ShardId>();
  /** When something happened last. */
  #now: number;

  constructor(options: DispatchOptions) {
    this.#options = options;
    this.#budget = new RetryBudget({ now: options.now });
    this.#now = options.now;
  }

  get isIdle(): boolean {
    return this.#open.size === 0;
  }

  submit(request: ShardRequest): void {
    this.#open.add(request);
    this.#makeReady(request);
  }

  /** After a rest, for others were in the way so many times. */
  submitLater(request: ShardRequest, contentions: number): void {
    this.#open.add(request);
    this.#contend(request, this.#now, contentions);
  }

  /** Sends what is ready. Frames leave when the connections are flushed. */
  depart(now: number): void {
    // Asking for a shard's time makes another errand ready.
    while (this.#ready.length > 0) {
      const ready = this.#ready;
      this.#ready = [];
      for (const request of ready) {
        if (request.isOver) this.#end(request);
        else this.#send(request, now);
      }
    }
  }

  /** A connection is up or gone, or an answer made room or brought a time. */
  unpark(): void {
    for (const request of this.#parked) this.#makeReady(request);
    this.#parked.clear();
  }

  /** Wakes who has rested, and tells whose time is over. */
  tick(now: number): void {
    this.#now = now;
    for (const request of this.#open) {
      if (now < request.firstExpiresAt) continue;
      request.expire(now, (isDoubted) => expiryOf(request, isDoubted));
      if (request.isOver) this.#end(request);
    }
    for (const request of this.#contending) {
      if (request.trip.dueAt > now) continue;
      this.#contending.delete(request);
      this.#makeReady(request);
    }
    for (const request of this.#resting) {
      if (request.trip.dueAt > now) continue;
      if (!this.#budget.take(now)) break;
      this.#resting.delete(request);
      this.#makeReady(request);
    }
    this.unpark();
  }

  /** Touches nothing but the errand in which the call waits. */
  abort(call: Call): void {
    const { request } = call;
    if (request === undefined) return;
    const { history } = request.trip;
    const message = 'the signal was aborted';
    request.drop(call, (isDoubted) => {
      return failure({ code: 'aborted', message, isDoubted, attempts: history });
    });
    if (request.isOver) this.#end(request);
  }

  close({ code, message }: CloseReason): void {
    for (const request of this.#open) {
      const { history } = request.trip;
      request.fail((isDoubted) => failure({ code, message, isDoubted, attempts: history }));
      this.#end(request);
    }
  }

  answer(request: ShardRequest, response: Response, at: Arrival): void {
    const { trip } = request;
    if (trip.state === 'over') return;
    this.#now = at.now;
    assert(trip.state === 'sent', 'an answer comes to what is on its way');
    // Until the verdict says otherwise, this attempt has told its fate.
    trip.state = 'ready';
    if (response.type === 'failed') this.#judge(request, response, at);
    else this.#follow(request, request.take(response, at.now), at);
  }

  /** The connection is gone, and with it all answers that were still to come. */
  lose(request: ShardRequest, at: Arrival, reason: string): void {
    const { trip } = request;
    if (trip.state === 'over') return;
    trip.doubts += 1;
    this.#options.routing.doubt(request.shard, at.node);
    this.#retry(request, at, { why: `the connection was lost: ${reason}`, rest: 0 });
  }

  #send(request: ShardRequest, now: number): void {
    const { routing, connections } = this.#options;
    const row = routing.rowOf(request.shard);
    const node = this.#nodeFor(request);
    const url = node === undefined ? undefined : routing.urlOf(node);
    if (row === undefined || node === undefined || url === undefined) {
      this.#options.onMapOld();
      return this.#rest(request, now, 0);
    }
    const connection = connections.toNode(node);
    if (connection === undefined) {
      if (connections.dial(url, now)) return this.#park(request, `a connection to ${url}`);
      const trouble = connections.troubleAt(url);
      request.trip.obstacle = trouble === WRONG_CLUSTER ? 'foreign' : 'unreachable';
      const why = `not reachable: ${trouble}`;
      routing.doubt(request.shard, node);
      return this.#retry(request, { url, node, now }, { why, rest: 0 });
    }
    if (!connections.hasRoom(connection, request)) {
      return this.#park(request, `room on the connection to ${url}`);
    }
    const message = request.toWire({ id: connection.nextId, epoch: row.epoch, now });
    if (message === undefined) {
      for (const shard of request.timesNeeded) this.#askTime(shard, now);
      return this.#park(request, this.#lackOf(request, now));
    }
    connection.nextId += 1;
    request.trip.lack = undefined;
    request.trip.attempts += 1;
    request.trip.state = 'sent';
    connections.post(connection, message, request);
  }

  /** Any replica may answer what may be stale; if it does not, the leader does. */
  #nodeFor({ shard, level, trip }: ShardRequest): NodeId | undefined {
    const { routing, balancer } = this.#options;
    if (level?.type !== 'stale' || trip.attempts > 0) return routing.leaderOf(shard);
    return balancer.choose(shard, this.#candidates(shard));
  }

  #candidates(shard: ShardId): readonly Candidate[] {
    const { routing, connections } = this.#options;
    const nodes = routing.map?.nodes ?? [];
    const members = routing.rowOf(shard)?.members ?? [];
    return members.flatMap(({ node, isWanted }) => {
      const row = nodes.find((one) => one.node === node);
      if (row === undefined || !isWanted) return [];
      const requests = connections.toNode(node)?.sent.size ?? 0;
      return [{ node, zone: row.zone, weight: row.weight, requests }];
    });
  }

  /** A write needs a deadline in the time of its shard, and a guess could be wrong by years. */
  #askTime(shard: ShardId, now: number): void {
    const { sessions } = this.#options;
    if (sessions.knowsTime(shard, now) || this.#askedTimes.has(shard)) return;
    this.#askedTimes.add(shard);
    const done = () => {
      this.#askedTimes.delete(shard);
      this.unpark();
      return true;
    };
    const asking = new RangeRequest({
      shard,
      level: { type: 'linearizable' },
      question: TIME_QUESTION,
      expiresAt: now + CLIENT_LIMITS.silenceMillisecondsMax,
      requester: { call: undefined, onAnswer: done, onFailure: done },
      sessions,
    });
    this.submit(asking);
  }

  #judge(request: ShardRequest, response: Failed, at: Arrival): void {
    const { routing } = this.#options;
    const { trip, shard } = request;
    if (effectOf(response.failure) === 'unknown') trip.doubts += 1;
    const why = response.failure;
    const rest = response.retryAfterMilliseconds;
    trip.obstacle = why === 'overloaded' ? 'overloaded' : 'none';
    const leader = response.leader as NodeId;
    const isLeaderNews = why === 'not-leader' && leader !== at.node && routing.learn(shard, leader);
    const decision = decideRetry({ failure: why, isLeaderNews, redirects: trip.hops });
    switch (decision.type) {
      case 'redirect':
        trip.hops += 1;
        this.#note(request, at, why);
        return this.#makeReady(request);
      case 'retry':
        if (decision.avoidsNode) routing.doubt(shard, at.node);
        if (decision.isMapOld) this.#options.onMapOld();
        return this.#retry(request, at, { why, rest });
      case 'back-off':
        return this.#heed(request, { why, isContended: true }, at);
      case 'split':
        return this.#halve(request, at, { why, code: decision.code });
      case 'fail':
        return this.#fail(request, at, { why, code: decision.code });
      default:
        return unreachable(decision);
    }
  }

  #follow(request: ShardRequest, verdict: Verdict, at: Arrival): void {
    switch (verdict.type) {
      case 'over':
        this.#budget.succeed();
        return this.#end(request);
      case 'again':
        return this.#heed(request, verdict, at);
      case 'anew':
        this.#end(request);
        this.#open.add(verdict.request);
        return this.#heed(verdict.request, verdict, at);
      case 'broken':
        request.trip.doubts += 1;
        request.trip.brokenAnswers += 1;
        if (request.trip.brokenAnswers < CLIENT_LIMITS.brokenAnswersMax) {
          return this.#retry(request, at, { why: UNREADABLE, rest: 0 });
        }
        return this.#fail(request, at, { why: UNREADABLE, code: 'refused' });
    }
  }

  #heed(request: ShardRequest, { why, isMapOld, isContended }: Reproof, at: Arrival): void {
    if (isMapOld) this.#options.onMapOld();
    if (!isContended) return this.#retry(request, at, { why, rest: 0 });
    const { trip } = request;
    trip.obstacle = 'contended';
    trip.hops = 0;
    this.#note(request, at, why);
    this.#contend(request, at.now, trip.contentions);
  }

  #contend(request: ShardRequest, now: number, contentions: number): void {
    const { random } = this.#options;
    const pause = restAfter(contentions, { ...CONTENTION, random });
    this.#restUntil(request, now + pause, this.#contending);
  }

  #halve(request: ShardRequest, at: Arrival, refusal: Refused): void {
    const halves = request.halves();
    if (halves.length === 0) return this.#fail(request, at, refusal);
    this.#end(request);
    for (const half of halves) this.submit(half);
  }

  #fail(request: ShardRequest, at: Arrival, { why, code }: Refused): void {
    this.#note(request, at, why);
    const message = `shard ${request.shard} at ${at.url} refused it: ${why}`;
    const attempts = request.trip.history;
    request.fail((isDoubted) => failure({ code, message, isDoubted, attempts }));
    this.#end(request);
  }

  #retry(request: ShardRequest, at: Arrival, { why, rest }: { why: string; rest: number }): void {
    request.trip.hops = 0;
    this.#note(request, at, why);
    this.#rest(request, at.now, rest);
  }

  /** No sooner than the node asks for, and not all of a crowd at once. */
  #rest(request: ShardRequest, now: number, atLeast: number): void {
    const pause = restAfter(request.trip.history.length, { ...REST, random: this.#options.random });
    const longer = pause + Math.min(atLeast, CLIENT_LIMITS.restMillisecondsMax);
    this.#restUntil(request, now + longer, this.#resting);
  }

  #restUntil(request: ShardRequest, dueAt: number, among: Set<ShardRequest>): void {
    request.trip.dueAt = dueAt;
    request.trip.state = 'resting';
    among.add(request);
  }

  /** What a request waits for that another answer has to bring. */
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
    request.trip.lack = lack;
    request.trip.state = 'parked';
    this.#parked.add(request);
  }

  #makeReady(request: ShardRequest): void {
    request.trip.state = 'ready';
    this.#ready.push(request);
  }

  #note({ trip }: ShardRequest, { url }: Arrival, what: string): void {
    note(trip, { endpoint: url, what });
  }

  #end(request: ShardRequest): void {
    request.trip.state = 'over';
    this.#open.delete(request);
    this.#parked.delete(request);
    this.#resting.delete(request);
    this.#contending.delete(request);
  }
}

/** Where and when something came. */
interface Arrival {
  readonly url: string;
  readonly node: NodeId;
  readonly now: number;
}

export function arrivalAt({ url, greeting }: Connection, now: number): Arrival {
  return { url, node: greeting?.node ?? (0 as NodeId), now };
}

const REST = {
  min: CLIENT_LIMITS.restMillisecondsMin,
  max: CLIENT_LIMITS.restMillisecondsMax,
};

const CONTENTION = {
  min: CLIENT_LIMITS.contentionMillisecondsMin,
  max: CLIENT_LIMITS.contentionMillisecondsMax,
};

const UNREADABLE = 'an answer that cannot be read';

interface Refused {
  readonly why: string;
  readonly code: KvErrorCode;
}

interface FailureTerms {
  readonly code: KvErrorCode;
  readonly message: string;
  readonly isDoubted: boolean;
  readonly attempts: CallFailure['attempts'];
}

function failure({ code, message, isDoubted, attempts }: FailureTerms): CallFailure {
  const outcome = isDoubted ? 'unknown' : 'notApplied';
  return { type: 'failed', code, outcome, message, attempts: [...attempts] };
}

const CODE_OF_OBSTACLE: Readonly<Record<Obstacle, KvErrorCode>> = {
  none: 'timeout',
  unreachable: 'unreachable',
  foreign: 'wrong-cluster',
  overloaded: 'overloaded',
  contended: 'contended',
};

/** Names what was waited for: the shard, its node, the keys, what was tried and what came of it. */
function expiryOf({ shard, trip }: ShardRequest, isDoubted: boolean): CallFailure {
  const last = trip.history.at(-1);
  const tale = last === undefined ? 'no node answered' : `last ${last.endpoint}: ${last.what}`;
  if (!isInDoubt(trip) && trip.obstacle === 'contended') {
    const keys = trip.contendedKeys.join(', ') || 'keys that are not known';
    const message =
      `other transactions held ${keys} of shard ${shard} until the time was over, ` +
      `tries: ${trip.contentions}; ${tale}`;
    return failure({ code: 'contended', message, isDoubted, attempts: trip.history });
  }
  const lack = trip.lack === undefined ? '' : `, waiting for ${trip.lack}`;
  const message = `no answer from shard ${shard} in time, ${trip.attempts} sent${lack}; ${tale}`;
  const isForeign = trip.obstacle === 'foreign';
  const code = isInDoubt(trip) && !isForeign ? 'timeout' : CODE_OF_OBSTACLE[trip.obstacle];
  return failure({ code, message, isDoubted, attempts: trip.history });
}
