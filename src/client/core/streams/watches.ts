/**
 * The watches of a client, from the first barrier to the end: which shards they have, what is asked
 * of leaders for them, and what follows where a shard cannot be continued.
 */

import { present, unreachable } from '../../../base/assert.ts';
import { areEqual, keyBehind } from '../../../base/bytes.ts';
import type { KvErrorCode } from '../../../base/error-codes.ts';
import type { Response } from '../../../wire/response.ts';
import { CLIENT_LIMITS } from '../../limits.ts';
import { type CallFailure, notApplied, PASSING_CODES } from '../call-failure.ts';
import type { Connection } from '../connections.ts';
import type { ClientEvent, CloseReason, WatchNotice } from '../port.ts';
import type { KeyRange } from '../range.ts';
import type { RequestBody } from '../shard-request.ts';
import { barrierRequest } from './barrier-request.ts';
import { OpenWatch, type PendingSync, type ShardWatch } from './open-watch.ts';
import { arcOfShard, marksFor } from './resume-point.ts';
import type { SharedStream } from './shared-stream.ts';
import { beginFailureCode } from './stream-policy.ts';
import type { StreamMessage } from './stream-reader.ts';
import type { LogPosition, SyncCall, WatchCall } from './watch-call.ts';
import { WatchStreams, type WatchStreamsOptions } from './watch-streams.ts';

type WatchEvents = Extract<ClientEvent, { watch: WatchCall }>;

interface WatchesOptions extends WatchStreamsOptions {
  readonly cluster: () => string;
  readonly submit: (body: RequestBody) => void;
  readonly onNotice: (notice: WatchNotice) => void;
  readonly now: number;
}

export class Watches {
  readonly #options: WatchesOptions;
  readonly #streams: WatchStreams;
  readonly #watches = new Map<WatchCall, OpenWatch>();
  /** Those that wait for the first map. */
  readonly #early = new Set<OpenWatch>();
  /** Those that have to begin by their deadline. */
  readonly #beginning = new Set<OpenWatch>();
  /** Those with a `sync` that waits. */
  readonly #syncing = new Set<OpenWatch>();
  /** Shards whose barrier failed in an outage: it is asked for again with the next tick. */
  readonly #unanswered = new Set<ShardWatch>();
  #shards = 0;
  #closed: CloseReason | undefined;
  /** The time of the last event. */
  #now: number;

  constructor(options: WatchesOptions) {
    this.#options = options;
    this.#streams = new WatchStreams(options);
    this.#now = options.now;
  }

  get size(): number {
    return this.#watches.size;
  }

  step(event: WatchEvents): void {
    if ('now' in event) this.#now = event.now;
    switch (event.type) {
      case 'watch':
        return this.#open(event.watch, event.now);
      case 'watch-took':
        return this.#consume(event.watch, event.place, event.bytes);
      case 'watch-sync':
        return this.#sync(event.watch, event.sync);
      case 'watch-end': {
        const watch = this.#watches.get(event.watch);
        if (watch === undefined) return;
        return this.#end(watch, notApplied('closed', 'the watch was closed'));
      }
      default:
        return unreachable(event);
    }
  }

  /** Whether the response belongs to a stream. */
  hear(connection: Connection, response: Response, now: number): boolean {
    const stream = this.#streams.of(connection, response.id);
    if (stream === undefined) return false;
    this.#now = now;
    if (response.type === 'changes') this.#receive(stream, response);
    else if (response.type === 'failed') {
      this.#streams.answer(stream, response, now);
      this.#followEnds();
    } else if (response.type === 'limited') {
      this.#streams.limited(stream, response, now);
      this.#followEnds();
    }
    return true;
  }

  /** A connection is up or gone. */
  unpark(): void {
    this.#streams.unpark();
  }

  #open(call: WatchCall, now: number): void {
    const watch = new OpenWatch(call, now);
    this.#watches.set(call, watch);
    if (this.#closed !== undefined) return this.#fail(watch, closedBy(this.#closed));
    this.#early.add(watch);
    this.#beginning.add(watch);
  }

  #consume(call: WatchCall, place: number, bytes: number): void {
    const watch = this.#watches.get(call);
    const one = watch?.shards[place];
    if (watch === undefined || one === undefined) return;
    one.backlog.consume(bytes);
    this.#streams.grantFor(one, this.#now);
    watch.unblock(this.#now);
  }

  #sync(call: WatchCall, sync: SyncCall): void {
    const watch = this.#watches.get(call);
    if (watch === undefined) return finish(sync, notApplied('closed', 'the watch has ended'));
    if (watch.syncs.length >= CLIENT_LIMITS.syncsMax) {
      const limit = `the limit is ${CLIENT_LIMITS.syncsMax} (syncsMax)`;
      const message = `${watch.syncs.length} calls of sync wait at this watch; ${limit}`;
      return finish(sync, notApplied('too-many-calls', message));
    }
    const pending = watch.addSync(sync, this.#now);
    this.#syncing.add(watch);
    for (const one of watch.shards) this.#askForSync(one, pending);
  }

  /** Begins what waits for a map, and opens streams. */
  depart(now: number): void {
    this.#now = now;
    if (this.#options.routing.map !== undefined) {
      for (const watch of this.#early) this.#begin(watch);
      this.#early.clear();
    }
    this.#streams.depart(now);
    this.#followEnds();
  }

  #receive(stream: SharedStream<ShardWatch>, message: StreamMessage): void {
    const now = this.#now;
    const { leading, credit } = stream;
    const { shard, reader } = leading;
    const { kind, cursor, block } = message;
    const before = reader.mark;
    const taken = stream.isNext(message.sequence) ? reader.take(message) : OUT_OF_ORDER;
    if (taken.type === 'refused') {
      this.#options.onNotice({ type: 'refused', shard, why: taken.why });
      this.#streams.refuse(stream, taken.why, now);
      return this.#followEnds();
    }
    if (taken.type === 'part') {
      credit.receivePart(block.length);
      for (const one of stream.members) this.#noteBegun(one);
    } else {
      const bytes = credit.receive(block.length);
      const { changes } = taken;
      const read = kind === 'rows' ? cursor : undefined;
      this.#tell(stream, { kind, changes, cursor: read, bytes, before, fact: undefined });
    }
    if (stream.members.length > 0) this.#streams.proceed(stream, now);
  }

  /** Each watch that the stream feeds, and what became of it is heeded behind all of them. */
  #tell(stream: SharedStream<ShardWatch>, received: Parameters<OpenWatch['receive']>[1]): void {
    const { reader } = stream.leading;
    const lost: ShardWatch[] = [];
    for (const one of stream.members) {
      const { watch, shard } = one;
      if (one.reader !== reader) one.reader.follow(reader);
      const outcome = watch.receive(one, received, this.#now);
      if (outcome === 'misfit') this.#options.onNotice({ type: 'misfit', shard });
      if (outcome !== 'taken') lost.push(one);
      this.#noteBegun(one);
    }
    for (const one of lost) this.#lose(one);
  }

  #noteBegun(one: ShardWatch): void {
    one.isBegun = true;
    if (this.#beginning.size > 0 && one.watch.isBegun) this.#beginning.delete(one.watch);
  }

  /** A connection is gone, and its streams with it. */
  disconnect(connection: Connection, reason: string, now: number): void {
    this.#now = now;
    this.#streams.disconnect(connection, reason, now);
    this.#followEnds();
  }

  tick(now: number, awake: number): void {
    this.#now = now;
    this.#streams.tick(now, awake);
    this.#followEnds();
    for (const one of this.#unanswered) {
      this.#unanswered.delete(one);
      if (!one.watch.isOver) this.#askBarrier(one);
    }
    for (const watch of this.#syncing) this.#expireSyncs(watch);
    for (const watch of this.#beginning) {
      if (now >= watch.expiresAt) this.#fail(watch, lateFailure(watch));
    }
  }

  close(reason: CloseReason): void {
    this.#closed = reason;
    for (const watch of this.#watches.values()) this.#fail(watch, closedBy(reason));
  }

  /** Since when a shard is not proven to be fresh; undefined if all are. */
  staleSince(call: WatchCall, now: number): number | undefined {
    return this.#watches.get(call)?.staleSince(now);
  }

  /** Required: there is a map. */
  #begin(watch: OpenWatch): void {
    const { routing, cluster } = this.#options;
    const { terms } = watch.call;
    const { settings } = present(routing.map, 'a watch begins with a map');
    const shards = isOneKey(terms.range)
      ? [routing.shardOf(terms.range.from)]
      : routing.shardsOf(terms.range);
    const limit = CLIENT_LIMITS.watchedShardsMax;
    if (this.#shards + shards.length > limit) {
      const sum = `the watches of this client would have ${this.#shards + shards.length} streams`;
      const failure = notApplied('too-many-watches', `${sum}; the limit is ${limit}`);
      return this.#fail(watch, failure);
    }
    const arcs = shards.map((shard) => arcOfShard(shard, settings.shards));
    const marks = terms.resume && marksFor(terms.resume, { cluster: cluster(), arcs });
    if (typeof marks === 'string') {
      return this.#fail(watch, notApplied('bad-token', `the resume token does not fit: ${marks}`));
    }
    this.#shards += shards.length;
    const watched = shards.map((shard, at) => {
      return { shard, arc: present(arcs[at], 'each shard has an arc'), mark: marks?.[at] };
    });
    watch.begin(watched, cluster(), this.#now);
    for (const one of watch.shards) {
      if (marks !== undefined) this.#streams.start(one);
      this.#askBarrier(one);
      for (const sync of watch.syncs) this.#askForSync(one, sync);
    }
    // A token that was taken in the middle of a re-read names no position.
    const lost = watch.shards.find(({ reader }) => reader.isPlaced && reader.index === 0);
    if (lost !== undefined) this.#lose(lost);
  }

  /** Before a read, so that it contains what was acknowledged; beside a stream that goes on. */
  #askBarrier(one: ShardWatch): void {
    const { watch } = one;
    const { timeoutMilliseconds } = watch.call.terms;
    one.barrierAsked += 1;
    const asked = one.barrierAsked;
    this.#askPosition(one, {
      expiresAt: watch.isBegun ? this.#now + timeoutMilliseconds : watch.expiresAt,
      isNeedless: () => watch.isOver || one.barrierAsked !== asked,
      onPosition: (position) => {
        // The log was replaced by a shorter one, so equal versions may be of different values.
        if (one.tellsDifferences && position.index < one.lostIndex) {
          watch.stopTracking();
          return this.#lose(one);
        }
        watch.passBarrier(one, { position, skip: 0 }, this.#now);
        if (one.state === 'barrier') this.#streams.start(one);
        else this.#streams.reach(one);
      },
      onFailure: (failure) => {
        // An outage does not end a watch that has begun.
        if (watch.isBegun && OUTAGES.has(failure.code)) this.#unanswered.add(one);
        else this.#fail(watch, failure);
      },
    });
  }

  #askForSync(one: ShardWatch, sync: PendingSync): void {
    const { watch, place } = one;
    this.#askPosition(one, {
      expiresAt: sync.expiresAt,
      isNeedless: () => watch.isOver || sync.call.isOver,
      onPosition: ({ index }) => {
        sync.indexes[place] = index;
        one.goal = Math.max(one.goal, index);
        watch.settle(this.#now);
        this.#streams.reach(one);
      },
      onFailure: (failure) => finish(sync.call, failure),
    });
  }

  #askPosition(
    { watch, shard }: ShardWatch,
    asked: {
      readonly expiresAt: number;
      readonly isNeedless: () => boolean;
      readonly onPosition: (position: LogPosition) => void;
      readonly onFailure: (failure: CallFailure) => void;
    },
  ): void {
    const { range } = watch.call.terms;
    this.#options.submit(barrierRequest({ shard, range, ...asked }));
  }

  #followEnds(): void {
    for (const { one, end } of this.#streams.takeEnds()) {
      if (one.watch.isOver) continue;
      if (end === 'lost') this.#lose(one);
      else if (end === 'barrier') this.#askBarrier(one);
      else this.#fail(one.watch, end);
    }
  }

  /** What comes behind its position is not known anywhere: the range is read again. */
  #lose(one: ShardWatch): void {
    const { watch, shard } = one;
    const shards = watch.lose(one);
    if (shards === undefined) return this.#fail(watch, tooSlow());
    this.#options.onNotice({ type: 'compacted', shard });
    for (const each of shards) {
      this.#streams.stop(each, 'barrier');
      each.readAgain();
      this.#askBarrier(each);
    }
  }

  #expireSyncs(watch: OpenWatch): void {
    for (const { call, expiresAt, isReached } of watch.syncs) {
      if (call.isOver || this.#now < expiresAt) continue;
      const why = isReached
        ? 'what was acknowledged waits in the buffer: the loop of the watch did not take it in time'
        : 'the watch was not told everything that was acknowledged before it in time';
      finish(call, notApplied('timeout', why));
    }
    watch.dropSyncs();
    if (watch.syncs.length === 0) this.#syncing.delete(watch);
  }

  #fail(watch: OpenWatch, failure: CallFailure): void {
    watch.tell({ type: 'failed', failure });
    this.#end(watch, failure);
  }

  #end(watch: OpenWatch, failure: CallFailure): void {
    if (watch.isOver) return;
    watch.isOver = true;
    for (const one of watch.shards) this.#streams.stop(one, 'over');
    for (const { call } of watch.syncs) finish(call, failure);
    this.#shards -= watch.shards.length;
    this.#watches.delete(watch.call);
    this.#early.delete(watch);
    this.#beginning.delete(watch);
    this.#syncing.delete(watch);
  }
}

const OUT_OF_ORDER = { type: 'refused', why: 'a message was lost or repeated' } as const;

/** Failures that pass while the cluster is repaired. */
const OUTAGES: ReadonlySet<KvErrorCode> = new Set([
  ...PASSING_CODES,
  // A part stays prepared while its home shard has no majority.
  'contended',
]);

function isOneKey({ from, to }: KeyRange): boolean {
  return areEqual(to, keyBehind(from));
}

function finish(sync: SyncCall, failure: CallFailure): void {
  if (sync.isOver) return;
  sync.isOver = true;
  sync.settle(failure);
}

function closedBy({ code, message }: CloseReason): CallFailure {
  return notApplied(code, message);
}

function lateFailure({ lastFailure, lastLimit, wasConnected }: OpenWatch): CallFailure {
  if (lastLimit !== undefined) {
    return notApplied('limit-exceeded', `the watch could not begin in time: ${lastLimit}`);
  }
  const code = beginFailureCode(lastFailure, { wasConnected });
  const last = lastFailure === undefined ? '' : `; the last stream ended with: ${lastFailure}`;
  return notApplied(code, `the watch could not begin in time${last}`);
}

function tooSlow(): CallFailure {
  const reads = CLIENT_LIMITS.unfinishedReadsMax;
  const what = `the range was read ${reads} times, and each time`;
  const why = 'the shard had forgotten what changed meanwhile before the read was finished';
  return notApplied('watch-too-slow', `${what} ${why}`);
}
