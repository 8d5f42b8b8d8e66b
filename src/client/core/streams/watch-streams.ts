/**
 * The streams of watches: opens one for each shard of each watch at a replica that can be reached,
 * another one elsewhere when it ends or falls silent, and grants credit on it. Watches that lack
 * the same share one stream, until the consumer of one of them does not keep up.
 */

import { limitText } from '../../../access/user-limits.ts';
import { assert } from '../../../base/assert.ts';
import { nameOf } from '../../../base/bytes.ts';
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
import { SharedStream } from './shared-stream.ts';
import { StreamPeers } from './stream-peers.ts';
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

type Shared = SharedStream<ShardWatch>;

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
  readonly #open = new Map<Connection, Map<number, Shared>>();
  readonly #peers = new StreamPeers<ShardWatch>();
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

  /** Its stream, if one is open, is of no use to it any more. */
  stop(one: ShardWatch, state: 'barrier' | 'full' | 'over'): void {
    const { stream } = one;
    if (stream?.members.length === 1) this.#cancel(stream);
    else if (stream !== undefined) {
      stream.leave(one);
      one.stream = undefined;
    }
    this.#leave(one);
    one.state = state;
  }

  /** The stream of this id. */
  of(connection: Connection, id: number): Shared | undefined {
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
      for (const stream of streams.values()) this.#listen(stream, passed, now);
    }
  }

  /** It has sent a message, and its members have taken it. Required: it has some. */
  proceed(stream: Shared, now: number): void {
    stream.silentMilliseconds = 0;
    // A replica that fails at once, again and again, is not asked without a rest.
    const isSteady = now - stream.openedAt >= CLIENT_LIMITS.restMillisecondsMax;
    for (const one of stream.members) {
      if (isSteady) one.failures = 0;
      one.refusals = 0;
      one.choice.reset();
      this.reach(one);
    }
    this.#grant(stream, stream.grant());
    this.#shed(stream, now);
    if (stream.members.length === 0) return;
    const other = this.#peers.move(stream);
    if (other !== undefined) this.#merge(stream, other, now);
  }

  /** Its consumer has taken something. */
  grantFor(one: ShardWatch, now: number): void {
    if (one.state === 'full' && one.backlog.isHalfFree) this.start(one);
    else if (one.stream !== undefined) this.#extend(one, one.stream, now);
  }

  /** What is granted for one member is not for those without room: their buffers have a bound. */
  #extend(one: ShardWatch, stream: Shared, now: number): void {
    const granted = stream.credit.grantFor(one.backlog);
    if (granted === 0) return;
    this.#grant(stream, granted);
    this.#shed(stream, now);
  }

  #grant({ connection, id }: Shared, bytes: number): void {
    if (bytes > 0) this.#options.connections.tell(connection, { type: 'credit', id, bytes });
  }

  /** Members that have no room leave while more may come: they must not slow the others. */
  #shed(stream: Shared, now: number): void {
    if (stream.credit.isSpent) {
      for (const { watch } of stream.members) watch.block(now);
      return;
    }
    for (let seat = stream.members.length - 1; seat >= 0; seat--) {
      const one = stream.members[seat];
      if (one === undefined || !one.backlog.isFull) continue;
      this.stop(one, 'full');
      one.watch.block(now);
    }
  }

  /** Both have told the same, so one of them goes on for both. */
  #merge(one: Shared, other: Shared, now: number): void {
    const isSmaller = one.members.length < other.members.length;
    const [from, into] = isSmaller ? [one, other] : [other, one];
    for (const member of this.#cancel(from)) this.#join(member, into);
    this.#grant(into, into.grant());
    this.#shed(into, now);
  }

  #join(one: ShardWatch, stream: Shared): void {
    one.reader.begin();
    stream.join(one);
    one.stream = stream;
    one.state = 'open';
    one.watch.wasConnected = true;
    this.reach(one);
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
  answer(stream: Shared, response: Extract<Response, { type: 'failed' }>, now: number): void {
    const { failure, leader, retryAfterMilliseconds } = response;
    const { node } = stream;
    const { shard } = stream.leading;
    const { routing, onMapOld } = this.#options;
    if (leader !== 0) routing.learn(shard, leader as NodeId);
    const verdict = decideStream(failure);
    if (verdict.type === 'elsewhere' && verdict.isMapOld) onMapOld();
    for (const one of this.#close(stream)) {
      one.watch.lastFailure = failure;
      one.watch.lastLimit = undefined;
      if (verdict.type === 'barrier') this.#endWith(one, 'barrier');
      else if (verdict.type === 'fail') {
        const name = this.#nameOf(node);
        const message = `shard ${shard} at ${name} ended the watch: ${failure}`;
        const attempts = [{ endpoint: name, what: failure }];
        this.#ends.push({ one, end: notApplied(verdict.code, message, attempts) });
      } else {
        const { cause } = verdict;
        this.#retry(one, { node, why: failure, cause, atLeast: retryAfterMilliseconds }, now);
      }
    }
  }

  /** The user may have no more at this node now; another one may have room. */
  limited(stream: Shared, response: Extract<Response, { type: 'limited' }>, now: number): void {
    const { limit, allowed, retryAfterMilliseconds: atLeast } = response;
    const { node } = stream;
    const why = limitText(limit, allowed);
    for (const one of this.#close(stream)) {
      one.watch.lastLimit = why;
      this.#retry(one, { node, why, cause: 'other', atLeast }, now);
    }
  }

  /** Its last message does not continue where the client is. */
  refuse(stream: Shared, why: string, now: number): void {
    const { node } = stream;
    for (const one of this.#cancel(stream)) {
      one.refusals += 1;
      this.#leave(one);
      if (one.refusals < CLIENT_LIMITS.refusedMessagesMax) {
        this.#retry(one, { node, why, cause: 'other', atLeast: 0 }, now);
        continue;
      }
      const name = this.#nameOf(node);
      const message = `shard ${one.shard} at ${name} sent what cannot be used: ${why}`;
      const end = notApplied('refused', message, [{ endpoint: name, what: why }]);
      this.#ends.push({ one, end });
    }
  }

  /** All its streams have ended. */
  disconnect(connection: Connection, reason: string, now: number): void {
    const why = `the connection was lost: ${reason}`;
    for (const stream of [...(this.#open.get(connection)?.values() ?? [])]) {
      const { node } = stream;
      for (const one of this.#close(stream)) {
        this.#retry(one, { node, why, cause: 'other', atLeast: 0 }, now);
      }
    }
  }

  #send(one: ShardWatch, now: number): void {
    const { connections, routing } = this.#options;
    if (!one.backlog.isHalfFree) {
      one.state = 'full';
      return;
    }
    const name = nameOfStream(one);
    const shared = this.#peers.suiting(name, one);
    if (shared !== undefined) {
      this.#join(one, shared);
      // The stream may have no credit left: its other members wait for their consumers.
      return this.#extend(one, shared, now);
    }
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
    this.#ask(one, { name, connection, node, now });
  }

  #ask(
    one: ShardWatch,
    to: { name: string; connection: Connection; node: NodeId; now: number },
  ): void {
    const { connections, routing } = this.#options;
    const { connection } = to;
    const { range, keysOnly } = one.watch.call.terms;
    const { shard } = one;
    const id = connection.nextId++;
    const start = one.reader.begin();
    const atLeast = start === undefined ? (one.barrier ?? 0) : 0;
    const stream = new SharedStream({ ...to, id, first: one, atLeast });
    one.stream = stream;
    one.state = 'open';
    one.watch.wasConnected = true;
    const streams = this.#open.get(connection) ?? new Map<number, Shared>();
    this.#open.set(connection, streams.set(id, stream));
    this.#peers.add(stream);
    const { from, to: end } = range;
    const epoch = routing.epochOf(shard);
    const asked = { type: 'watch', id, shard, epoch, from, to: end, start, atLeast } as const;
    connections.tell(connection, { ...asked, keysOnly, credit: stream.credit.left });
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

  /** A stream without a message is stale, unless it waits for its consumers. */
  #listen(stream: Shared, passed: number, now: number): void {
    if (stream.credit.isSpent) return;
    stream.silentMilliseconds += passed;
    if (stream.silentMilliseconds < WATCH_LIMITS.silenceMilliseconds) return;
    const { node } = stream;
    for (const one of this.#cancel(stream)) {
      this.#retry(one, { node, why: 'the stream is silent', cause: 'stale', atLeast: 0 }, now);
    }
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
      // All replicas that it knows have failed: others may have been added.
      this.#options.onMapOld();
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

  /** Its node sends no more on it. Returns those that it fed. */
  #cancel(stream: Shared): readonly ShardWatch[] {
    const { connection, id } = stream;
    this.#options.connections.tell(connection, { type: 'cancel', id });
    return this.#close(stream);
  }

  /** Forgets the stream. Returns those that it fed. */
  #close(stream: Shared): readonly ShardWatch[] {
    const { connection, id } = stream;
    this.#peers.remove(stream);
    const streams = this.#open.get(connection);
    streams?.delete(id);
    if (streams?.size === 0) this.#open.delete(connection);
    const members = stream.members.splice(0);
    for (const one of members) one.stream = undefined;
    return members;
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

/** Streams with one name send the same from the same position on. */
function nameOfStream({ shard, watch }: ShardWatch): string {
  const { range, keysOnly, replicas } = watch.call.terms;
  const { from, to } = range;
  // Joined, and so one text without parts.
  return [shard, replicas, keysOnly, from.length, nameOf(from), nameOf(to)].join('/');
}

const FULL: Failure = 'streams-full';
