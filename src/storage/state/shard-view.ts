/** A shard as of one moment: its memtables and the disk as they were then. */

import { assert } from '../../base/assert.ts';
import type { SnapshotDescription } from '../../raft/message.ts';
import type { LayerView } from './memtable.ts';
import type { ShardState } from './shard-state.ts';
import type { StateCursor, StateRange, StateView } from './state.ts';
import { MergedCursor } from './state-cursor.ts';
import type { DiskView } from './state-disk.ts';
import type { Place } from './state-key.ts';
import { damageOf, soundValue, TOMBSTONE } from './state-record.ts';

interface ShardViewOptions {
  readonly state: ShardState;
  readonly disk: DiskView;
  readonly onClose: () => void;
}

export class ShardView implements StateView {
  readonly description: SnapshotDescription;
  readonly #place: Place;
  readonly #layers: readonly LayerView[];
  readonly #disk: DiskView;
  readonly #onClose: () => void;
  #cursors = new Set<StateCursor>();
  #isClosed = false;

  constructor({ state, disk, onClose }: ShardViewOptions) {
    this.description = state.description;
    this.#place = state.place;
    this.#layers = state.layers();
    this.#disk = disk;
    this.#onClose = onClose;
  }

  get(section: number, key: Uint8Array): Uint8Array | undefined {
    assert(!this.#isClosed, 'a view is open when it is read');
    for (const layer of this.#layers) {
      const held = layer[section]?.get(key);
      if (held !== undefined) return held === TOMBSTONE ? undefined : held;
    }
    const stored = this.#place.key(section, key);
    const record = this.#read(stored);
    return record === undefined ? undefined : soundValue(this.#place, stored, record);
  }

  cursor(range: StateRange): StateCursor {
    assert(!this.#isClosed, 'a view is open when it is read');
    const cursor = new MergedCursor({
      place: this.#place,
      layers: this.#layers,
      disk: this.#disk,
      range,
    });
    this.#cursors.add(cursor);
    const next = cursor.next.bind(cursor);
    const close = () => {
      this.#cursors.delete(cursor);
      cursor.close();
    };
    return { next, close };
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const cursor of this.#cursors) cursor.close();
    this.#cursors.clear();
    this.#onClose();
  }

  #read(stored: Uint8Array): Uint8Array | undefined {
    try {
      return this.#disk.get(stored);
    } catch (cause) {
      throw damageOf(this.#place.shard, stored, cause);
    }
  }
}
