/**
 * A watch of a client, and a consumer that folds what it is told: at each position that its token
 * names, the fold has to be the state of the shards there.
 */

import { deepEqual, equal, ok } from 'node:assert/strict';
import type { Random } from '../../../src/base/random.ts';
import type {
  ResumePoint,
  SyncCall,
  WatchCall,
} from '../../../src/client/core/streams/watch-call.ts';
import { type WatchNews, WatchQueue } from '../../../src/client/core/streams/watch-queue.ts';
import type { HistoryWorld } from '../../shard/history-world.ts';
import type { WatchClient } from './watch-client.ts';

/** What a consumer was told of one shard: version and value of each key. */
type Fold = Map<string, readonly [version: number, value: string]>;

/** What outlives a client. */
export interface Saved {
  readonly point: ResumePoint;
  readonly folds: readonly Fold[];
}

interface ConsumerOptions {
  readonly client: WatchClient;
  readonly random: Random;
  readonly shards: readonly HistoryWorld[];
  readonly range: { readonly from: Uint8Array; readonly to: Uint8Array };
  readonly saved: Saved | undefined;
  readonly terms: Partial<WatchCall['terms']>;
}

export class WatchConsumer {
  readonly #options: ConsumerOptions;
  readonly queue = new WatchQueue();
  readonly call: WatchCall;
  readonly folds: Fold[];
  /** Keys of each shard that a re-read of all rows has not mentioned. */
  #unseen: (Set<string> | undefined)[] = [];
  isSynced = false;
  /** Told, and not consumed. */
  bytesWaiting = 0;
  /** Of what was told at once. */
  bytesLargest = 0;
  /** What was acknowledged when it was made, if its token names nothing earlier. */
  readonly #begunAt: readonly { readonly length: number; readonly forced: number }[];
  readonly counts = { changes: 0, rows: 0, synced: 0, compacted: 0, checks: 0, skips: 0, syncs: 0 };
  #syncs: { readonly call: SyncCall; readonly indexes: readonly number[] }[] = [];

  constructor(options: ConsumerOptions) {
    const { client, random, shards, saved, range, terms } = options;
    this.#options = options;
    this.folds = saved?.folds.map((fold) => new Map(fold)) ?? shards.map(() => new Map());
    this.#begunAt = shards.map(({ length, counts }) => ({ length, forced: counts.forced }));
    this.call = {
      terms: {
        range,
        resume: saved?.point,
        isInitial: saved === undefined,
        keysOnly: false,
        bufferBytes: 100 + random.below(2000),
        shareBytesMin: 64,
        trackedKeysMax: 1000,
        trackedBytesMax: 1e6,
        replicas: random.chance(0.8) ? 'any' : 'leader',
        timeoutMilliseconds: 240_000,
        ...terms,
      },
      deliver: (fact) => {
        if (fact.type === 'changes') {
          this.bytesWaiting += fact.bytes;
          this.bytesLargest = Math.max(this.bytesLargest, fact.bytes);
        }
        this.queue.push(fact);
      },
    };
    client.step({ type: 'watch', watch: this.call, now: client.now });
  }

  end(): void {
    this.#options.client.step({ type: 'watch-end', watch: this.call });
  }

  /** Something that may be continued by another client. */
  save(): Saved | undefined {
    const { point } = this.queue;
    if (point === undefined || this.#unseen.some((unseen) => unseen !== undefined)) {
      return undefined;
    }
    return { point, folds: this.folds.map((fold) => new Map(fold)) };
  }

  sync(): void {
    const { shards } = this.#options;
    const indexes = shards.map(({ length }) => length);
    const forced = shards.map(({ counts }) => counts.forced);
    const call: SyncCall = {
      timeoutMilliseconds: 240_000,
      isOver: false,
      settle: (failure) => {
        this.#syncs = this.#syncs.filter((one) => one.call !== call);
        const isForced = shards.some(({ counts }, at) => counts.forced !== forced[at]);
        if (failure !== undefined || isForced) return;
        this.counts.syncs += 1;
        for (const [place, index] of indexes.entries()) {
          const mark = this.queue.point?.arcs[place]?.mark;
          ok(mark !== undefined && mark.position.index >= index, 'a sync has reached its shards');
        }
      },
    };
    this.#syncs.push({ call, indexes });
    const { client } = this.#options;
    client.step({ type: 'watch-sync', watch: this.call, sync: call, now: client.now });
  }

  /** Takes at most so many. */
  consume(max: number): void {
    for (let left = max; left > 0; left--) {
      const news = this.queue.first();
      this.queue.advance();
      for (const { place, bytes } of this.queue.takeConsumed()) {
        const { client } = this.#options;
        this.bytesWaiting -= bytes;
        client.step({ type: 'watch-took', watch: this.call, place, bytes, now: client.now });
      }
      if (news === undefined) return;
      this.#take(news);
    }
  }

  /** Everything was told. */
  get isCurrent(): boolean {
    const arcs = this.queue.point?.arcs ?? [];
    return (
      this.isSynced &&
      arcs.length > 0 &&
      arcs.every(({ mark }, at) => mark.position.index === this.#options.shards[at]?.length)
    );
  }

  check(): void {
    const arcs = this.queue.point?.arcs ?? [];
    for (const [place, { mark }] of arcs.entries()) {
      const world = this.#options.shards[place] as HistoryWorld;
      if (this.#unseen[place] !== undefined || mark.position.index === 0) continue;
      if (mark.skip > 0) this.counts.skips += 1;
      if (mark.skip > 0 || !world.knows(mark.position)) continue;
      this.counts.checks += 1;
      const rows = [...world.rowsAt(mark.position.index)].filter(([name]) => this.#holds(name));
      const told = [...(this.folds[place] ?? [])];
      const { keysOnly } = this.call.terms;
      // Where the log was replaced by another one, equal versions may be of different values.
      const hidesValues = keysOnly || world.counts.forced > 0;
      const show = ([name, [version, value]]: (typeof rows)[number]) => {
        return [name, version, hidesValues ? '' : value];
      };
      deepEqual(
        told.map(show).sort(),
        rows.map(show).sort(),
        `shard ${place + 1} at ${mark.position.index}`,
      );
    }
  }

  /** It contains what was acknowledged before it was made. */
  #checkBegin(): void {
    const arcs = this.queue.point?.arcs ?? [];
    for (const [place, { length, forced }] of this.#begunAt.entries()) {
      if (this.#options.shards[place]?.counts.forced !== forced) continue;
      const index = arcs[place]?.mark.position.index ?? 0;
      ok(index >= length, `shard ${place + 1} is synced at ${index}, and ${length} was before it`);
    }
  }

  #take(news: WatchNews): void {
    switch (news.type) {
      case 'change':
        return this.#fold(news);
      case 'compacted': {
        this.counts.compacted += 1;
        this.isSynced = false;
        ok(news.differences === (news.place !== undefined), 'differences are those of one shard');
        if (news.place !== undefined) return;
        this.#unseen = this.folds.map((fold) => new Set(fold.keys()));
        return;
      }
      case 'synced':
        this.counts.synced += 1;
        this.isSynced = true;
        for (const [place, unseen] of this.#unseen.entries()) {
          for (const name of unseen ?? []) this.folds[place]?.delete(name);
        }
        this.#unseen = [];
        this.#checkBegin();
        this.check();
        return;
      case 'progress':
      case 'lagging':
        return;
    }
  }

  #fold({ place, change, isFromRead }: Extract<WatchNews, { type: 'change' }>): void {
    const fold = this.folds[place] as Fold;
    const name = Buffer.from(change.key).toString('hex');
    const unseen = this.#unseen[place];
    ok(this.#holds(name), 'only keys of the range are told');
    if (isFromRead) this.counts.rows += 1;
    else this.counts.changes += 1;
    const before = fold.get(name)?.[0] ?? 0;
    // All rows are told anew while a re-read has no differences.
    if (unseen === undefined) equal(change.previous, before, `the version before of ${name}`);
    unseen?.delete(name);
    if (change.kind !== 'set') fold.delete(name);
    else {
      const value = change.value === undefined ? '' : Buffer.from(change.value).toString('hex');
      fold.set(name, [change.version, value]);
    }
  }

  #holds(name: string): boolean {
    const { from, to } = this.#options.range;
    const key = Buffer.from(name, 'hex');
    return Buffer.compare(key, from) >= 0 && (to.length === 0 || Buffer.compare(key, to) < 0);
  }
}
