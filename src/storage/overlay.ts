/** Writes of one shard that are not on disk yet, in order, in memory. */

import type { Arena } from './arena.ts';
import { SortedMap, type SortedView } from './sorted-map.ts';
import { type Place, PREFIX_BYTES } from './state-key.ts';
import { putRecord, TOMBSTONE, WORDS_BYTES } from './state-record.ts';

/** What a write takes besides its bytes: two views and its share of the tree. */
const WRITE_OVERHEAD_BYTES = 256;

/** Records by stored key; `TOMBSTONE` where a key is gone. */
export type LayerView = readonly (SortedView<Uint8Array> | undefined)[];

export class Overlay {
  readonly #place: Place;
  readonly #sections: (SortedMap<Uint8Array> | undefined)[] = [];
  /**
   * Stored keys that were written here and not below, so what they replace on disk is still to be
   * subtracted from the state hash. That does not change before this overlay is written.
   */
  unsettled: Uint8Array[] = [];
  /** Those of them that the disk has been asked for. */
  settling: Uint8Array[] = [];
  /** All that was taken for it, overwritten records too. */
  bytes = 0;
  writes = 0;

  constructor(place: Place) {
    this.#place = place;
  }

  get(section: number, key: Uint8Array): Uint8Array | undefined {
    return this.#sections[section]?.get(key);
  }

  /** Says what it replaces in this overlay, and what is there now. */
  put({ arena, section, key, value }: OverlayWrite): OverlayChange {
    const stored = this.#place.putKey(arena.take(PREFIX_BYTES + key.length), section, key);
    let record: Uint8Array = TOMBSTONE;
    if (value !== undefined) {
      record = putRecord(arena.take(WORDS_BYTES + value.length), this.#place, stored, value);
    }
    this.bytes += stored.length + record.length + WRITE_OVERHEAD_BYTES;
    this.writes += 1;
    let map = this.#sections[section];
    if (map === undefined) {
      map = new SortedMap({ prefixBytes: PREFIX_BYTES });
      this.#sections[section] = map;
    }
    return { stored, record, previous: map.set(stored, record) };
  }

  view(): LayerView {
    return Array.from(this.#sections, (map) => map?.view());
  }

  get rows(): number {
    return this.#sections.reduce((sum, map) => sum + (map?.size ?? 0), 0);
  }
}

interface OverlayWrite {
  readonly arena: Arena;
  readonly section: number;
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

interface OverlayChange {
  readonly stored: Uint8Array;
  readonly record: Uint8Array;
  readonly previous: Uint8Array | undefined;
}
