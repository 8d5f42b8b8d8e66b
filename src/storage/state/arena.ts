/**
 * The rows of one memtable, packed into a few slabs; a row is a number. With two views for each
 * row, the garbage collector copied all of them, milliseconds at a time, which was most of the cost
 * of a write.
 */

import { assert } from '../../base/assert.ts';
import { newSlab, SLAB_BYTES, type Slab, type SlabPool } from './slab-pool.ts';
import { type Place, PREFIX_BYTES } from './state-key.ts';
import { sealRecord, TOMBSTONE, WORDS_BYTES } from './state-record.ts';

/** A row number: the index of its slab, and its offset there in units. */
const UNIT_BYTES = 8;
const UNIT_BITS = Math.log2(SLAB_BYTES / UNIT_BYTES);
const UNIT_MASK = (1 << UNIT_BITS) - 1;

/** The first slabs of a memtable are smaller, because a node may have thousands of idle shards. */
const SLAB_BYTES_MIN = 1024;
/** A larger row has a slab of its own. */
const SHARED_BYTES_MAX = SLAB_BYTES / 4;
/** Rows with at most this capacity are rewritten in place, and therefore copied when read. */
const REWRITE_BYTES_MAX = 1024;

/** A row: these three words, the stored key, and the record from the next word boundary on. */
const RECORD_LENGTH = 1;
const RECORD_ROOM = 2;
const HEADER_BYTES = 12;

export class Arena {
  readonly #place: Place;
  readonly #pool: SlabPool;
  #slabs: Slab[] = [];
  /** The slab that small rows are added to, and the offset of the next row. */
  #slab = 0;
  #slabBytes = 0;
  #at = 0;
  /** Rows before this one may be visible in views, and do not change. */
  #sealedBelow = 0;
  #isShared = false;
  /** The memory that the rows take. */
  bytes = 0;
  /** The rows that have slabs of their own, in the order in which they were added. */
  readonly #large: number[] = [];

  constructor(place: Place, pool: SlabPool) {
    this.#place = place;
    this.#pool = pool;
  }

  /** Copies a row into the arena; a row without a value is a tombstone with an empty record. */
  add(section: number, key: Uint8Array, value: Uint8Array | undefined): number {
    const keyLength = PREFIX_BYTES + key.length;
    const recordLength = value === undefined ? 0 : WORDS_BYTES + value.length;
    const recordFrom = HEADER_BYTES + ((keyLength + 3) & ~3);
    const length = (recordFrom + recordLength + UNIT_BYTES - 1) & ~(UNIT_BYTES - 1);
    const row = this.#take(length);
    const { bytes, words } = this.#slabs[row >>> UNIT_BITS] as Slab;
    const at = startOf(row);
    words[at >> 2] = keyLength;
    words[(at >> 2) + RECORD_LENGTH] = recordLength;
    words[(at >> 2) + RECORD_ROOM] = length - recordFrom;
    this.#place.putKey(bytes, at + HEADER_BYTES, section, key);
    if (value === undefined) return row;
    const from = at + recordFrom;
    bytes.set(value, from + WORDS_BYTES);
    const stored = { bytes, from: at + HEADER_BYTES, to: at + HEADER_BYTES + keyLength };
    sealRecord(this.#place, stored, { bytes, from, to: from + recordLength });
    return row;
  }

  /** Freezes all present rows: they are not rewritten from now on. */
  seal(): void {
    // Added, not combined by OR: a full slab ends where the next one begins.
    this.#sealedBelow = (this.#slab << UNIT_BITS) + this.#at / UNIT_BYTES;
  }

  /** Views may outlive the memtable, so its slabs are not reused. */
  share(): void {
    this.#isShared = true;
  }

  /** The memtable is on disk: its slabs return to the pool, unless views share them. */
  end(): void {
    if (this.#isShared) return;
    this.#pool.give(this.#slabs);
    this.#slabs = [];
  }

  /**
   * Moves the record of the last added row into an older row of the same key, so that a frequently
   * written key takes memory once. Returns false if the older row has too little capacity or is
   * frozen.
   */
  rewrite(row: number, last: number): boolean {
    const { words: to } = this.#slabs[row >>> UNIT_BITS] as Slab;
    const { words: from } = this.#slabs[last >>> UNIT_BITS] as Slab;
    const head = startOf(row) >> 2;
    const length = from[(startOf(last) >> 2) + RECORD_LENGTH] as number;
    const room = to[head + RECORD_ROOM] as number;
    if (row < this.#sealedBelow || room > REWRITE_BYTES_MAX || length > room) return false;
    assert(last >>> UNIT_BITS === this.#slab, 'only the last row is removed');
    const toAt = this.recordAt(row) >> 2;
    const fromAt = this.recordAt(last) >> 2;
    for (let at = 0; at << 2 < length; at++) to[toAt + at] = from[fromAt + at] as number;
    to[head + RECORD_LENGTH] = length;
    this.#takeBack(last);
    return true;
  }

  get largeRows(): readonly number[] {
    return this.#large;
  }

  slabOf(row: number): Uint8Array {
    return (this.#slabs[row >>> UNIT_BITS] as Slab).bytes;
  }

  /** The offset of the stored key in the slab. */
  keyAt(row: number): number {
    return startOf(row) + HEADER_BYTES;
  }

  keyLength(row: number): number {
    return this.#wordOf(row, 0);
  }

  recordAt(row: number): number {
    return startOf(row) + HEADER_BYTES + ((this.keyLength(row) + 3) & ~3);
  }

  isTombstone(row: number): boolean {
    return this.#wordOf(row, RECORD_LENGTH) === 0;
  }

  /** The stored key, valid for the lifetime of the memtable. */
  key(row: number): Uint8Array {
    return new Uint8Array(this.slabOf(row).buffer, this.keyAt(row), this.keyLength(row));
  }

  /**
   * The stored record or `TOMBSTONE`; valid for the lifetime of the memtable if the row is frozen.
   */
  record(row: number): Uint8Array {
    const length = this.#wordOf(row, RECORD_LENGTH);
    if (length === 0) return TOMBSTONE;
    return new Uint8Array(this.slabOf(row).buffer, this.recordAt(row), length);
  }

  /** The value, which belongs to the caller, or `TOMBSTONE`. */
  value(row: number): Uint8Array {
    if (this.isTombstone(row)) return TOMBSTONE;
    const slab = this.#slabs[row >>> UNIT_BITS] as Slab;
    const from = this.recordAt(row) + WORDS_BYTES;
    const length = this.#wordOf(row, RECORD_LENGTH) - WORDS_BYTES;
    const isLarge = this.#wordOf(row, RECORD_ROOM) > REWRITE_BYTES_MAX;
    const isShared = this.#isShared && row < this.#sealedBelow;
    if (!isLarge && !isShared) return this.#pool.copy(slab, from, length);
    this.#isShared = true;
    return new Uint8Array(slab.bytes.buffer, from, length);
  }

  #wordOf(row: number, word: number): number {
    const { words } = this.#slabs[row >>> UNIT_BITS] as Slab;
    return words[(startOf(row) >> 2) + word] as number;
  }

  #take(length: number): number {
    if (length > SHARED_BYTES_MAX) {
      const slab = this.#pool.take(length);
      this.bytes += slab.bytes.length;
      const row = this.#addSlab(slab) << UNIT_BITS;
      this.#large.push(row);
      return row;
    }
    this.bytes += length;
    if (this.#at + length > this.#slabBytes) {
      const grown = Math.max(length, SLAB_BYTES_MIN, 4 * this.#slabBytes);
      this.#slabBytes = Math.min(SLAB_BYTES, grown);
      const isWhole = this.#slabBytes === SLAB_BYTES;
      this.#slab = this.#addSlab(isWhole ? this.#pool.take() : newSlab(this.#slabBytes));
      this.#at = 0;
    }
    const at = this.#at;
    this.#at += length;
    return (this.#slab << UNIT_BITS) | (at / UNIT_BYTES);
  }

  /** A removed row fits into the capacity of another, so it does not have a slab of its own. */
  #takeBack(last: number): void {
    this.bytes -= this.#at - startOf(last);
    this.#at = startOf(last);
  }

  #addSlab(slab: Slab): number {
    return this.#slabs.push(slab) - 1;
  }
}

function startOf(row: number): number {
  return (row & UNIT_MASK) * UNIT_BYTES;
}
