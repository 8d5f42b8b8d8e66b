/**
 * The rows of one memtable, side by side in a few slabs, each known by a number. Two views for each
 * row were most of what a write cost: the collector copied them all, milliseconds at a time.
 */

import { assert } from '../../base/assert.ts';
import { newSlab, SLAB_BYTES, type Slab, type SlabPool } from './slab-pool.ts';
import { type Place, PREFIX_BYTES } from './state-key.ts';
import { sealRecord, TOMBSTONE, WORDS_BYTES } from './state-record.ts';

/** Where a row begins: the slab, and how many units into it. */
const UNIT_BYTES = 8;
const UNIT_BITS = Math.log2(SLAB_BYTES / UNIT_BYTES);
const UNIT_MASK = (1 << UNIT_BITS) - 1;

/** The first slabs of a memtable are smaller: a node may have thousands of shards at rest. */
const SLAB_BYTES_MIN = 1024;
/** A larger row has a slab of its own. */
const SHARED_BYTES_MAX = SLAB_BYTES / 4;
/** Rows with so much room for a record are rewritten in place, and therefore copied when read. */
const REWRITE_BYTES_MAX = 1024;

/** A row: these three words, the stored key, the record from the next whole word on. */
const RECORD_LENGTH = 1;
const RECORD_ROOM = 2;
const HEADER_BYTES = 12;

export class Arena {
  readonly #place: Place;
  readonly #pool: SlabPool;
  #slabs: Slab[] = [];
  /** The slab that small rows are added to, and where. */
  #slab = 0;
  #slabBytes = 0;
  #at = 0;
  /** Rows before this one are looked at by somebody, and stay as they are. */
  #sealedBelow = 0;
  #isShared = false;
  /** What the rows take. */
  bytes = 0;

  constructor(place: Place, pool: SlabPool) {
    this.#place = place;
    this.#pool = pool;
  }

  /** Copies a row in; without a value it is a tombstone, whose record is empty. */
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

  /** From now on nothing that is here changes. */
  seal(): void {
    // A sum: a slab that is full to the last unit ends where the next one begins.
    this.#sealedBelow = (this.#slab << UNIT_BITS) + this.#at / UNIT_BYTES;
  }

  /** Somebody may look at the rows longer than the memtable lives. */
  share(): void {
    this.#isShared = true;
  }

  /** The memtable is on disk: unless something was lent, others may have the memory. */
  end(): void {
    if (this.#isShared) return;
    this.#pool.give(this.#slabs);
    this.#slabs = [];
  }

  /**
   * Moves the record of the row that was added last into a row that is older, so that a key which
   * is written again and again takes room once. False if that one has no room or is looked at.
   */
  rewrite(row: number, last: number): boolean {
    const { words: to } = this.#slabs[row >>> UNIT_BITS] as Slab;
    const { words: from } = this.#slabs[last >>> UNIT_BITS] as Slab;
    const head = startOf(row) >> 2;
    const length = from[(startOf(last) >> 2) + RECORD_LENGTH] as number;
    const room = to[head + RECORD_ROOM] as number;
    if (row < this.#sealedBelow || room > REWRITE_BYTES_MAX || length > room) return false;
    assert(last >>> UNIT_BITS === this.#slab, 'only the last row is taken back');
    const toAt = this.recordAt(row) >> 2;
    const fromAt = this.recordAt(last) >> 2;
    for (let at = 0; at << 2 < length; at++) to[toAt + at] = from[fromAt + at] as number;
    to[head + RECORD_LENGTH] = length;
    this.#takeBack(last);
    return true;
  }

  slabOf(row: number): Uint8Array {
    return (this.#slabs[row >>> UNIT_BITS] as Slab).bytes;
  }

  /** Where the stored key begins in the slab. */
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

  /** The key as it is stored, to be looked at as long as the memtable lives. */
  key(row: number): Uint8Array {
    return new Uint8Array(this.slabOf(row).buffer, this.keyAt(row), this.keyLength(row));
  }

  /** As it is stored, or `TOMBSTONE`: of a sealed row, as long as the memtable lives. */
  record(row: number): Uint8Array {
    const length = this.#wordOf(row, RECORD_LENGTH);
    if (length === 0) return TOMBSTONE;
    return new Uint8Array(this.slabOf(row).buffer, this.recordAt(row), length);
  }

  /** The value alone, the receiver's to keep; or `TOMBSTONE`. */
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
    this.bytes += length;
    if (length > SHARED_BYTES_MAX) return this.#addSlab(newSlab(length)) << UNIT_BITS;
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

  /** Only a row that fits into another's room is taken back, so it has no slab of its own. */
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
