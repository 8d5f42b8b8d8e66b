/** The histories of a node's shards, which share one budget of memory. */

import { assert } from '../base/assert.ts';
import type { Changes } from '../machine/key-change.ts';
import type { Position } from '../raft/position.ts';
import { History, type HistoryLimits } from './history.ts';
import { SHARD_LIMITS } from './limits.ts';

/** Slabs are small beside the budget, so that dropping one leaves most of what is known. */
const SLABS_MIN = 16;

export class Histories {
  readonly #bytesMax: number;
  readonly #limits: HistoryLimits;
  /** Those that keep changes. */
  readonly #filled = new Set<History>();
  #bytes = 0;

  constructor({ bytesMax }: { readonly bytesMax: number }) {
    assert(bytesMax >= 0, 'a budget is not negative');
    this.#bytesMax = bytesMax;
    this.#limits = {
      entryBytesMax: Math.min(SHARD_LIMITS.historyEntryBytesMax, Math.floor(bytesMax / 2)),
      slabBytes: Math.min(SHARD_LIMITS.historySlabBytes, Math.ceil(bytesMax / SLABS_MIN)),
    };
  }

  /** The memory that all of them take. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Of a replica whose state is as of this position. */
  open(position: Position): History {
    return new History(position, this.#limits);
  }

  /** Adds the next entry. Beyond the budget the largest history drops its oldest entries. */
  add(history: History, position: Position, changes: Changes): void {
    const { bytes } = history;
    history.add(position, changes);
    this.#count(history, bytes);
    while (this.#bytes > this.#bytesMax) {
      const largest = this.#largest;
      const before = largest.bytes;
      largest.trim();
      this.#count(largest, before);
    }
  }

  /** Another state took the place of its replica's, or the replica has ended. */
  reset(history: History, position: Position): void {
    const { bytes } = history;
    history.reset(position);
    this.#count(history, bytes);
  }

  /** It took so much before. */
  #count(history: History, before: number): void {
    const { bytes } = history;
    if (bytes === before) return;
    this.#bytes += bytes - before;
    if (bytes > 0) this.#filled.add(history);
    else this.#filled.delete(history);
  }

  get #largest(): History {
    let largest: History | undefined;
    for (const history of this.#filled) {
      if (largest === undefined || history.bytes > largest.bytes) largest = history;
    }
    assert(largest !== undefined, 'memory is taken by a history');
    return largest;
  }
}
