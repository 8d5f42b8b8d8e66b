/** A batch under construction: its records in one buffer, and the directory at its end. */

import type { ShardId } from '../../base/ids.ts';
import { NO_BYTES } from '../../base/message-pack.ts';
import { isSealedKind, type RecordSeal } from '../sealing/record-seal.ts';
import {
  ALIGNMENT,
  HEADER_BYTES,
  KIND,
  type RecordBuffer,
  type RecordName,
  recordBufferOf,
  recordBytes,
  writeRecord,
} from './log-record.ts';

const RUN_WORDS = 7;
export const RUN_BYTES = RUN_WORDS * 4;
const WORD = 0x1_0000_0000;
const BYTES_AT_FIRST = 64 * 1024;
/** A larger buffer is kept while large batches follow each other. */
const BYTES_KEPT_MAX = 4 * 1024 * 1024;
/** So many batches in a row that do not need it end that. */
const SMALL_BATCHES_MAX = 64;

/** Consecutive records that differ only in an index that rises by one. */
interface Run extends RecordName {
  count: number;
}

interface BatchStart {
  readonly epoch: number;
  readonly salt: number;
  readonly number: number;
  /** The offset of the buffer in the segment. */
  readonly offset: number;
  /** CRC of the record before. */
  readonly previous: number;
  /** Seals the commands; absent in a plain segment. */
  readonly seal?: RecordSeal | undefined;
  /** Bytes that go before the first record. */
  readonly preamble?: Uint8Array;
}

export class Batch {
  #buffer: RecordBuffer = recordBufferOf(new Uint8Array(BYTES_AT_FIRST));
  #start: BatchStart = { epoch: 0, salt: 0, number: 0, offset: 0, previous: 0 };
  #at = 0;
  #smallBatches = 0;
  #ordinal = 0;
  #previous = 0;
  #runs: Run[] = [];

  /** CRC of the last record. */
  get previous(): number {
    return this.#previous;
  }

  /** The size so far, without the end record. */
  get length(): number {
    return this.#at;
  }

  get count(): number {
    return this.#ordinal;
  }

  begin(start: BatchStart): void {
    this.#smallBatches = this.#at > BYTES_KEPT_MAX ? 0 : this.#smallBatches + 1;
    const isLarge = this.#buffer.bytes.length > BYTES_KEPT_MAX;
    if (isLarge && this.#smallBatches > SMALL_BATCHES_MAX) {
      this.#buffer = recordBufferOf(new Uint8Array(BYTES_AT_FIRST));
    }
    this.#start = start;
    this.#at = 0;
    this.#ordinal = 0;
    this.#previous = start.previous;
    this.#runs = [];
    if (start.preamble === undefined) return;
    this.#reserve(start.preamble.length);
    this.#buffer.bytes.set(start.preamble);
    this.#at = start.preamble.length;
  }

  /** Adds a record. Returns its offset in the segment, and the length of its stored payload. */
  add(
    name: RecordName,
    plain: Uint8Array = NO_BYTES,
  ): { readonly offset: number; readonly length: number } {
    const { epoch, salt, number: batch, seal } = this.#start;
    const { kind, shard, index, term } = name;
    const offset = this.#start.offset + this.#at;
    const isSealed = seal !== undefined && isSealedKind(kind);
    const payload = isSealed ? seal.seal(name, offset, plain) : plain;
    const length = recordBytes(payload.length);
    this.#reserve(length);
    const place = { epoch, salt, offset };
    const ordinal = this.#ordinal;
    const previous = this.#previous;
    this.#previous = writeRecord(this.#buffer, this.#at, {
      kind,
      shard,
      index,
      term,
      batch,
      ordinal,
      previous,
      payload,
      place,
    });
    this.#at += length;
    this.#ordinal += 1;
    if (kind !== KIND.end) extendRuns(this.#runs, name);
    return { offset, length: payload.length };
  }

  /** The finished bytes, as a view that is valid until the next batch begins. */
  end(): Uint8Array {
    const name = { kind: KIND.end, shard: 0 as ShardId, index: this.#ordinal, term: 0 };
    this.add(name, encodeRuns(this.#runs));
    return this.#buffer.bytes.subarray(0, this.#at);
  }

  #reserve(length: number): void {
    const needed = this.#at + length;
    if (needed <= this.#buffer.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#buffer.bytes.length * 2));
    grown.set(this.#buffer.bytes.subarray(0, this.#at));
    this.#buffer = recordBufferOf(grown);
  }
}

function extendRuns(runs: Run[], { kind, shard, index, term }: RecordName): void {
  const last = runs[runs.length - 1];
  const isNext =
    last !== undefined &&
    last.kind === kind &&
    last.shard === shard &&
    last.term === term &&
    last.index + last.count === index;
  if (isNext) last.count += 1;
  else runs.push({ kind, shard, index, term, count: 1 });
}

function encodeRuns(runs: readonly Run[]): Uint8Array {
  const words = new Uint32Array(runs.length * RUN_WORDS);
  runs.forEach(({ kind, shard, index, term, count }, at) => {
    words.set([kind, shard, count, index, index / WORD, term, term / WORD], at * RUN_WORDS);
  });
  return new Uint8Array(words.buffer);
}

/** The size of the end record of a batch of these records. */
export function endBytes(names: readonly RecordName[]): number {
  const runs: Run[] = [];
  for (const name of names) extendRuns(runs, name);
  return recordBytes(runs.length * RUN_BYTES);
}

/** The directory's entry for each record of the batch, by ordinal; undefined if it is malformed. */
export function decodeRuns(payload: Uint8Array, count: number): RecordName[] | undefined {
  if (payload.length % RUN_BYTES !== 0) return undefined;
  const words = new Uint32Array(payload.slice().buffer);
  const names: RecordName[] = [];
  for (let at = 0; at < words.length; at += RUN_WORDS) {
    const word = (offset: number) => words[at + offset] as number;
    const index = word(3) + word(4) * WORD;
    if (names.length + word(2) > count) return undefined;
    for (let nth = 0; nth < word(2); nth++) {
      names.push({
        kind: word(0),
        shard: word(1) as ShardId,
        index: index + nth,
        term: word(5) + word(6) * WORD,
      });
    }
  }
  return names.length === count ? names : undefined;
}

/** The end record without its directory, and the padding of its alignment. */
export const END_BYTES = HEADER_BYTES + ALIGNMENT;
