/** The placed operations, and the memo of the visited pairs of such a set and a state. */

import { assert } from '../../src/base/assert.ts';
import { Random } from '../../src/base/random.ts';

const WORD_BITS = 32;
const FULL = 0xffff_ffff;
const SLOTS_MIN = 1024;
/** A record holds two hashes, the state, where its window begins, and how many words follow. */
const HEADER_WORDS = 5;

/** What the memo has to know of a set. */
export interface Placed {
  /** Words that always count, before those of the window. */
  readonly pinnedWords: number;
  readonly words: Uint32Array;
  /** The window: from the first word that is not full, up to and without the end. */
  readonly low: number;
  readonly high: number;
  readonly hash: number;
  readonly otherHash: number;
}

/**
 * A set of small integers with a pair of Zobrist hashes. A search fills it from below, so the
 * words from the first that is not full to the last that is not empty stand for all of it. The
 * integers below `pinned` may stay out for ever; their words always count.
 */
export class PlacedSet implements Placed {
  readonly pinnedWords: number;
  readonly words: Uint32Array;
  readonly #keys: Uint32Array;
  #low: number;
  #high: number;
  #hash = 0;
  #otherHash = 0;

  constructor(size: number, pinned: number) {
    this.pinnedWords = Math.ceil(pinned / WORD_BITS);
    assert(pinned % WORD_BITS === 0, 'pinned integers fill whole words');
    this.words = new Uint32Array(Math.ceil(size / WORD_BITS) + 1);
    this.#low = this.pinnedWords;
    this.#high = this.pinnedWords;
    const random = new Random(size);
    this.#keys = Uint32Array.from({ length: size * 2 }, () => random.word());
  }

  get low(): number {
    return this.#low;
  }

  get high(): number {
    return this.#high;
  }

  get hash(): number {
    return this.#hash;
  }

  get otherHash(): number {
    return this.#otherHash;
  }

  has(integer: number): boolean {
    return (((this.words[integer >>> 5] ?? 0) >>> (integer & 31)) & 1) === 1;
  }

  add(integer: number): void {
    const word = this.#flip(integer);
    if (word < this.pinnedWords) return;
    this.#high = Math.max(this.#high, word + 1);
    while (this.words[this.#low] === FULL) this.#low++;
    this.#high = Math.max(this.#high, this.#low);
  }

  remove(integer: number): void {
    const word = this.#flip(integer);
    if (word < this.pinnedWords) return;
    this.#low = Math.min(this.#low, word);
    while (this.#high > this.#low && this.words[this.#high - 1] === 0) this.#high--;
  }

  #flip(integer: number): number {
    const word = integer >>> 5;
    this.words[word] = ((this.words[word] ?? 0) ^ (1 << (integer & 31))) >>> 0;
    this.#hash ^= this.#keys[integer * 2] ?? 0;
    this.#otherHash ^= this.#keys[integer * 2 + 1] ?? 0;
    return word;
  }
}

/** Lowe's memo: hashed by the pair, compared in full, so that no verdict depends on a hash. */
export class Visited {
  #slots = new Uint32Array(SLOTS_MIN);
  #records = new Uint32Array(SLOTS_MIN * 8);
  /** Zero is for an empty slot. */
  #end = 1;
  #count = 0;

  /** Whether the set was never seen with this state. From now on it was. */
  add(set: Placed, state: number): boolean {
    const hash = (set.hash ^ Math.imul(state + 1, 0x9e3779b1)) >>> 0;
    const otherHash = set.otherHash >>> 0;
    let slot = hash & (this.#slots.length - 1);
    for (let at = this.#slots[slot]; at !== 0 && at !== undefined; at = this.#slots[slot]) {
      const isSameHash = this.#records[at] === hash && this.#records[at + 1] === otherHash;
      if (isSameHash && this.#isAt(at, set, state)) return false;
      slot = (slot + 1) & (this.#slots.length - 1);
    }
    this.#slots[slot] = this.#end;
    this.#write(hash, otherHash, set, state);
    this.#count++;
    if (this.#count * 2 > this.#slots.length) this.#grow();
    return true;
  }

  #isAt(start: number, set: Placed, state: number): boolean {
    const records = this.#records;
    const count = set.pinnedWords + set.high - set.low;
    if (records[start + 2] !== state || records[start + 3] !== set.low) return false;
    if (records[start + 4] !== count) return false;
    let at = start + HEADER_WORDS;
    for (let word = 0; word < set.pinnedWords; word++) {
      if (records[at++] !== set.words[word]) return false;
    }
    for (let word = set.low; word < set.high; word++) {
      if (records[at++] !== set.words[word]) return false;
    }
    return true;
  }

  #write(hash: number, otherHash: number, set: Placed, state: number): void {
    const count = set.pinnedWords + set.high - set.low;
    if (this.#end + HEADER_WORDS + count > this.#records.length) {
      const larger = new Uint32Array(this.#records.length * 2 + count);
      larger.set(this.#records);
      this.#records = larger;
    }
    const records = this.#records;
    let at = this.#end;
    records[at++] = hash;
    records[at++] = otherHash;
    records[at++] = state;
    records[at++] = set.low;
    records[at++] = count;
    for (let word = 0; word < set.pinnedWords; word++) records[at++] = set.words[word] ?? 0;
    for (let word = set.low; word < set.high; word++) records[at++] = set.words[word] ?? 0;
    this.#end = at;
  }

  #grow(): void {
    const larger = new Uint32Array(this.#slots.length * 2);
    for (const at of this.#slots) {
      if (at === 0) continue;
      let slot = (this.#records[at] ?? 0) & (larger.length - 1);
      while (larger[slot] !== 0) slot = (slot + 1) & (larger.length - 1);
      larger[slot] = at;
    }
    this.#slots = larger;
  }
}
