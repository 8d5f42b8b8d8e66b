/** Recently written entries by shard, up to a number of bytes. */

import type { ShardId } from '../../base/ids.ts';
import type { EntryRange } from '../../raft/log.ts';
import { type LogEntry, sizeOf } from '../../raft/message.ts';

/** The memory that an entry takes besides its payload. */
const OVERHEAD_BYTES = 64;
/** The unused front of a list is cut off at this length. */
const HEAD_MAX = 1024;

/** In the place of an entry whose payload must not stay in memory. */
const DROPPED: LogEntry = { kind: 'empty', index: 0, term: 0 };

/** Consecutive entries from `first` to the end of a shard's log. */
interface CachedEntries {
  first: number;
  entries: LogEntry[];
  /** So many at the front of the list are `DROPPED`. */
  head: number;
}

/** The entries of one shard in one write. Writes are dropped in their order. */
interface Step {
  readonly shard: ShardId;
  readonly count: number;
}

export class EntryCache {
  readonly #bytesMax: number;
  readonly #shards = new Map<ShardId, CachedEntries>();
  /** Repaired entries in flight: not at the end of a log, and not readable from disk yet. */
  readonly #pinned = new Map<ShardId, Map<number, LogEntry>>();
  #steps: Step[] = [];
  #done = 0;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The entries of one write. Cached entries from the first index on are replaced. */
  append(shard: ShardId, entries: readonly LogEntry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    const cached = this.#cut(shard, first.index);
    for (const entry of entries) {
      cached.entries.push(entry);
      this.#bytes += sizeOf(entry) + OVERHEAD_BYTES;
    }
    this.#steps.push({ shard, count: entries.length });
  }

  pin(shard: ShardId, entry: LogEntry): void {
    let pinned = this.#pinned.get(shard);
    if (pinned === undefined) {
      pinned = new Map();
      this.#pinned.set(shard, pinned);
    }
    pinned.set(entry.index, entry);
    const cached = this.#shards.get(shard);
    if (cached !== undefined && entry.index >= cached.first) this.#replace(cached, entry);
  }

  #replace(cached: CachedEntries, entry: LogEntry): void {
    const at = cached.head + entry.index - cached.first;
    const former = cached.entries[at];
    if (former === undefined) return;
    cached.entries[at] = entry;
    this.#bytes += sizeOf(entry) - sizeOf(former);
  }

  /** The batch in flight is durable: its entries are on disk, so the limit is enforced again. */
  settle(): void {
    this.#pinned.clear();
    while (this.#bytes > this.#bytesMax && this.#done < this.#steps.length) {
      const { shard, count } = this.#steps[this.#done] as Step;
      this.#done += 1;
      this.#dropFirst(shard, count);
    }
    if (this.#done < HEAD_MAX && this.#done < this.#steps.length) return;
    this.#steps = this.#steps.slice(this.#done);
    this.#done = 0;
  }

  /** The log now begins after `index`. */
  forget(shard: ShardId, index: number): void {
    const cached = this.#shards.get(shard);
    if (cached !== undefined) this.#dropFirst(shard, index + 1 - cached.first);
  }

  drop(shard: ShardId): void {
    this.#cut(shard, 0);
    this.#shards.delete(shard);
    this.#pinned.delete(shard);
  }

  /**
   * The cached entries from `from` on, up to `bytesMax`; undefined if the first one is not cached.
   */
  read(shard: ShardId, { from, to, bytesMax }: EntryRange): readonly LogEntry[] | undefined {
    const cached = this.#shards.get(shard);
    const first = cached?.entries[cached.head + from - cached.first];
    if (cached === undefined || first === undefined || from < cached.first) {
      const pinned = this.#pinned.get(shard)?.get(from);
      return pinned === undefined ? undefined : [pinned];
    }
    let bytes = sizeOf(first);
    let at = cached.head + from - cached.first + 1;
    const start = at - 1;
    const end = Math.min(cached.entries.length, cached.head + to - cached.first + 1);
    for (; at < end; at++) {
      bytes += sizeOf(cached.entries[at] as LogEntry);
      if (bytes > bytesMax) break;
    }
    return cached.entries.slice(start, at);
  }

  /**
   * Keeps the entries before `index`, if they end there, so that the next entry can be appended.
   */
  #cut(shard: ShardId, index: number): CachedEntries {
    let cached = this.#shards.get(shard);
    if (cached === undefined) {
      cached = { first: index, entries: [], head: 0 };
      this.#shards.set(shard, cached);
    }
    const end = cached.first + cached.entries.length - cached.head;
    const isApart = index < cached.first || index > end;
    const kept = isApart ? cached.head : cached.head + index - cached.first;
    for (let at = kept; at < cached.entries.length; at++) {
      this.#bytes -= sizeOf(cached.entries[at] as LogEntry) + OVERHEAD_BYTES;
    }
    cached.entries.length = kept;
    if (isApart || kept === cached.head) {
      cached.first = index;
      cached.entries = [];
      cached.head = 0;
    }
    return cached;
  }

  #dropFirst(shard: ShardId, count: number): void {
    const cached = this.#shards.get(shard);
    if (cached === undefined || count <= 0) return;
    const end = Math.min(cached.entries.length, cached.head + count);
    for (let at = cached.head; at < end; at++) {
      this.#bytes -= sizeOf(cached.entries[at] as LogEntry) + OVERHEAD_BYTES;
      cached.entries[at] = DROPPED;
    }
    cached.first += end - cached.head;
    cached.head = end;
    if (cached.head < HEAD_MAX && cached.head < cached.entries.length) return;
    cached.entries = cached.entries.slice(cached.head);
    cached.head = 0;
  }
}
