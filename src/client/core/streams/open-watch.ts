/**
 * One watch and its shards: what their streams bring becomes one sequence of facts.
 *
 * The rest of the core decides where streams are open; here is decided what their messages mean
 * for the consumer.
 */

import type { ShardId } from '../../../base/ids.ts';
import { WATCH_LIMITS } from '../../../base/watch-limits.ts';
import type { KeyChange } from '../../../machine/key-change.ts';
import type { Failure } from '../../../wire/response.ts';
import { CLIENT_LIMITS } from '../../limits.ts';
import { Backlog } from './credit.ts';
import { ReplicaChoice } from './replica-choice.ts';
import type { SharedStream, StreamMember } from './shared-stream.ts';
import { type StreamMessage, StreamReader } from './stream-reader.ts';
import { TrackedKeys, TrackingBudget } from './tracked-keys.ts';
import type {
  ChangesFact,
  StreamMark,
  SyncCall,
  WatchCall,
  WatchedArc,
  WatchFact,
} from './watch-call.ts';

/** A message that a stream has taken, for each of its members. */
interface Received {
  readonly kind: StreamMessage['kind'];
  readonly changes: readonly KeyChange[];
  /** Behind rows: the first key that was not read yet. */
  readonly cursor: Uint8Array | undefined;
  /** Of the changes, and of their parts that came before. */
  readonly bytes: number;
  /** Before the message; undefined while the range is being read. */
  readonly before: StreamMark | undefined;
  /** What the first member was told, and most others are told as well. */
  fact: ChangesFact | undefined;
}

/**
 * What became of a message.
 *
 * - `misfit`: a change does not fit what was told of its key: something was lost before.
 * - `too-many-keys`: there are too many to tell only differences of the read in progress.
 */
type Outcome = 'taken' | 'misfit' | 'too-many-keys';

/** A `sync` that was asked for, and the index of each shard that it waits for. */
export interface PendingSync {
  readonly call: SyncCall;
  readonly expiresAt: number;
  readonly indexes: (number | undefined)[];
  isReached: boolean;
}

interface WatchedShard {
  readonly shard: ShardId;
  readonly arc: WatchedArc;
  readonly mark: StreamMark | undefined;
}

export class OpenWatch {
  readonly call: WatchCall;
  /** When it has to have begun. */
  readonly expiresAt: number;
  /** Empty until there is a map. */
  shards: readonly ShardWatch[] = [];
  isOver = false;
  /** Why a stream of it ended last, as its node said. */
  lastFailure: Failure | undefined;
  /** The limit of the user that the last stream met, if it met one. */
  lastLimit: string | undefined;
  /** A stream of it was asked for. */
  wasConnected = false;
  #syncs: PendingSync[] = [];
  #isSynced = false;
  #tracking: TrackingBudget;
  /** When the node of a shard may not send any more, because the consumer is slow. */
  #blockedAt: number | undefined;
  #progressAt = Number.NEGATIVE_INFINITY;

  constructor(call: WatchCall, now: number) {
    this.call = call;
    this.expiresAt = now + call.terms.timeoutMilliseconds;
    this.#tracking = new TrackingBudget(call.terms);
  }

  get isBegun(): boolean {
    return this.shards.length > 0 && this.shards.every(({ isBegun }) => isBegun);
  }

  get syncs(): readonly PendingSync[] {
    return this.#syncs;
  }

  tell(fact: WatchFact): void {
    if (!this.isOver) this.call.deliver(fact);
  }

  begin(shards: readonly WatchedShard[], cluster: string, now: number): void {
    const { range, keysOnly, bufferBytes, shareBytesMin } = this.call.terms;
    const share = Math.max(shareBytesMin, Math.floor(bufferBytes / shards.length));
    this.tell({ type: 'began', arcs: shards.map(({ arc }) => arc), cluster });
    this.shards = shards.map(({ shard, mark }, place) => {
      const reader = new StreamReader({ range, keysOnly, mark });
      const tracked = this.call.terms.isInitial ? this.#newTracked() : undefined;
      return new ShardWatch({ watch: this, shard, place, reader, share, tracked, now });
    });
    for (const [place, { mark }] of shards.entries()) {
      if (mark !== undefined) this.tell({ type: 'moved', place, mark });
    }
  }

  /** Everything that was acknowledged when it was asked for is at or before this mark. */
  passBarrier(one: ShardWatch, mark: StreamMark, now: number): void {
    const { index } = mark.position;
    // A read that has not begun has to contain what the latest barrier told.
    if (!one.reader.isPlaced) one.barrier = index;
    one.barrier ??= index;
    one.goal = Math.max(one.goal, index);
    if (!one.wantsRead && !one.reader.isPlaced) {
      // Only what changes from now on is wanted.
      one.reader.continueFrom(mark);
      this.tell({ type: 'moved', place: one.place, mark });
    }
    this.settle(now);
  }

  /** Required: the reader of the shard has taken it. */
  receive(one: ShardWatch, received: Received, now: number): Outcome {
    const { kind, cursor } = received;
    const isFromRead = kind === 'rows' || kind === 'rows-end';
    const changes = this.#track(one, received.changes, isFromRead, cursor);
    if (typeof changes === 'string') return changes;
    this.#tellChanges(one, received, changes, isFromRead);
    if (one.reader.isRead) {
      one.unfinishedReads = 0;
      one.tellsDifferences = false;
      one.lostIndex = 0;
    }
    one.hasProgressed = true;
    if (kind === 'progress' || kind === 'rows-end') one.provenAt = now;
    this.settle(now);
    if (kind === 'progress') this.#tellProgress(now);
    return 'taken';
  }

  /** The node of a shard sends nothing before the consumer has taken more. */
  block(now: number): void {
    this.#blockedAt ??= now;
  }

  /** The consumer has taken something, and nodes were granted more for it. */
  unblock(now: number): void {
    if (this.#blockedAt === undefined || this.shards.some(({ isBlocked }) => isBlocked)) return;
    const milliseconds = now - this.#blockedAt;
    this.#blockedAt = undefined;
    if (milliseconds >= CLIENT_LIMITS.lagMilliseconds) this.tell({ type: 'lagging', milliseconds });
  }

  /**
   * Changes behind the position of a shard are lost. Returns the shards that are to be read again;
   * undefined if that has been tried too often.
   */
  lose(one: ShardWatch): readonly ShardWatch[] | undefined {
    if (!one.reader.isRead) one.unfinishedReads += 1;
    if (one.unfinishedReads >= CLIENT_LIMITS.unfinishedReadsMax) return undefined;
    const { tracked } = one;
    this.#isSynced = false;
    if (tracked !== undefined) {
      // A read that has told nothing can begin again unnoticed.
      const isFirst = tracked.isEmpty && !one.reader.isRead;
      const { place } = one;
      if (!isFirst) this.tell({ type: 'compacted', differences: true, place });
      one.tellsDifferences = true;
      // The reader is at 0 if the read behind an earlier loss has not begun.
      one.lostIndex = Math.max(one.lostIndex, one.reader.index);
      return [one];
    }
    this.tell({ type: 'compacted', differences: false, place: undefined });
    // Keys that are not mentioned are gone: so all shards have to mention theirs.
    this.#tracking = new TrackingBudget(this.call.terms);
    for (const shard of this.shards) {
      shard.tracked = this.#newTracked();
      shard.tellsDifferences = false;
    }
    return this.shards;
  }

  /** What was told before is not known any more. */
  stopTracking(): void {
    for (const shard of this.shards) {
      shard.tracked?.clear();
      shard.tracked = undefined;
    }
  }

  addSync(call: SyncCall, now: number): PendingSync {
    const expiresAt = now + call.timeoutMilliseconds;
    const sync = { call, expiresAt, indexes: [], isReached: false };
    this.#syncs.push(sync);
    return sync;
  }

  /** Forgets those that have ended. */
  dropSyncs(): void {
    if (this.#syncs.length > 0) this.#syncs = this.#syncs.filter(({ call }) => !call.isOver);
  }

  /** Since when a shard is not proven to be fresh; undefined if all are. */
  staleSince(now: number): number | undefined {
    let since: number | undefined;
    for (const { provenAt, isSynced } of this.shards) {
      const isFresh = isSynced && now - provenAt < WATCH_LIMITS.silenceMilliseconds;
      if (!isFresh) since = Math.min(provenAt, since ?? provenAt);
    }
    return since;
  }

  /** Tells what has become true of all shards together. */
  settle(now: number): void {
    const { shards } = this;
    if (!this.#isSynced && shards.length > 0 && shards.every(({ isSynced }) => isSynced)) {
      this.#isSynced = true;
      this.#progressAt = now;
      for (const shard of shards) {
        shard.provenAt = now;
        shard.hasProgressed = false;
      }
      this.tell({ type: 'synced' });
    }
    for (const sync of this.#syncs) {
      if (sync.isReached || !this.#isSynced) continue;
      const isReached = shards.every((shard) => {
        const index = sync.indexes[shard.place];
        return index !== undefined && shard.hasReached(index);
      });
      if (!isReached) continue;
      sync.isReached = true;
      this.tell({ type: 'reached', sync: sync.call });
    }
  }

  #newTracked(): TrackedKeys | undefined {
    const isWanted = this.call.terms.trackedKeysMax > 0;
    return isWanted ? new TrackedKeys(this.#tracking) : undefined;
  }

  #track(
    { tracked }: ShardWatch,
    changes: readonly KeyChange[],
    isFromRead: boolean,
    cursor: Uint8Array | undefined,
  ): readonly KeyChange[] | 'misfit' | 'too-many-keys' {
    if (tracked === undefined) return changes;
    if (!isFromRead && !tracked.take(changes)) return 'misfit';
    const told = isFromRead ? tracked.differences(changes, cursor) : changes;
    if (!this.#tracking.isExceeded) return told;
    this.stopTracking();
    // Without versions the rest of a read cannot be told as differences.
    return this.shards.some((shard) => shard.tellsDifferences) ? 'too-many-keys' : told;
  }

  #tellChanges(
    { place, shard, reader, backlog }: ShardWatch,
    received: Received,
    changes: readonly KeyChange[],
    isFromRead: boolean,
  ): void {
    const through = reader.mark;
    if (changes.length === 0) {
      if (through !== undefined) this.tell({ type: 'moved', place, mark: through });
      return;
    }
    const { bytes, before } = received;
    backlog.add(bytes);
    let { fact } = received;
    if (fact?.changes !== changes) {
      fact = { type: 'changes', place, shard, changes, isFromRead, bytes, before, through };
      received.fact = fact;
    }
    this.tell(fact);
  }

  /** At most once for each interval in which nodes tell it of each shard. */
  #tellProgress(now: number): void {
    const isTooSoon = now - this.#progressAt < WATCH_LIMITS.progressMilliseconds / 2;
    if (isTooSoon || !this.#isSynced) return;
    if (!this.shards.every(({ hasProgressed }) => hasProgressed)) return;
    this.#progressAt = now;
    for (const shard of this.shards) shard.hasProgressed = false;
    this.tell({ type: 'progress' });
  }
}

/**
 * - `barrier`: waits for the position that its read has to contain.
 * - `ready`: a stream is opened with the next flush, if a replica can be reached.
 * - `parked`: waits for a connection.
 * - `resting`: backs off until `dueAt`, and takes a retry from the budget.
 * - `full`: waits for its consumer, before a stream is worth opening or joining.
 * - `open`: a node serves its stream, which may be shared.
 * - `over`: the watch has ended.
 */
type State = 'barrier' | 'ready' | 'parked' | 'resting' | 'full' | 'open' | 'over';

export class ShardWatch implements StreamMember {
  readonly watch: OpenWatch;
  readonly shard: ShardId;
  /** Its number in the watch, from 0. */
  readonly place: number;
  readonly reader: StreamReader;
  readonly backlog: Backlog;
  readonly choice = new ReplicaChoice();
  /** Undefined if nothing is tracked. */
  tracked: TrackedKeys | undefined;
  state: State = 'barrier';
  stream: SharedStream<ShardWatch> | undefined;
  seat = 0;
  dueAt = 0;
  /** No replica could begin its read: the barrier may be of a history that was lost. */
  wantsBarrier = false;
  /** In a row, for the backoff. */
  failures = 0;
  /** Messages in a row that were refused. */
  refusals = 0;
  /** It was told something that was lost, or may have been. */
  #readsAgain = false;
  /** Reads of the range in a row that were not finished. */
  unfinishedReads = 0;
  /** The range itself is to be read, not only what changes from the barrier on. */
  wantsRead: boolean;
  /** What was announced of the read in progress. */
  tellsDifferences = false;
  /** Of the position that the read in progress replaces. */
  lostIndex = 0;
  /** A node has sent something of it. */
  isBegun = false;
  /** What is to be contained before it counts as synced; undefined until the barrier is known. */
  barrier: number | undefined;
  /** Names the barrier that was asked for last: an answer to an earlier one is ignored. */
  barrierAsked = 0;
  /** The greatest index that a barrier or a `sync` waits for. */
  goal = 0;
  /** When its replica last proved that it is fresh, and everything known there was sent. */
  provenAt: number;
  /** It was heard since the last progress of the watch. */
  hasProgressed = false;

  constructor(options: {
    readonly watch: OpenWatch;
    readonly shard: ShardId;
    readonly place: number;
    readonly reader: StreamReader;
    readonly share: number;
    readonly tracked: TrackedKeys | undefined;
    readonly now: number;
  }) {
    const { watch, shard, place, reader, share, tracked, now } = options;
    this.watch = watch;
    this.shard = shard;
    this.place = place;
    this.reader = reader;
    this.backlog = new Backlog({ share });
    this.tracked = tracked;
    this.provenAt = now;
    this.wantsRead = watch.call.terms.isInitial;
  }

  /** It is read, and contains what the barrier told. */
  get isSynced(): boolean {
    return this.barrier !== undefined && this.hasReached(this.barrier);
  }

  /** Nothing comes before its consumer has taken more. */
  get isBlocked(): boolean {
    if (this.state === 'full') return !this.backlog.isHalfFree;
    return this.stream?.credit.isSpent === true;
  }

  /**
   * A first read may share one that was asked for earlier, because what follows brings it to its
   * barrier. One that reads again was told more than the other may begin with, and versions never
   * go back.
   */
  get leastIndex(): number {
    return this.#readsAgain ? (this.barrier ?? 0) : 0;
  }

  hasReached(index: number): boolean {
    return this.reader.isRead && this.reader.index >= index;
  }

  /** All that it knew is of no use. Required: no stream is open. */
  readAgain(): void {
    this.wantsRead = true;
    this.#readsAgain = true;
    this.barrier = undefined;
    this.goal = 0;
    this.reader.restart();
    this.tracked?.beginRead();
  }
}
