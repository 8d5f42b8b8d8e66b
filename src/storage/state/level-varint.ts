/** Numbers in LevelDB's files: little-endian, or seven bits a byte. */

import { word32 } from '../files/byte-order.ts';

/** Reads from untrusted bytes; broken after a read beyond their end. */
export class LevelReader {
  readonly #bytes: Uint8Array;
  #at: number;
  readonly #to: number;
  isBroken = false;

  constructor(bytes: Uint8Array, from = 0, to = bytes.length) {
    this.#bytes = bytes;
    this.#at = from;
    this.#to = to;
  }

  get at(): number {
    return this.#at;
  }

  get left(): number {
    return this.#to - this.#at;
  }

  byte(): number {
    if (this.#at >= this.#to) {
      this.isBroken = true;
      return 0;
    }
    return this.#bytes[this.#at++] as number;
  }

  /** Up to 2^53; a larger number breaks the reader. */
  number(): number {
    let value = 0;
    for (let scale = 1; scale < 2 ** 56; scale *= 128) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (!Number.isSafeInteger(value)) this.isBroken = true;
        return value;
      }
    }
    this.isBroken = true;
    return 0;
  }

  /** Returns a view. */
  take(length: number): Uint8Array {
    if (length > this.left) {
      this.isBroken = true;
      return new Uint8Array(0);
    }
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** A byte string with its length before it. */
  sized(): Uint8Array {
    return this.take(this.number());
  }
}

/** LevelDB's numbers have 64 bits; those of a real store have fewer than 53. */
export function word64(bytes: Uint8Array, at: number): number {
  return word32(bytes, at) + word32(bytes, at + 4) * 2 ** 32;
}
