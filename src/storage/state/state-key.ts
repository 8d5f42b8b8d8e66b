/** The format of keys on disk: a kind, and for rows the shard, the generation and the section. */

import { assert } from '../../base/assert.ts';
import { hash } from '../../base/hash.ts';
import type { ShardId } from '../../base/ids.ts';
import type { ByteRange } from '../files/byte-order.ts';
import { STATE_LIMITS } from '../limits.ts';
import type { DiskRange } from './state-disk.ts';

/** Kinds of rows. A number is never reused for another kind. */
export const KEY_KIND = { store: 0, shard: 1, mark: 2, row: 3 } as const;

/** Kind, shard, generation and section; the machine's key follows. */
export const PREFIX_BYTES = 10;

/** The bytes of a key or a record within a buffer. */
export interface Span {
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
}

const SECTION_AT = 9;
/** Up to this length a loop is faster than `set`. */
const LOOP_BYTES_MAX = 32;
const PLACE_SEED = 0x70_6c_61_63;

/**
 * One generation of one shard's rows. A snapshot is installed into a new generation; generation
 * numbers only grow while any row of the shard is on disk.
 */
export class Place {
  readonly shard: ShardId;
  readonly generation: number;
  /** Part of checksums, so that a row at another place is detected as damage. */
  readonly word: number;
  readonly #prefix: Uint8Array;

  constructor(shard: ShardId, generation: number) {
    this.shard = shard;
    this.generation = generation;
    this.#prefix = new Uint8Array(PREFIX_BYTES);
    this.#prefix[0] = KEY_KIND.row;
    putWord(this.#prefix, 1, shard);
    putWord(this.#prefix, 5, generation);
    this.word = hash(this.#prefix, PLACE_SEED);
  }

  key(section: number, key: Uint8Array): Uint8Array {
    const bytes = new Uint8Array(PREFIX_BYTES + key.length);
    this.putKey(bytes, 0, section, key);
    return bytes;
  }

  /** Writes a stored key into a buffer. */
  putKey(bytes: Uint8Array, from: number, section: number, key: Uint8Array): void {
    for (let at = 0; at < SECTION_AT; at++) bytes[from + at] = this.#prefix[at] as number;
    bytes[from + SECTION_AT] = section;
    const keyAt = from + PREFIX_BYTES;
    if (key.length > LOOP_BYTES_MAX) bytes.set(key, keyAt);
    else for (let at = 0; at < key.length; at++) bytes[keyAt + at] = key[at] as number;
  }

  /** A range of one section as a range of stored keys. */
  range(section: number, { from, to, isReverse }: ByteRange): DiskRange {
    const none = new Uint8Array(0);
    return {
      from: this.key(section, from ?? none),
      to: to === undefined ? this.key(section + 1, none) : this.key(section, to),
      isReverse,
    };
  }

  /** All rows from a stored key on, or from the first. */
  wholeRange(from?: Uint8Array): DiskRange {
    const none = new Uint8Array(0);
    const to = this.key(STATE_LIMITS.sections, none);
    return { from: from ?? this.key(0, none), to, isReverse: false };
  }
}

/** The shard of a stored key, and the generation of a row; 0 if the key is too short. */
export function ownerOf(stored: Uint8Array): Pick<Place, 'shard' | 'generation'> {
  const head = new Uint8Array(SECTION_AT);
  head.set(stored.subarray(0, SECTION_AT));
  const words = new DataView(head.buffer);
  return { shard: words.getUint32(1) as ShardId, generation: words.getUint32(5) };
}

export function sectionOf(stored: Uint8Array, from = 0): number {
  return stored[from + SECTION_AT] as number;
}

export function keyOf(stored: Uint8Array): Uint8Array {
  const { buffer, byteOffset, length } = stored;
  return new Uint8Array(buffer, byteOffset + PREFIX_BYTES, length - PREFIX_BYTES);
}

/** The key of the store's own record. */
export const STORE_KEY = Uint8Array.of(KEY_KIND.store);

/** The key of a shard's record. */
export function shardKey(shard: ShardId): Uint8Array {
  return numbered(KEY_KIND.shard, shard);
}

/** The key of the mark of a batch. */
export function markKey(batch: number): Uint8Array {
  return numbered(KEY_KIND.mark, batch % 2 ** 32);
}

function numbered(kind: number, number: number): Uint8Array {
  const bytes = new Uint8Array(5);
  bytes[0] = kind;
  putWord(bytes, 1, number);
  return bytes;
}

/** Big-endian, so that keys are ordered by number. */
function putWord(bytes: Uint8Array, at: number, word: number): void {
  assert(Number.isInteger(word) && word >= 0 && word < 2 ** 32, 'a word has 32 bits');
  bytes[at] = word >>> 24;
  bytes[at + 1] = word >>> 16;
  bytes[at + 2] = word >>> 8;
  bytes[at + 3] = word;
}
