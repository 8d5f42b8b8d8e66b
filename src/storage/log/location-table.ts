/** The locations of one shard's entries on disk: three words for an entry, no object. */

import { assert } from '../../base/assert.ts';
import { ALIGNMENT, recordBytes } from './log-record.ts';

export interface Location {
  readonly epoch: number;
  readonly offset: number;
  /** Of the payload. */
  readonly length: number;
}

/** Is called for every record that becomes live or ceases to be. */
export interface LiveAccount {
  add(epoch: number, bytes: number): void;
  remove(epoch: number, bytes: number): void;
}

const WORDS = 3;
const HOLE: Location = { epoch: 0, offset: 0, length: 0 };
const ENTRIES_AT_FIRST = 16;

/** Invariant: a location of epoch 0 is a hole; every other one is in the account. */
export class LocationTable {
  readonly #account: LiveAccount;
  #words = new Uint32Array(ENTRIES_AT_FIRST * WORDS);
  /** The index in #words of the entry at `first`. */
  #head = 0;
  #first = 1;
  #length = 0;
  #bytes = 0;

  constructor(account: LiveAccount) {
    this.#account = account;
  }

  /** The size of its entries on disk. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * The first index from which on entries take at most `bytesMax`; linear in the entries before it.
   */
  firstWithin(bytesMax: number): number {
    let bytes = this.#bytes;
    let index = this.#first;
    for (; index < this.end && bytes > bytesMax; index++) {
      if (this.epochAt(index) !== 0) bytes -= recordBytes(this.at(index).length);
    }
    return index;
  }

  get first(): number {
    return this.#first;
  }

  /** The index after the last one in the table. */
  get end(): number {
    return this.#first + this.#length;
  }

  /** Without a location the entry is a hole. */
  push(location: Location = HOLE): void {
    this.#reserve();
    this.#length += 1;
    this.#put(this.end - 1, location);
  }

  set(index: number, location: Location): void {
    this.punch(index);
    this.#put(index, location);
  }

  /** Leaves a hole. */
  punch(index: number): void {
    const at = this.#place(index);
    const epoch = this.#words[at] as number;
    if (epoch === 0) return;
    const bytes = recordBytes(this.#words[at + 2] as number);
    this.#account.remove(epoch, bytes);
    this.#bytes -= bytes;
    this.#words[at] = 0;
  }

  /** 0 where there is a hole. */
  epochAt(index: number): number {
    return this.#words[this.#place(index)] as number;
  }

  at(index: number): Location {
    const at = this.#place(index);
    return {
      epoch: this.#words[at] as number,
      offset: (this.#words[at + 1] as number) * ALIGNMENT,
      length: this.#words[at + 2] as number,
    };
  }

  /** Removes the entry at `index` and all behind it. */
  cutFrom(index: number): void {
    for (let at = Math.max(index, this.#first); at < this.end; at++) this.punch(at);
    this.#length = Math.min(this.#length, Math.max(0, index - this.#first));
  }

  /** Removes all entries up to `index`, included. */
  cutThrough(index: number): void {
    if (index < this.#first) return;
    const removed = Math.min(index + 1 - this.#first, this.#length);
    for (let nth = 0; nth < removed; nth++) this.punch(this.#first + nth);
    this.#head += removed;
    this.#length -= removed;
    this.#first = index + 1;
    if (this.#length === 0) this.#head = 0;
  }

  /** Empties the table; the next push is at `first`. */
  restart(first: number): void {
    this.cutFrom(this.#first);
    this.#first = first;
    this.#head = 0;
    this.#words = new Uint32Array(ENTRIES_AT_FIRST * WORDS);
  }

  #put(index: number, { epoch, offset, length }: Location): void {
    const at = this.#place(index);
    this.#words[at] = epoch;
    this.#words[at + 1] = offset / ALIGNMENT;
    this.#words[at + 2] = length;
    if (epoch === 0) return;
    const bytes = recordBytes(length);
    this.#account.add(epoch, bytes);
    this.#bytes += bytes;
  }

  #place(index: number): number {
    assert(index >= this.#first && index < this.end, 'the index is within the table');
    return (this.#head + index - this.#first) * WORDS;
  }

  /** Makes room for one more entry: the unused front is reused before the table grows. */
  #reserve(): void {
    const used = (this.#head + this.#length) * WORDS;
    if (used < this.#words.length) return;
    const live = this.#words.subarray(this.#head * WORDS, used);
    const isRoomy = live.length * 2 <= this.#words.length;
    const words = isRoomy ? this.#words : new Uint32Array(this.#words.length * 2);
    if (isRoomy) words.copyWithin(0, this.#head * WORDS, used);
    else words.set(live);
    this.#words = words;
    this.#head = 0;
  }
}
