/** One watch of a customer's process, and all that its consumer takes: quickly, or slowly. */

import type { ShardId } from '../../src/base/ids.ts';
import { arcOfShard } from '../../src/client/core/streams/resume-point.ts';
import type { ResumePoint, SyncCall, WatchCall } from '../../src/client/core/streams/watch-call.ts';
import { type WatchNews, WatchQueue } from '../../src/client/core/streams/watch-queue.ts';
import { idText } from '../../src/machine/transaction-id.ts';
import type {
  Given,
  GivenChange,
  Position,
  Positions,
  Watching,
} from '../checkers/watch-history.ts';
import { bytesOf, type Customer, textOf } from './customer.ts';
import { hexOf } from './entry-effects.ts';

export interface WatcherRange {
  readonly from: string;
  readonly to: string | undefined;
}

/** A token that outlives its watcher. */
export interface SavedToken {
  readonly range: WatcherRange;
  readonly point: ResumePoint;
}

interface WatcherOptions {
  readonly customer: Customer;
  readonly range: WatcherRange;
  /** `now`: without the initial state. */
  readonly start: 'initial' | 'now' | SavedToken;
  readonly shards: number;
  /** Milliseconds between two takes of some events. */
  readonly pace: number;
  readonly takes: number;
  readonly onCompacted: (shard: ShardId | undefined) => void;
}

const TIMEOUT_MILLISECONDS = 120_000;
const TOKEN_CHANCE = 0.3;

export class Watcher {
  readonly #options: WatcherOptions;
  readonly #queue = new WatchQueue();
  readonly #given: Given[] = [];
  readonly #life: number;
  readonly #begunAt: number;
  readonly #call: WatchCall;
  /** No event may follow. */
  isOver = false;
  #isHurrying = false;
  /** Calls of `sync` that have returned while an event was taken. */
  readonly #synced: Given[] = [];
  #isTaking = false;

  constructor(options: WatcherOptions) {
    this.#options = options;
    const { customer, range, start } = options;
    const { random } = customer;
    this.#life = customer.life;
    this.#begunAt = customer.now;
    const to = range.to === undefined ? new Uint8Array() : bytesOf(range.to);
    this.#call = {
      terms: {
        range: { from: bytesOf(range.from), to },
        resume: typeof start === 'string' ? undefined : start.point,
        isInitial: start === 'initial',
        keysOnly: random.chance(0.2),
        bufferBytes: random.pick([64, 500, 4000, 100_000]),
        shareBytesMin: random.pick([64, 1000]),
        trackedKeysMax: random.pick([0, 8, 1000, 1000]),
        trackedBytesMax: 1_000_000,
        replicas: random.chance(0.8) ? 'any' : 'leader',
        timeoutMilliseconds: TIMEOUT_MILLISECONDS,
      },
      deliver: (fact) => this.#queue.push(fact),
    };
    customer.onCrash(() => {
      this.isOver = true;
    });
    customer.watch({ type: 'watch', watch: this.#call });
    this.#takeLater();
  }

  get range(): WatcherRange {
    return this.#options.range;
  }

  /** What its consumer has; undefined before it has a whole state. */
  get token(): SavedToken | undefined {
    const { point } = this.#queue;
    const isLost = point?.arcs.some(({ mark }) => mark.position.index === 0);
    if (point === undefined || isLost) return undefined;
    return { range: this.#options.range, point };
  }

  get history(): Watching {
    const { customer, range, start } = this.#options;
    const { terms } = this.#call;
    return {
      name: `watch of ${customer.number}.${this.#life} at ${Math.round(this.#begunAt)}`,
      ...range,
      begunAt: this.#begunAt,
      start: typeof start === 'string' ? start : this.#positionsOf(start.point),
      isKeysOnly: terms.keysOnly,
      given: this.#given,
      isComplete: false,
    };
  }

  /** Resolved when everything was yielded that happened before; false if that failed. */
  sync(milliseconds: number, done: (isDone: boolean) => void): void {
    const { customer } = this.#options;
    const asked = customer.now;
    const isAlive = () => !this.isOver && customer.life === this.#life;
    const sync: SyncCall = {
      timeoutMilliseconds: milliseconds,
      isOver: false,
      settle: (failure) => {
        if (failure === undefined && isAlive()) {
          this.#synced.push({ type: 'sync', at: customer.now, asked });
          if (!this.#isTaking) this.#noteSyncs();
        }
        done(failure === undefined);
      },
    };
    customer.watch({ type: 'watch-sync', watch: this.#call, sync });
  }

  /** Takes whatever comes, at once. */
  hurry(): void {
    this.#isHurrying = true;
    this.#take(Number.POSITIVE_INFINITY);
  }

  end(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#options.customer.watch({ type: 'watch-end', watch: this.#call });
  }

  #takeLater(): void {
    const { customer, pace, takes } = this.#options;
    customer.after(this.#isHurrying ? 5 : customer.random.between(1, pace), () => {
      if (this.isOver || customer.life !== this.#life) return;
      this.#take(this.#isHurrying ? Number.POSITIVE_INFINITY : takes);
      if (!this.isOver) this.#takeLater();
    });
  }

  #take(takes: number): void {
    const { customer } = this.#options;
    for (let taken = 0; taken < takes; taken++) {
      this.#isTaking = true;
      const news = this.#queue.first();
      this.#queue.advance();
      this.#isTaking = false;
      for (const { place, bytes } of this.#queue.takeConsumed()) {
        customer.watch({ type: 'watch-took', watch: this.#call, place, bytes });
      }
      if (news !== undefined) this.#note(news);
      this.#noteSyncs();
      if (news === undefined) break;
    }
    const { failure } = this.#queue;
    if (failure === undefined || this.isOver) return;
    customer.hit(`watch failed: ${failure.code}`);
    this.isOver = true;
  }

  /** A call may return with the event that is taken, and not before. */
  #noteSyncs(): void {
    this.#given.push(...this.#synced.splice(0));
  }

  #note(news: WatchNews): void {
    const { customer, onCompacted } = this.#options;
    const { now: at } = customer;
    const wantsToken =
      news.type === 'synced' || news.type === 'progress' || customer.random.chance(TOKEN_CHANCE);
    const point = wantsToken ? this.#queue.point : undefined;
    const about = point === undefined ? { at } : { at, token: this.#positionsOf(point) };
    switch (news.type) {
      case 'change':
        this.#given.push({ ...about, ...changeOf(news) } as Given);
        customer.hit(news.isFromRead ? 'watch read' : 'watch told');
        return;
      case 'compacted': {
        const shard = news.place === undefined ? undefined : this.#shardAt(news.place);
        onCompacted(shard);
        customer.hit(`watch compacted${news.differences ? ', differences' : ''}`);
        this.#given.push({ at, type: 'compacted', differences: news.differences, shard });
        return;
      }
      case 'synced':
      case 'progress':
      case 'lagging':
        customer.hit(`watch ${news.type}`);
        this.#given.push({ ...about, type: news.type });
    }
  }

  #positionsOf({ arcs }: ResumePoint): Positions {
    const positions = new Map<number, Position>();
    for (const { from, mark } of arcs) {
      const { index, term } = mark.position;
      if (mark.skip > 0) this.#options.customer.hit('token within an entry');
      positions.set(this.#shardOf(from), { index, term, skip: mark.skip });
    }
    return positions;
  }

  #shardAt(place: number): ShardId | undefined {
    const arc = this.#queue.point?.arcs[place];
    return arc && this.#shardOf(arc.from);
  }

  #shardOf(from: number): ShardId {
    const { shards } = this.#options;
    for (let shard = 1; shard <= shards; shard++) {
      if (arcOfShard(shard as ShardId, shards).from === from) return shard as ShardId;
    }
    throw new RangeError(`no shard begins at ${from}`);
  }
}

type NewsOfChange = Extract<WatchNews, { readonly type: 'change' }>;

function changeOf({ change, shard, isFromRead }: NewsOfChange): Omit<GivenChange, 'at'> {
  const { kind, key, previous: previousVersion, version, value, transaction, isLast } = change;
  const group =
    typeof transaction === 'number' ? `${shard}/${version}/${transaction}` : idText(transaction);
  const about = { key: textOf(key), previousVersion, isLast, transaction: isFromRead ? '' : group };
  switch (kind) {
    case 'set': {
      const read = { isInitial: isFromRead, version, value: value && hexOf(value) };
      return { ...about, ...read, type: 'set' } as Omit<GivenChange, 'at'>;
    }
    case 'delete':
      return { ...about, type: 'delete' };
    case 'expired':
      return { ...about, type: 'expire', cause: 'ttl' } as Omit<GivenChange, 'at'>;
    case 'lease-ended':
      return { ...about, type: 'expire', cause: 'lease' } as Omit<GivenChange, 'at'>;
  }
}
