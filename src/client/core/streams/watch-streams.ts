/**
 * The streams of watches: opens one for each shard of each watch at a replica that can be reached,
 * another one elsewhere when it ends or falls silent, and grants credit on it.
 */

import { assert } from '../../../base/assert.ts';
import type { Attempt } from '../../../base/errors.ts';
import type { NodeId, ShardId } from '../../../base/ids.ts';
import type { Random } from '../../../base/random.ts';
import { WATCH_LIMITS } from '../../../base/watch-limits.ts';
import type { Failure, Response } from '../../../wire/response.ts';
import { CLIENT_LIMITS } from '../../limits.ts';
import { type Balancer, candidatesOf } from '../balance.ts';
import type { CallFailure } from '../call-failure.ts';
import { notApplied } from '../call-failure.ts';
import type { Connection, Connections } from '../connections.ts';
import { BACKOFF, backoffAfter, type RetryBudget } from '../retry-policy.ts';
import type { Routing } from '../routing.ts';
import type { ShardWatch } from './open-watch.ts';
import { decideStream } from './stream-policy.ts';

export interface WatchStreamsOptions {
  readonly routing: Routing;
  readonly connections: Connections;
  readonly balancer: Balancer;
  readonly random: Random;
  /** Shared with all requests of the client. */
  readonly budget: RetryBudget;
  readonly onMapOld: () => void;
  readonly onRetry: (shard: ShardId, attempt: Attempt) => void;
}

/** A shard whose stream is not opened again before something else was done. */
interface StreamEnd {
  readonly one: ShardWatch;
  /**
   * - `lost`: no replica knows what comes behind the position.
   * - `barrier`: the shard has to record again.
   */
  readonly end: 'lost' | 'barrier' | CallFailure;
}

interface Trouble {
  readonly node: NodeId;
  readonly why: string;
  readonly cause: 'stale' | 'gone' | 'other';
  /** Milliseconds that the node asks to wait. */
  readonly atLeast: number;
}

export class WatchStreams {
  readonly #options: WatchStreamsOptions;
  /** By connection and id. They owe no single answer, so they are no requests in flight. */
  readonly #open = new Map<Connection, Map<number, ShardWatch>>();
  readonly #parked = new Set<ShardWatch>();
  readonly #resting = new Set<ShardWatch>();
  #ready: ShardWatch[] = [];
  #ends: StreamEnd[] = [];
  #awake = 0;

  constructor(options: WatchStreamsOptions) {
    this.#options = options;
  }

  /** A stream is opened with the next `depart`. Required: none is open. */
  start(one: ShardWatch): void {
    assert(one.stream === undefined, 'a shard of a watch has one stream');
    if (one.state === 'over') return;
    this.#leave(one);
    one.state = 'ready';
    this.#ready.push(one);
  }

  /** Its stream, if one is open, is of no use any more. */
  stop(one: ShardWatch, state: 'barrier' | 'over'): void {
    const { stream } = one;
    if (stream !== undefined) {
      this.#options.connections.tell(stream.connection, { type: 'cancel', id: stream.id });
      this.#close(one);
    }
    this.#leave(one);
    one.state = state;
  }

  /** The shard that the stream of this id belongs to. */
  of(connection: Connection, id: number): ShardWatch | undefined {
    return this.#open.get(connection)?.get(id);
  }

  /** What became of streams since the last call. */
  takeEnds(): readonly StreamEnd[] {
    const ends = this.#ends;
    if (ends.length > 0) this.#ends = [];
    return ends;
  }

  depart(now: number): void {
    const ready = this.#ready;
    this.#ready = [];
    for (const one of ready) if (one.state === 'ready') this.#send(one, now);
  }

  /** A connection is up or gone. */
  unpark(): void {
    for (const one of this.#parked) this.start(one);
  }

  tick(now: number, awake: number): void {
    let hasBudget = true;
    for (const one of this.#resting) {
      if (one.dueAt > now) continue;
      hasBudget &&= this.#options.budget.take(now);
      if (!hasBudget) break;
      if (one.wantsBarrier) this.#endWith(one, 'barrier');
      else this.start(one);
    }
    this.#awake += awake;
    if (this.#awake < CLIENT_LIMITS.silenceCheckMilliseconds) return;
    const passed = this.#awake;
    this.#awake = 0;
    for (const streams of this.#open.values()) {
      for (const one of streams.values()) this.#listen(one, passed, now);
    }
  }

  /** More may have been consumed, or is waited for, since its last message. */
  proceed(one: ShardWatch, granted: number, now: number): void {
    const { stream } = one;
    if (stream !== undefined) {
      stream.silentMilliseconds = 0;
      // A replica that fails at once, again and again, is not asked without a rest.
      if (now - stream.openedAt >= CLIENT_LIMITS.restMillisecondsMax) one.failures = 0;
      one.refusals = 0;
      one.choice.reset();
    }
    this.grant(one, granted);
    this.reach(one);
  }

  grant(one: ShardWatch, bytes: number): void {
    const { stream } = one;
    if (one.state === 'full') this.start(one);
    if (stream === undefined || bytes === 0) return;
    this.#options.connections.tell(stream.connection, { type: 'credit', id: stream.id, bytes });
  }

  /** Asks the node to tell as soon as the stream has come to what is waited for. */
  reach(one: ShardWatch): void {
    const { stream, goal, reader } = one;
    if (stream === undefined || reader.index >= goal || stream.reachAsked >= goal) return;
    stream.reachAsked = goal;
    const { connection, id } = stream;
    this.#options.connections.tell(connection, { type: 'reach', id, index: goal });
  }

  /** The node has ended it. */
  answer(one: ShardWatch, response: Extract<Response, { type: 'failed' }>, now: number): void {
    const { failure, leader, retryAfterMilliseconds } = response;
    const node = this.#close(one);
    if (node === undefined) return;
    const { routing, onMapOld } = this.#options;
    if (leader !== 0) routing.learn(one.shard, leader as NodeId);
    one.watch.lastFailure = failure;
    const verdict = decideStream(failure);
    if (verdict.type === 'barrier') {
      this.#endWith(one, 'barrier');
    } else if (verdict.type === 'fail') {
      const name = this.#nameOf(node);
      const message = `shard ${one.shard} at ${name} ended the watch: ${failure}`;
      const attempts = [{ endpoint: name, what: failure }];
      this.#ends.push({ one, end: notApplied(verdict.code, message, attempts) });
    } else {
      if (verdict.isMapOld) onMapOld();
      const { cause } = verdict;
      this.#retry(one, { node, why: failure, cause, atLeast: retryAfterMilliseconds }, now);
    }
  }

  /** Its last message does not continue where the client is. */
  refuse(one: ShardWatch, why: string, now: number): void {
    const { stream } = one;
    if (stream === undefined) return;
    one.refusals += 1;
    this.stop(one, 'barrier');
    if (one.refusals < CLIENT_LIMITS.refusedMessagesMax) {
      return this.#retry(one, { node: stream.node, why, cause: 'other', atLeast: 0 }, now);
    }
    const name = this.#nameOf(stream.node);
    const message = `shard ${one.shard} at ${name} sent what cannot be used: ${why}`;
    this.#ends.push({ one, end: notApplied('refused', message, [{ endpoint: name, what: why }]) });
  }

  /** All its streams have ended. */
  disconnect(connection: Connection, reason: string, now: number): void {
    const why = `the connection was lost: ${reason}`;
    for (const one of [...(this.#open.get(connection)?.values() ?? [])]) {
      const node = this.#close(one);
      if (node !== undefined) this.#retry(one, { node, why, cause: 'other', atLeast: 0 }, now);
    }
  }

  #send(one: ShardWatch, now: number): void {
    const { connections, routing } = this.#options;
    const nodes = this.#nodesOf(one.shard);
    const node = this.#choose(one, nodes);
    const url = node === undefined ? undefined : routing.urlOf(node);
    if (node === undefined || url === undefined) {
      this.#options.onMapOld();
      one.choice.reset();
      one.failures += 1;
      return this.#rest(one, now, 0);
    }
    const connection = connections.toNode(node);
    if (connection === undefined) {
      if (connections.dial(url, now)) return this.#park(one);
      const why = `not reachable: ${connections.troubleAt(url)}`;
      return this.#retry(one, { node, why, cause: 'other', atLeast: 0 }, now);
    }
    const count = this.#open.get(connection)?.size ?? 0;
    if (count >= WATCH_LIMITS.streamsOfConnectionMax) {
      one.watch.lastFailure = 'streams-full';
      return this.#retry(one, { node, why: FULL, cause: 'other', atLeast: 0 }, now);
    }
    const credit = one.credit.begin();
    if (credit === 0) {
      one.state = 'full';
      return;
    }
    this.#ask(one, { connection, node, credit, now });
  }

  #ask(
    one: ShardWatch,
    to: { connection: Connection; node: NodeId; credit: number; now: number },
  ): void {
    const { connections, routing } = this.#options;
    const { connection, node, credit, now } = to;
    const { range, keysOnly } = one.watch.call.terms;
    const { shard } = one;
    const id = connection.nextId++;
    const start = one.reader.begin();
    const atLeast = start === undefined ? (one.barrier ?? 0) : 0;
    const openedAt = now;
    one.stream = { connection, id, node, openedAt, silentMilliseconds: 0, reachAsked: atLeast };
    one.state = 'open';
    one.watch.wasConnected = true;
    const streams = this.#open.get(connection) ?? new Map<number, ShardWatch>();
    this.#open.set(connection, streams.set(id, one));
    const { from, to: end } = range;
    const epoch = routing.epochOf(shard);
    const asked = { type: 'watch', id, shard, epoch, from, to: end, start, atLeast } as const;
    connections.tell(connection, { ...asked, keysOnly, credit });
    this.reach(one);
  }

  #choose(one: ShardWatch, nodes: readonly NodeId[]): NodeId | undefined {
    const { routing, connections, balancer } = this.#options;
    return one.choice.next({
      nodes,
      leader: routing.leaderOf(one.shard),
      replicas: one.watch.call.terms.replicas,
      isConnected: (node) => connections.toNode(node) !== undefined,
      pick: (some) => {
        const candidates = candidatesOf(one.shard, { routing, connections });
        const suited = candidates.filter(({ node }) => some.includes(node as NodeId));
        return balancer.choose(one.shard, suited);
      },
    });
  }

  #nodesOf(shard: ShardId): readonly NodeId[] {
    const members = this.#options.routing.rowOf(shard)?.members ?? [];
    return members.flatMap(({ node, isWanted }) => (isWanted ? [node] : []));
  }

  /** A stream without a message is stale, unless it waits for its consumer. */
  #listen(one: ShardWatch, passed: number, now: number): void {
    const { stream, credit } = one;
    if (stream === undefined || credit.isSpent) return;
    stream.silentMilliseconds += passed;
    if (stream.silentMilliseconds < WATCH_LIMITS.silenceMilliseconds) return;
    const { node } = stream;
    this.stop(one, 'barrier');
    this.#retry(one, { node, why: 'the stream is silent', cause: 'stale', atLeast: 0 }, now);
  }

  /** At another replica at once, if this is the first failure; else after a rest. */
  #retry(one: ShardWatch, { node, why, cause, atLeast }: Trouble, now: number): void {
    const { routing, onRetry } = this.#options;
    const { choice } = one;
    onRetry(one.shard, { endpoint: this.#nameOf(node), what: why });
    if (one.watch.call.terms.replicas === 'leader') routing.doubt(one.shard, node);
    if (cause === 'gone') choice.failGone(node);
    else if (cause === 'stale') choice.failStale(node);
    else choice.fail(node);
    const nodes = this.#nodesOf(one.shard);
    if (choice.isLost(nodes)) {
      choice.reset();
      return this.#endWith(one, 'lost');
    }
    const { replicas } = one.watch.call.terms;
    const hasOther = choice.hasOther({ nodes, replicas });
    if (!hasOther) {
      choice.reset();
      one.wantsBarrier = one.wantsRead && !one.reader.isPlaced;
    }
    one.failures += 1;
    if (hasOther && (one.failures === 1 || cause === 'gone')) this.start(one);
    else this.#rest(one, now, atLeast);
  }

  /** With jitter, and not before the time that the node asks for. */
  #rest(one: ShardWatch, now: number, atLeast: number): void {
    const pause = backoffAfter(one.failures, BACKOFF.retry, this.#options.random);
    this.#leave(one);
    one.dueAt = now + pause + Math.min(atLeast, BACKOFF.retry.max);
    one.state = 'resting';
    this.#resting.add(one);
  }

  #endWith(one: ShardWatch, end: 'lost' | 'barrier'): void {
    this.#leave(one);
    one.state = 'barrier';
    one.wantsBarrier = false;
    this.#ends.push({ one, end });
  }

  #park(one: ShardWatch): void {
    one.state = 'parked';
    this.#parked.add(one);
  }

  /** Forgets its stream. Returns the node that served it. */
  #close(one: ShardWatch): NodeId | undefined {
    const { stream } = one;
    if (stream === undefined) return undefined;
    const streams = this.#open.get(stream.connection);
    streams?.delete(stream.id);
    if (streams?.size === 0) this.#open.delete(stream.connection);
    one.stream = undefined;
    return stream.node;
  }

  #leave(one: ShardWatch): void {
    this.#parked.delete(one);
    this.#resting.delete(one);
  }

  #nameOf(node: NodeId): string {
    const { routing, connections } = this.#options;
    const url = routing.urlOf(node);
    return url === undefined ? `node ${node}` : connections.nameOf(url);
  }
}

const FULL: Failure = 'streams-full';
