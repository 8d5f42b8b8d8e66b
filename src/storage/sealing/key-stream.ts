/**
 * AES-256 in counter mode (NIST SP 800-38A) for many short texts. Counter mode is the XOR with
 * encrypted counters. So one cipher object serves all texts of a key, where one for each text would
 * cost more than the text.
 */

import { type Cipher, createCipheriv, type KeyObject } from 'node:crypto';
import { assert } from '../../base/assert.ts';

export const BLOCK_BYTES = 16;
/** The number of a block has six bytes. */
export const BLOCKS_MAX = 2 ** 48;

const WORD = 0x1_0000_0000;
/** Encrypted in one call. */
const BLOCKS_AT_ONCE = 64;
/** A text has to fit that. */
export const TEXT_BYTES_MAX = BLOCKS_AT_ONCE * BLOCK_BYTES;
/** Made at once for what is sealed next. */
const AHEAD_BLOCKS = 4096;

const WORK = new Uint32Array(TEXT_BYTES_MAX / 4);
const WORK_BYTES = new Uint8Array(WORK.buffer);
/** The stream of one text. */
const STREAM = new Uint32Array(TEXT_BYTES_MAX / 4);
const STREAM_BYTES = new Uint8Array(STREAM.buffer);

interface StreamPart {
  /** The number of the first block of the stream. */
  readonly first: number;
  /** At most `TEXT_BYTES_MAX`. */
  readonly text: Uint8Array;
  /** As long as the text, or longer. */
  readonly into: Uint8Array;
}

/** A text has one block at least, so no two texts begin with the same one. */
export function blocksOf(textBytes: number): number {
  return Math.max(1, Math.ceil(textBytes / BLOCK_BYTES));
}

/** For few bytes; the result has the length of the text. */
export function xor(text: Uint8Array, stream: Uint8Array): Uint8Array {
  const result = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) {
    result[at] = (text[at] as number) ^ (stream[at] as number);
  }
  return result;
}

/** Word by word, in a copy that is aligned: that takes a third of the time of bytes. */
function xorInto({ text, into }: StreamPart, stream: Uint32Array, from: number): void {
  WORK_BYTES.set(text);
  const words = (text.length + 3) >> 2;
  for (let at = 0; at < words; at++)
    WORK[at] = (WORK[at] as number) ^ (stream[from + at] as number);
  into.set(WORK_BYTES.subarray(0, text.length));
}

export class KeyStream {
  readonly #key: KeyObject;
  /** Encrypts each block by itself. */
  readonly #cipher: Cipher;
  readonly #counters = new Uint8Array(BLOCKS_AT_ONCE * BLOCK_BYTES);
  readonly #words = new DataView(this.#counters.buffer);

  constructor(key: KeyObject) {
    this.#key = key;
    this.#cipher = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false);
  }

  /** Encrypts or decrypts: both are the same. */
  turn(part: StreamPart): void {
    const { first, text } = part;
    const blocks = blocksOf(text.length);
    assert(blocks <= BLOCKS_AT_ONCE, 'a text is encrypted at once');
    for (let nth = 0; nth < blocks; nth++) this.#count(nth, first + nth);
    STREAM_BYTES.set(this.#encrypted(blocks));
    xorInto(part, STREAM, 0);
  }

  /** Consecutive blocks of the stream. */
  blocksFrom(first: number, blocks: number): Uint8Array {
    this.#count(0, first);
    const counter = this.#counters.subarray(0, BLOCK_BYTES);
    const zeros = new Uint8Array(blocks * BLOCK_BYTES);
    return createCipheriv('aes-256-ctr', this.#key, counter).update(zeros);
  }

  /** The blocks with these numbers, one after the other. */
  blocksAt(numbers: readonly number[]): Uint8Array {
    const blocks = new Uint8Array(numbers.length * BLOCK_BYTES);
    for (let from = 0; from < numbers.length; from += BLOCKS_AT_ONCE) {
      const some = numbers.slice(from, from + BLOCKS_AT_ONCE);
      for (const [nth, number] of some.entries()) this.#count(nth, number);
      blocks.set(this.#encrypted(some.length), from * BLOCK_BYTES);
    }
    return blocks;
  }

  #encrypted(blocks: number): Uint8Array {
    return this.#cipher.update(this.#counters.subarray(0, blocks * BLOCK_BYTES));
  }

  /** The upper 80 bits of a counter stay zero. */
  #count(nth: number, number: number): void {
    const end = (nth + 1) * BLOCK_BYTES;
    this.#words.setUint16(end - 6, number / WORD);
    this.#words.setUint32(end - 4, number);
  }
}

/** The same stream for texts that follow each other: its blocks are made many at once. */
export class StreamAhead {
  readonly #stream: KeyStream;
  /** Without a text to seal it takes no memory. */
  #words = new Uint32Array(0);
  /** The blocks that are made, up to but not including `#end`. */
  #first = 0;
  #end = 0;

  constructor(stream: KeyStream) {
    this.#stream = stream;
  }

  turn(part: StreamPart): void {
    const { first, text } = part;
    if (first < this.#first || first + blocksOf(text.length) > this.#end) {
      const blocks = this.#stream.blocksFrom(first, AHEAD_BLOCKS);
      if (this.#words.length === 0) this.#words = new Uint32Array(blocks.length / 4);
      new Uint8Array(this.#words.buffer).set(blocks);
      this.#first = first;
      this.#end = first + AHEAD_BLOCKS;
    }
    xorInto(part, this.#words, (first - this.#first) * (BLOCK_BYTES / 4));
  }
}
