/** Iterates over a range of one section through all layers: memory, newest first, then disk. */

import { assert } from '../../base/assert.ts';
import { compare } from '../files/byte-order.ts';
import type { LayerView } from './memtable.ts';
import type { SortedCursor } from './sorted-rows.ts';
import type { StateCursor, StateDamage, StateRange, StateRow } from './state.ts';
import type { DiskCursor, DiskRow, DiskRows, DiskView, ReadLimits } from './state-disk.ts';
import { keyOf, type Place } from './state-key.ts';
import { damageOf, isSound, TOMBSTONE, valueIn } from './state-record.ts';

interface MergedCursorOptions {
  readonly place: Place;
  readonly layers: readonly LayerView[];
  readonly disk: DiskView;
  readonly range: StateRange;
}

/** A layer in memory and its current key; undefined after the last one. */
interface Source {
  readonly cursor: SortedCursor;
  key: Uint8Array | undefined;
}

type Done = (rows: readonly StateRow[] | StateDamage) => void;

export class MergedCursor implements StateCursor {
  readonly #place: Place;
  readonly #section: number;
  readonly #sign: number;
  readonly #sources: Source[] = [];
  readonly #disk: DiskCursor;
  #rows: readonly DiskRow[] = [];
  #row = 0;
  #isDiskDone = false;
  #isReading = false;
  #isClosed = false;

  constructor({ place, layers, disk, range }: MergedCursorOptions) {
    this.#place = place;
    this.#section = range.section;
    this.#sign = range.isReverse ? -1 : 1;
    for (const layer of layers) {
      const cursor = layer[range.section]?.cursor(range);
      if (cursor !== undefined) this.#sources.push({ cursor, key: nextKey(cursor) });
    }
    this.#disk = disk.cursor(place.range(range.section, range));
  }

  next(limits: ReadLimits, done: Done): void {
    assert(!this.#isReading, 'a cursor answers one call at a time');
    this.#isReading = true;
    this.#collect(limits, [], 0, done);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#disk.close();
  }

  /** Merges the rows at hand, and reads from the disk when more are needed. */
  #collect(limits: ReadLimits, rows: StateRow[], bytesBefore: number, done: Done): void {
    if (this.#isClosed) return;
    let bytes = bytesBefore;
    while (rows.length < limits.rowsMax && (bytes < limits.bytesMax || rows.length === 0)) {
      if (this.#row >= this.#rows.length && !this.#isDiskDone) {
        this.#disk.next(limits, (read) => this.#fill(read, limits, rows, bytes, done));
        return;
      }
      const stored = this.#nearest();
      if (stored === undefined) break;
      const record = this.#takeAt(stored);
      if (record === 'damaged') return this.#finish(damageOf(this.#place.shard, stored), done);
      if (record === TOMBSTONE) continue;
      const value = valueIn(record);
      rows.push({ key: keyOf(stored), value });
      bytes += stored.length + value.length;
    }
    this.#finish(rows, done);
  }

  #fill(read: DiskRows, limits: ReadLimits, rows: StateRow[], bytes: number, done: Done): void {
    if (this.#isClosed) return;
    if (read === 'unreadable') {
      const last = this.#rows.at(-1)?.[0] ?? this.#place.key(this.#section, new Uint8Array(0));
      return this.#finish(damageOf(this.#place.shard, last, 'unreadable after this key'), done);
    }
    this.#rows = read;
    this.#row = 0;
    this.#isDiskDone = read.length === 0;
    this.#collect(limits, rows, bytes, done);
  }

  #finish(answer: readonly StateRow[] | StateDamage, done: Done): void {
    this.#isReading = false;
    done(answer);
  }

  /** The next stored key, in the direction of the iteration. */
  #nearest(): Uint8Array | undefined {
    let nearest = this.#rows[this.#row]?.[0];
    for (const { key } of this.#sources) {
      if (key === undefined) continue;
      if (nearest === undefined || this.#order(key, nearest) < 0) nearest = key;
    }
    return nearest;
  }

  /** The newest record of a key; every layer that has the key advances. */
  #takeAt(stored: Uint8Array): Uint8Array | 'damaged' {
    let newest: Uint8Array | undefined;
    for (const source of this.#sources) {
      if (source.key === undefined || this.#order(source.key, stored) !== 0) continue;
      newest ??= source.cursor.record;
      source.key = nextKey(source.cursor);
    }
    const row = this.#rows[this.#row];
    if (row === undefined || this.#order(row[0], stored) !== 0) return newest ?? TOMBSTONE;
    this.#row += 1;
    if (newest !== undefined) return newest;
    return isSound(this.#place, row[0], row[1]) ? row[1] : 'damaged';
  }

  #order(one: Uint8Array, other: Uint8Array): number {
    return this.#sign * compare(one, 0, other, 0);
  }
}

function nextKey(cursor: SortedCursor): Uint8Array | undefined {
  return cursor.next() ? cursor.key : undefined;
}
