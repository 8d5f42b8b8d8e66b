/** Records that wait for the next batch, and the callbacks to call when they are durable. */

import { present } from '../../base/assert.ts';
import type { ShardId } from '../../base/ids.ts';
import type { LogRecord } from './log.ts';
import { bytesOf } from './log-writer.ts';

interface Queued {
  /** Undefined for an empty append, or once written ahead: only the callback keeps its place. */
  readonly record: LogRecord | undefined;
  /** Set on the last record of an append. */
  readonly onDurable: (() => void) | undefined;
}

export class AppendQueue {
  #queued: Queued[] = [];

  get length(): number {
    return this.#queued.length;
  }

  /** The size that the first record needs in a batch. */
  get firstBytes(): number {
    const first = this.#queued[0]?.record;
    return first === undefined ? 0 : bytesOf(first);
  }

  push(records: readonly LogRecord[], onDurable: () => void): void {
    const last = records.length - 1;
    records.forEach((record, at) => {
      this.#queued.push({ record, onDurable: at === last ? onDurable : undefined });
    });
    if (last < 0) this.#queued.push({ record: undefined, onDurable });
  }

  clear(): void {
    this.#queued = [];
  }

  /** Writes the records that fit, in order. Returns their callbacks and the remaining size. */
  take(
    room: number,
    write: (record: LogRecord) => void,
  ): { readonly callbacks: readonly (() => void)[]; readonly left: number } {
    const callbacks: (() => void)[] = [];
    let left = room;
    let taken = 0;
    for (; taken < this.#queued.length; taken++) {
      const { record, onDurable } = present(this.#queued[taken], 'the index is within the queue');
      const needed = record === undefined ? 0 : bytesOf(record);
      if (needed > left) break;
      left -= needed;
      if (record !== undefined) write(record);
      if (onDurable !== undefined) callbacks.push(onDurable);
    }
    this.#queued = taken === this.#queued.length ? [] : this.#queued.slice(taken);
    return { callbacks, left };
  }

  /** Whether a record that frees space may overtake the queue, and fits. */
  hasFreeing(room: number, isKnown: Known): boolean {
    const [first] = this.#overtaking(isKnown);
    const record = first === undefined ? undefined : this.#queued[first]?.record;
    return record !== undefined && bytesOf(record) <= room;
  }

  /** Writes the records that free space and fit, ahead of others. Callbacks keep their places. */
  takeFreeing(room: number, isKnown: Known, write: (record: LogRecord) => void): void {
    let left = room;
    for (const at of this.#overtaking(isKnown)) {
      const { record, onDurable } = present(this.#queued[at], 'the index is within the queue');
      const needed = record === undefined ? 0 : bytesOf(record);
      if (record === undefined || needed > left) return;
      left -= needed;
      write(record);
      this.#queued[at] = { record: undefined, onDurable };
    }
  }

  /**
   * The places of records that free space and may overtake all others: a `forget` of an entry that
   * the log has, if no creation, removal or snapshot of its replica is queued before it, nor a
   * write that replaces the entry; a `remove`, if no record of its shard is queued before it.
   */
  #overtaking(isKnown: Known): readonly number[] {
    const places: number[] = [];
    const touched = new Set<ShardId>();
    const turned = new Set<ShardId>();
    /** The least index that is written again. */
    const replacedFrom = new Map<ShardId, number>();
    for (const [at, { record }] of this.#queued.entries()) {
      if (record === undefined || !('shard' in record)) continue;
      const { shard, type } = record;
      const isFree =
        type === 'forget' &&
        !turned.has(shard) &&
        record.index < (replacedFrom.get(shard) ?? Number.POSITIVE_INFINITY) &&
        isKnown(shard, record.index);
      if (isFree || (type === 'remove' && !touched.has(shard))) places.push(at);
      else touched.add(shard);
      const isTurn = type === 'create' || type === 'remove';
      if (isTurn || (type === 'write' && record.write.snapshot !== undefined)) turned.add(shard);
      const first = type === 'write' ? record.write.entries[0]?.index : undefined;
      const before = replacedFrom.get(shard);
      if (first !== undefined && first < (before ?? Number.POSITIVE_INFINITY)) {
        replacedFrom.set(shard, first);
      }
    }
    return places;
  }
}

type Known = (shard: ShardId, index: number) => boolean;
