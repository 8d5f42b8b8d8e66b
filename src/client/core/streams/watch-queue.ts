/**
 * The facts of a watch, until its consumer takes them, and the resume point behind what it took.
 *
 * Bounded: changes count against the credit of their stream until they are taken (`credit.ts`), and
 * marks that nothing was told with are merged.
 */

import { present } from '../../../base/assert.ts';
import type { KeyChange } from '../../../machine/key-change.ts';
import type { CallFailure } from '../call-failure.ts';
import { clusterDigest } from './resume-point.ts';
import type {
  ChangesFact,
  ResumePoint,
  StreamMark,
  SyncCall,
  WatchedArc,
  WatchFact,
} from './watch-call.ts';

/** What the consumer is told next. */
export type WatchNews =
  | {
      readonly type: 'change';
      readonly place: number;
      readonly shard: number;
      readonly change: KeyChange;
      readonly isFromRead: boolean;
    }
  | Exclude<WatchFact, { type: 'began' | 'changes' | 'moved' | 'reached' | 'failed' }>;

/** To be returned to the core. */
export interface Consumed {
  readonly place: number;
  bytes: number;
}

interface ChangesItem {
  readonly type: 'changes';
  readonly fact: ChangesFact;
  /** So many of them were taken. */
  at: number;
}

type Item =
  | ChangesItem
  | { readonly type: 'news'; readonly news: WatchNews }
  | { readonly type: 'sync'; readonly sync: SyncCall }
  /** Marks by place; perhaps with a mark of progress behind them. */
  | { readonly type: 'marks'; readonly marks: Map<number, StreamMark>; isProgress: boolean };

/** Shared by all queues: no item is ever added to it. */
const EMPTY: Item[] = [];
const UNKNOWN: readonly [number, number] = [0, 0];

/** A token from here is answered with a re-read: what was told is not all of any position. */
const LOST: StreamMark = { position: { index: 0, term: 0 }, skip: 0 };

export class WatchQueue {
  #items: Item[] = EMPTY;
  #at = 0;
  #arcs: readonly WatchedArc[] = [];
  #cluster: readonly [number, number] = UNKNOWN;
  /** Behind what was taken. */
  #marks: (StreamMark | undefined)[] = [];
  #lag: number | undefined;
  readonly #consumedMin: number;
  #consumed: Consumed[] | undefined;
  #consumedBytes = 0;
  /** Once everything before it was taken, nothing follows. */
  failure: CallFailure | undefined;

  /** Consumed bytes are returned in portions of at least so many. */
  constructor({ consumedMin = 1 }: { readonly consumedMin?: number } = {}) {
    this.#consumedMin = consumedMin;
  }

  /** Behind what was taken; undefined until the first read is complete. */
  get point(): ResumePoint | undefined {
    return this.#pointWith(undefined, undefined);
  }

  /** As if the change that `first` returns had been taken; undefined for what a read has found. */
  get pointBehind(): ResumePoint | undefined {
    const item = this.#items[this.#at];
    if (item?.type !== 'changes' || item.fact.before === undefined) return undefined;
    return this.#pointWith(item.fact.place, markBehind(item));
  }

  push(fact: WatchFact): void {
    switch (fact.type) {
      case 'began':
        this.#arcs = fact.arcs;
        this.#marks = fact.arcs.map(() => undefined);
        this.#cluster = clusterDigest(fact.cluster);
        return;
      case 'failed':
        this.failure = fact.failure;
        return;
      case 'lagging':
        this.#lag = (this.#lag ?? 0) + fact.milliseconds;
        return;
      case 'moved':
        this.#lastMarks().marks.set(fact.place, fact.mark);
        return this.#pass();
      case 'progress':
        this.#lastMarks().isProgress = true;
        return;
      case 'changes':
        this.#add({ type: 'changes', fact, at: 0 });
        return;
      case 'reached':
        this.#add({ type: 'sync', sync: fact.sync });
        return this.#pass();
      default:
        this.#add({ type: 'news', news: fact });
    }
  }

  /**
   * What the consumer is told next; undefined if nothing waits. It is not taken, and no token
   * covers it, before `advance`: a consumer that cannot use it has to be able to come back to it.
   */
  first(): WatchNews | undefined {
    if (this.#lag !== undefined) return { type: 'lagging', milliseconds: this.#lag };
    this.#pass();
    const item = this.#items[this.#at];
    switch (item?.type) {
      case undefined:
      case 'sync':
        return undefined;
      case 'news':
        return item.news;
      case 'marks':
        return { type: 'progress' };
      case 'changes': {
        const { place, shard, changes, isFromRead } = item.fact;
        const change = present(changes[item.at], 'a fact has changes');
        return { type: 'change', place, shard, change, isFromRead };
      }
    }
  }

  /** Takes what `first` has returned, if it was something. */
  advance(): void {
    if (this.#lag !== undefined) {
      this.#lag = undefined;
      return;
    }
    const item = this.#items[this.#at];
    if (item === undefined || item.type === 'sync') return;
    if (item.type === 'changes') this.#advanceIn(item);
    else this.#drop();
    if (item.type === 'news' && item.news.type === 'compacted') this.#forget(item.news.place);
    this.#pass();
  }

  /** What was taken since it was returned last, if it is as much as a portion. */
  takeConsumed(): readonly Consumed[] {
    if (this.#consumedBytes < this.#consumedMin) return NONE;
    const consumed = this.#consumed ?? NONE;
    this.#consumed = undefined;
    this.#consumedBytes = 0;
    return consumed;
  }

  /** Drops what waits. */
  clear(): void {
    this.#items = EMPTY;
    this.#at = 0;
    this.#lag = undefined;
  }

  #advanceIn(item: ChangesItem): void {
    const { place, changes, bytes } = item.fact;
    const mark = markBehind(item);
    if (mark !== undefined) this.#marks[place] = mark;
    item.at += 1;
    if (item.at < changes.length) return;
    this.#noteConsumed(place, bytes);
    this.#drop();
  }

  #noteConsumed(place: number, bytes: number): void {
    this.#consumedBytes += bytes;
    const last = this.#consumed?.at(-1);
    if (last?.place === place) last.bytes += bytes;
    else this.#consumed = [...(this.#consumed ?? NONE), { place, bytes }];
  }

  #pointWith(at: number | undefined, mark: StreamMark | undefined): ResumePoint | undefined {
    const arcs = this.#arcs.map((arc, place) => {
      return { ...arc, mark: place === at ? mark : this.#marks[place] };
    });
    const isKnown = arcs.length > 0 && arcs.every((arc) => arc.mark !== undefined);
    if (!isKnown) return undefined;
    const known = arcs.map((arc) => ({ ...arc, mark: present(arc.mark, 'all marks are known') }));
    return { cluster: this.#cluster, arcs: known };
  }

  /**
   * Moves over what the consumer is not told of. That does not wait for the consumer to hear of the
   * watch itself: a `sync` ends, and a token is known, as soon as no change is in front of it.
   */
  #pass(): void {
    for (let at = this.#at; at < this.#items.length; at++) {
      const item = present(this.#items[at], 'it is in the queue');
      if (item.type === 'changes') break;
      if (item.type === 'news' && item.news.type === 'compacted') break;
      if (item.type === 'sync') finish(item.sync);
      if (item.type !== 'marks') continue;
      for (const [place, mark] of item.marks) this.#marks[place] = mark;
      item.marks.clear();
    }
    for (let item = this.#items[this.#at]; item !== undefined; item = this.#items[this.#at]) {
      const isNews = item.type === 'marks' ? item.isProgress : item.type !== 'sync';
      if (isNews) return;
      this.#drop();
    }
  }

  #forget(place: number | undefined): void {
    for (const at of this.#marks.keys()) {
      const isMeant = place === undefined || place === at;
      if (isMeant && this.#marks[at] !== undefined) this.#marks[at] = LOST;
    }
  }

  #lastMarks(): Extract<Item, { type: 'marks' }> {
    const last = this.#items.length > this.#at ? this.#items.at(-1) : undefined;
    if (last?.type === 'marks') return last;
    const item: Item = { type: 'marks', marks: new Map(), isProgress: false };
    this.#add(item);
    return item;
  }

  /** An array that grows has room for sixteen more, and most watches are idle. */
  #add(item: Item): void {
    if (this.#items.length === 0) this.#items = [item];
    else this.#items.push(item);
  }

  /** The first item is over. */
  #drop(): void {
    this.#items[this.#at] = TAKEN;
    this.#at += 1;
    // Taken items are dropped together: a queue that is emptied now and then moves nothing.
    if (this.#at < this.#items.length && this.#at < DROPPED_ITEMS) return;
    this.#items = this.#at === this.#items.length ? EMPTY : this.#items.slice(this.#at);
    this.#at = 0;
  }
}

const DROPPED_ITEMS = 1024;
/** In the place of an item whose changes must not stay in memory. */
const TAKEN: Item = { type: 'marks', marks: new Map(), isProgress: false };

const NONE: readonly Consumed[] = [];

/** Of its shard, behind its next change; undefined if that is no position. */
function markBehind({ fact, at }: ChangesItem): StreamMark | undefined {
  const { changes, before, through } = fact;
  if (at + 1 === changes.length) return through;
  return before && { position: before.position, skip: before.skip + at + 1 };
}

function finish(sync: SyncCall): void {
  if (sync.isOver) return;
  sync.isOver = true;
  sync.settle();
}
