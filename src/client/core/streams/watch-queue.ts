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
  readonly bytes: number;
}

type Item =
  | { readonly type: 'changes'; readonly fact: ChangesFact; at: number }
  | { readonly type: 'news'; readonly news: WatchNews }
  | { readonly type: 'sync'; readonly sync: SyncCall }
  /** Marks by place; perhaps with a mark of progress behind them. */
  | { readonly type: 'marks'; readonly marks: Map<number, StreamMark>; isProgress: boolean };

/** A token from here is answered with a re-read: what was told is not all of any position. */
const LOST: StreamMark = { position: { index: 0, term: 0 }, skip: 0 };

export class WatchQueue {
  #items: Item[] = [];
  #at = 0;
  #arcs: readonly WatchedArc[] = [];
  #cluster: readonly [number, number] = [0, 0];
  /** Behind what was taken. */
  #marks: (StreamMark | undefined)[] = [];
  #lag: number | undefined;
  #consumed: Consumed[] = [];
  /** Once everything before it was taken, nothing follows. */
  failure: CallFailure | undefined;

  /** Undefined until the first read is complete. */
  get point(): ResumePoint | undefined {
    const arcs = this.#arcs.map((arc, place) => ({ ...arc, mark: this.#marks[place] }));
    const isKnown = arcs.length > 0 && arcs.every(({ mark }) => mark !== undefined);
    if (!isKnown) return undefined;
    const known = arcs.map((arc) => ({ ...arc, mark: present(arc.mark, 'all marks are known') }));
    return { cluster: this.#cluster, arcs: known };
  }

  push(fact: WatchFact): void {
    switch (fact.type) {
      case 'began':
        this.#arcs = fact.arcs;
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
        this.#items.push({ type: 'changes', fact, at: 0 });
        return;
      case 'reached':
        this.#items.push({ type: 'sync', sync: fact.sync });
        return this.#pass();
      default:
        this.#items.push({ type: 'news', news: fact });
    }
  }

  /** Undefined if nothing waits. */
  take(): WatchNews | undefined {
    if (this.#lag !== undefined) {
      const milliseconds = this.#lag;
      this.#lag = undefined;
      return { type: 'lagging', milliseconds };
    }
    this.#pass();
    const news = this.#takeFirst();
    this.#pass();
    return news;
  }

  /** What was taken since the last call. */
  takeConsumed(): readonly Consumed[] {
    const consumed = this.#consumed;
    if (consumed.length > 0) this.#consumed = [];
    return consumed;
  }

  /** Drops what waits. */
  clear(): void {
    this.#items = [];
    this.#at = 0;
    this.#lag = undefined;
  }

  #takeFirst(): WatchNews | undefined {
    const item = this.#items[this.#at];
    switch (item?.type) {
      case undefined:
      case 'sync':
        return undefined;
      case 'news':
        this.#advance();
        if (item.news.type === 'compacted') this.#forget(item.news.place);
        return item.news;
      case 'marks':
        // Its marks are passed already.
        this.#advance();
        return { type: 'progress' };
      case 'changes':
        return this.#takeChange(item);
    }
  }

  #takeChange(item: Extract<Item, { type: 'changes' }>): WatchNews {
    const { place, shard, changes, isFromRead, bytes, before, through } = item.fact;
    const change = present(changes[item.at], 'a fact has changes');
    item.at += 1;
    const isWhole = item.at === changes.length;
    if (isWhole) {
      if (through !== undefined) this.#marks[place] = through;
      this.#consumed.push({ place, bytes });
      this.#advance();
    } else if (before !== undefined) {
      this.#marks[place] = { position: before.position, skip: before.skip + item.at };
    }
    return { type: 'change', place, shard, change, isFromRead };
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
      this.#advance();
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
    this.#items.push(item);
    return item;
  }

  #advance(): void {
    this.#at += 1;
    // Taken items are dropped together: a queue that is emptied now and then moves nothing.
    if (this.#at < this.#items.length && this.#at < DROPPED_ITEMS) return;
    this.#items = this.#items.slice(this.#at);
    this.#at = 0;
  }
}

const DROPPED_ITEMS = 1024;

function finish(sync: SyncCall): void {
  if (sync.isOver) return;
  sync.isOver = true;
  sync.settle();
}
