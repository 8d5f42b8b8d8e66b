/** Entries that were written lately, by shard, within a bound of bytes. */

import type { ShardId } from '../../base/ids.ts';
import type { EntryRange } from '../../raft/log.ts';
import { type LogEntry, sizeOf } from '../../raft/message.ts';

/** What an entry takes in memory besides its payload. */
const OVERHEAD_BYTES = 64;
/** The gone head of a list is cut off when it is this long. */
const HEAD_MAX = 1024;

/** Consecutive entries from `first` to the end of a shard's log. */
interface Recent {
  first: number;
  entries: LogEntry[];
  /** Entries at the front of the list that are gone. */
  head: number;
}

/** One shard's entries of one write, to be dropped in the order of the writes. */
interface Step {
  readonly shard: ShardId;
  readonly count: number;
}

export class EntryCache {
  readonly #bytesMax: number;
  readonly #shards = new Map<ShardId, Recent>();
  /** Repaired entries on their way to the disk: not at the end of a log, and not readable yet. */
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

  /** The entries of one write: from the first of them on, what was here is gone. */
  append(shard: ShardId, entries: readonly LogEntry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    const recent = this.#cut(shard, first.index);
    for (const entry of entries) {
      recent.entries.push(entry);
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
    const recent = this.#shards.get(shard);
    if (recent !== undefined && entry.index >= recent.first) this.#replace(recent, entry);
  }

  #replace(recent: Recent, entry: LogEntry): void {
    const at = recent.head + entry.index - recent.first;
    const former = recent.entries[at];
    if (former === undefined) return;
    recent.entries[at] = entry;
    this.#bytes += sizeOf(entry) - sizeOf(former);
  }

  /** The batch on its way is durable: the disk can be read instead, and the bound holds again. */
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
    const recent = this.#shards.get(shard);
    if (recent !== undefined) this.#dropFirst(shard, index + 1 - recent.first);
  }

  drop(shard: ShardId): void {
    this.#cut(shard, 0);
    this.#shards.delete(shard);
    this.#pinned.delete(shard);
  }

  /** The entries from `from` on that are here, within the bytes; undefined if that one is not. */
  read(shard: ShardId, { from, to, bytesMax }: EntryRange): readonly LogEntry[] | undefined {
    const recent = this.#shards.get(shard);
    const first = recent?.entries[recent.head + from - recent.first];
    if (recent === undefined || first === undefined || from < recent.first) {
      const pinned = this.#pinned.get(shard)?.get(from);
      return pinned === undefined ? undefined : [pinned];
    }
    let bytes = sizeOf(first);
    let at = recent.head + from - recent.first + 1;
    const start = at - 1;
    const end = Math.min(recent.entries.length, recent.head + to - recent.first + 1);
    for (; at < end; at++) {
      bytes += sizeOf(recent.entries[at] as LogEntry);
      if (bytes > bytesMax) break;
    }
    return recent.entries.slice(start, at);
  }

  /** What is left before `index`, which may be nothing, is followed by what comes there. */
  #cut(shard: ShardId, index: number): Recent {
    let recent = this.#shards.get(shard);
    if (recent === undefined) {
      recent = { first: index, entries: [], head: 0 };
      this.#shards.set(shard, recent);
    }
    const end = recent.first + recent.entries.length - recent.head;
    const isApart = index < recent.first || index > end;
    const kept = isApart ? recent.head : recent.head + index - recent.first;
    for (let at = kept; at < recent.entries.length; at++) {
      this.#bytes -= sizeOf(recent.entries[at] as LogEntry) + OVERHEAD_BYTES;
    }
    recent.entries.length = kept;
    if (isApart || kept === recent.head) {
      recent.first = index;
      recent.entries = [];
      recent.head = 0;
    }
    return recent;
  }

  #dropFirst(shard: ShardId, count: number): void {
    const recent = this.#shards.get(shard);
    if (recent === undefined || count <= 0) return;
    const end = Math.min(recent.entries.length, recent.head + count);
    for (let at = recent.head; at < end; at++) {
      this.#bytes -= sizeOf(recent.entries[at] as LogEntry) + OVERHEAD_BYTES;
    }
    recent.first += end - recent.head;
    recent.head = end;
    if (recent.head < HEAD_MAX && recent.head < recent.entries.length) return;
    recent.entries = recent.entries.slice(recent.head);
    recent.head = 0;
  }
}
