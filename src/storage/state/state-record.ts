/** A stored value with two checksum words before it, which are its part of the state hash. */

import { hash } from '../../base/hash.ts';
import type { ShardId } from '../../base/ids.ts';
import { word32 } from '../files/byte-order.ts';
import { StateDamage } from './state.ts';
import { keyOf, type Place, PREFIX_BYTES, type Span, sectionOf } from './state-key.ts';

export const WORDS_BYTES = 8;

/** Marks a deleted key in a memtable. Every record is longer. */
export const TOMBSTONE = new Uint8Array(0);

// Replicas compare hashes: other seeds would make equal states look different.
const SEED_ONE = 0x52_69_6e_67;
const SEED_TWO = 0x6b_76_53_74;

/** Fills a record of the right length, for a stored key. */
export function putRecord(
  bytes: Uint8Array,
  place: Place,
  stored: Uint8Array,
  value: Uint8Array,
): Uint8Array {
  bytes.set(value, WORDS_BYTES);
  sealRecord(place, wholeOf(stored), wholeOf(bytes));
  return bytes;
}

/** Writes the checksum words before a value that is already there. */
export function sealRecord(place: Place, stored: Span, record: Span): void {
  const { bytes, from } = record;
  putWord(bytes, from, pairWord(SEED_ONE, stored, record) ^ place.word);
  putWord(bytes, from + 4, pairWord(SEED_TWO, stored, record));
}

/** The value of a record from the disk; throws if it is damaged. */
export function soundValue(place: Place, stored: Uint8Array, record: Uint8Array): Uint8Array {
  if (!isSound(place, stored, record)) throw damageOf(place.shard, stored);
  return valueIn(record);
}

export function isSound(place: Place, stored: Uint8Array, record: Uint8Array): boolean {
  if (record.length < WORDS_BYTES) return false;
  const [key, row] = [wholeOf(stored), wholeOf(record)];
  return (
    wordOne(place, record) === pairWord(SEED_ONE, key, row) &&
    wordTwo(record) === pairWord(SEED_TWO, key, row)
  );
}

export function damageOf(shard: ShardId, stored: Uint8Array, cause?: unknown): StateDamage {
  const row = { section: sectionOf(stored), key: keyOf(stored).slice() };
  return new StateDamage({ shard, row, cause });
}

export function valueIn(record: Uint8Array): Uint8Array {
  // LevelDB returns buffers, whose methods differ; callers get plain byte arrays.
  const { buffer, byteOffset, length } = record;
  return new Uint8Array(buffer, byteOffset + WORDS_BYTES, length - WORDS_BYTES);
}

export function wordOne(place: Place, record: Uint8Array, from = 0): number {
  return (word32(record, from) ^ place.word) >>> 0;
}

export function wordTwo(record: Uint8Array, from = 0): number {
  return word32(record, from + 4);
}

/** Depends on section, key and value: the same in every shard and generation. */
function pairWord(seed: number, stored: Span, record: Span): number {
  const { bytes, from, to } = stored;
  const keyed = hash(bytes, (seed + sectionOf(bytes, from)) >>> 0, from + PREFIX_BYTES, to);
  return hash(record.bytes, keyed, record.from + WORDS_BYTES, record.to);
}

function wholeOf(bytes: Uint8Array): Span {
  return { bytes, from: 0, to: bytes.length };
}

function putWord(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = word;
  bytes[at + 1] = word >>> 8;
  bytes[at + 2] = word >>> 16;
  bytes[at + 3] = word >>> 24;
}
