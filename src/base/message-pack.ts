/** MessagePack by hand: counts, booleans, bytes, arrays, with one encoding each. */

import { assert } from './assert.ts';
import { NUMBER_MAX } from './ids.ts';

const FALSE = 0xc2;
const TRUE = 0xc3;
const BYTES_8 = 0xc4;
const BYTES_16 = 0xc5;
const BYTES_32 = 0xc6;
const COUNT_8 = 0xcc;
const COUNT_16 = 0xcd;
const COUNT_32 = 0xce;
const COUNT_64 = 0xcf;
const FIXED_ARRAY = 0x90;
const ARRAY_16 = 0xdc;
const ARRAY_32 = 0xdd;

const WORD = 0x1_0000_0000;

/** The longest token without the bytes it announces: one tag and eight bytes of a count. */
const TOKEN_BYTES_MAX = 9;
const BYTES_KEPT_MAX = 1024 * 1024;
const BYTES_AT_FIRST = 4096;
/** Below this length a loop is quicker than a call of `set`. */
const SHORT = 16;
/** From this length on, an expected result gets a buffer of its own. */
const OWN_BYTES_MIN = 32 * 1024;
/** A result that fills less of its own buffer is copied, since it may be kept for long. */
const FILLED_MIN = 0.75;

export const NO_BYTES: Uint8Array = new Uint8Array(0);

/** Appends tokens to a buffer that grows and is used again. */
export class Writer {
  #bytes = new Uint8Array(BYTES_AT_FIRST);
  #at = 0;
  /** The buffer that is used again, while another one is filled that the caller gets. */
  #kept: Uint8Array<ArrayBuffer> | undefined;

  get length(): number {
    return this.#at;
  }

  /**
   * Before the first token: the result has about this length, rather less. A long one is written
   * where it stays, and `take` does not copy it.
   */
  expect(length: number): void {
    if (length < OWN_BYTES_MIN || this.#at > 0 || this.#kept !== undefined) return;
    this.#kept = this.#bytes;
    this.#bytes = new Uint8Array(length);
  }

  /** The bytes so far, owned by the caller. The writer starts anew. */
  take(): Uint8Array {
    const isOwn = this.#kept !== undefined && this.#at >= this.#bytes.length * FILLED_MIN;
    const taken = isOwn ? this.#bytes.subarray(0, this.#at) : this.#bytes.slice(0, this.#at);
    this.clear();
    return taken;
  }

  /**
   * A view of what was written since the writer had this length. It is valid until `clear` or
   * `take`, and later writes do not change it.
   */
  since(length: number): Uint8Array {
    return this.#bytes.subarray(length, this.#at);
  }

  /** Drops what was written; a buffer that one large frame made is not kept. */
  clear(): void {
    this.#at = 0;
    if (this.#kept !== undefined) this.#bytes = this.#kept;
    this.#kept = undefined;
    if (this.#bytes.length > BYTES_KEPT_MAX) this.#bytes = new Uint8Array(BYTES_AT_FIRST);
  }

  count(value: number): void {
    this.#reserve(TOKEN_BYTES_MAX);
    const bytes = this.#bytes;
    if (value >= 0 && value < 0x80) {
      bytes[this.#at++] = value;
      assert(Number.isInteger(value), 'a count is whole');
    } else if (value < 0x1_0000 && value > 0) {
      assert(Number.isInteger(value), 'a count is whole');
      if (value < 0x100) {
        bytes[this.#at++] = COUNT_8;
      } else {
        bytes[this.#at++] = COUNT_16;
        bytes[this.#at++] = value >>> 8;
      }
      bytes[this.#at++] = value;
    } else {
      this.#largeCount(value);
    }
  }

  truth(value: boolean): void {
    this.#reserve(TOKEN_BYTES_MAX);
    this.#bytes[this.#at++] = value ? TRUE : FALSE;
  }

  array(length: number): void {
    this.#reserve(TOKEN_BYTES_MAX);
    if (length < 16) {
      this.#bytes[this.#at++] = FIXED_ARRAY | length;
    } else if (length < 0x1_0000) {
      this.#bytes[this.#at++] = ARRAY_16;
      this.#bytes[this.#at++] = length >>> 8;
      this.#bytes[this.#at++] = length;
    } else {
      this.#bytes[this.#at++] = ARRAY_32;
      this.#word(length);
    }
  }

  bytes(value: Uint8Array): void {
    const { length } = value;
    this.#reserve(TOKEN_BYTES_MAX + length);
    const bytes = this.#bytes;
    if (length < 0x100) {
      bytes[this.#at++] = BYTES_8;
    } else if (length < 0x1_0000) {
      bytes[this.#at++] = BYTES_16;
      bytes[this.#at++] = length >>> 8;
    } else {
      bytes[this.#at++] = BYTES_32;
      bytes[this.#at++] = length >>> 24;
      bytes[this.#at++] = length >>> 16;
      bytes[this.#at++] = length >>> 8;
    }
    bytes[this.#at++] = length;
    if (length >= SHORT) bytes.set(value, this.#at);
    else for (let at = 0; at < length; at++) bytes[this.#at + at] = value[at] as number;
    this.#at += length;
  }

  #largeCount(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0 && value <= NUMBER_MAX, 'a count is in range');
    if (value < WORD) {
      this.#bytes[this.#at++] = COUNT_32;
    } else {
      this.#bytes[this.#at++] = COUNT_64;
      this.#word(Math.floor(value / WORD));
    }
    this.#word(value);
  }

  #word(value: number): void {
    const bytes = this.#bytes;
    bytes[this.#at++] = value >>> 24;
    bytes[this.#at++] = value >>> 16;
    bytes[this.#at++] = value >>> 8;
    bytes[this.#at++] = value;
  }

  #reserve(length: number): void {
    const needed = this.#at + length;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = grown;
  }
}

/**
 * Reads tokens in their required order. A token that is misplaced, out of range, longer than
 * necessary or past the end breaks the reader for good: from then on it returns zeros, and the
 * caller checks `isBroken` once at the end. It never throws.
 */
export class Reader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at = 0;
  #isBroken = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#end = bytes.length;
  }

  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Bytes not read yet; none once the reader is broken. */
  get left(): number {
    return this.#end - this.#at;
  }

  /** The byte that comes next, by which tokens are told apart; 0 at the end. */
  get next(): number {
    return this.#at < this.#end ? (this.#bytes[this.#at] as number) : 0;
  }

  break(): void {
    this.#isBroken = true;
    this.#at = this.#end;
  }

  count(): number {
    const tag = this.#byte();
    if (tag < 0x80) return tag;
    switch (tag) {
      case COUNT_8:
        return this.#atLeast(0x80, this.#byte());
      case COUNT_16:
        return this.#atLeast(0x100, this.#half());
      case COUNT_32:
        return this.#atLeast(0x1_0000, this.#word());
      case COUNT_64: {
        const value = this.#word() * WORD;
        return this.#atMost(NUMBER_MAX, this.#atLeast(WORD, value + this.#word()));
      }
      default:
        return this.#refuse();
    }
  }

  truth(): boolean {
    const tag = this.#byte();
    if (tag !== TRUE && tag !== FALSE) this.#refuse();
    return tag === TRUE;
  }

  /**
   * The length of an array that starts here. At most `max`, and at most as many elements as the
   * remaining bytes could hold if each took `bytesMin`: so a header alone allocates nothing.
   */
  array(max: number, bytesMin: number): number {
    const tag = this.#byte();
    let length = tag & 0x0f;
    if (tag === ARRAY_16) length = this.#atLeast(16, this.#half());
    else if (tag === ARRAY_32) length = this.#atLeast(0x1_0000, this.#word());
    else if ((tag & 0xf0) !== FIXED_ARRAY) return this.#refuse();
    if (length > max || length * bytesMin > this.#end - this.#at) return this.#refuse();
    return length;
  }

  /** An array of exactly this many elements, up to 15. */
  tuple(length: number): void {
    if (this.#byte() !== (FIXED_ARRAY | length)) this.#refuse();
  }

  /** A view of the bytes, which it keeps alive. */
  bytes(lengthMax: number): Uint8Array {
    const tag = this.#byte();
    let length = 0;
    if (tag === BYTES_8) length = this.#byte();
    else if (tag === BYTES_16) length = this.#atLeast(0x100, this.#half());
    else if (tag === BYTES_32) length = this.#atLeast(0x1_0000, this.#word());
    else this.#refuse();
    if (length > lengthMax || length > this.#end - this.#at) this.#refuse();
    if (this.#isBroken) return NO_BYTES;
    const from = this.#bytes.byteOffset + this.#at;
    this.#at += length;
    return new Uint8Array(this.#bytes.buffer, from, length);
  }

  #byte(): number {
    if (this.#at >= this.#end) return this.#refuse();
    return this.#bytes[this.#at++] as number;
  }

  #half(): number {
    return this.#byte() * 0x100 + this.#byte();
  }

  #word(): number {
    return this.#half() * 0x1_0000 + this.#half();
  }

  #atLeast(min: number, value: number): number {
    return value < min ? this.#refuse() : value;
  }

  #atMost(max: number, value: number): number {
    return value > max ? this.#refuse() : value;
  }

  #refuse(): number {
    this.break();
    return 0;
  }
}
