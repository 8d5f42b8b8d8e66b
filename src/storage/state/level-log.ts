/**
 * The format of LevelDB's log and manifest, read without LevelDB and more strictly: LevelDB skips
 * damaged records and continues after them.
 *
 *     file    blocks of 32 KiB
 *     piece   CRC-32C of kind and data, masked (4) | length (2) | kind (1) | data
 *     record  one whole piece, or a first, some middle and a last one; no piece crosses a block
 *
 * A torn write leaves its record without an end, and no record begins after it, because the next
 * one is written only once it is durable. So damage before a piece that begins a record is damage
 * to confirmed data, and damage without such a piece is a torn end.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { word32 } from '../files/byte-order.ts';
import { crc32c, unmaskedCrc } from './crc32c.ts';
import type { ChecksummedSpan } from './level-table-check.ts';

const BLOCK_BYTES = 32 * 1024;
const HEADER_BYTES = 7;
const [WHOLE, FIRST, LAST] = [1, 2, 4] as const;

export interface LogProblem {
  readonly offset: number;
  readonly text: string;
  /** Confirmed records follow: no crash leaves that. */
  readonly isFollowed: boolean;
  /** The file ends in the middle of a piece or of a record, as a crash leaves it. */
  readonly isShort: boolean;
  /** The bytes with the wrong checksum, if that is the problem. */
  readonly sum?: ChecksummedSpan | undefined;
}

interface LevelLog {
  /** The records before the first problem, each as its pieces. */
  readonly records: readonly (readonly Uint8Array[])[];
  readonly problem: LogProblem | undefined;
}

interface Piece {
  readonly type: 'piece';
  readonly kind: number;
  readonly data: Uint8Array;
  /** The offset of the next piece. */
  readonly next: number;
}

interface NoPiece {
  readonly type: 'none';
  readonly text: string;
  readonly isShort: boolean;
  readonly sum: ChecksummedSpan | undefined;
  /** The end of the piece, if its length is right. */
  readonly next: number;
}

/** One slice of reading: 0.2 ms of checking. */
const SLICE_BYTES = 512 * 1024;

/** Reads in slices, so that a large log does not block the event loop. */
export async function readLevelLog(bytes: Uint8Array): Promise<LevelLog> {
  const reading = slicesOf(bytes);
  for (;;) {
    const slice = reading.next();
    if (slice.done === true) return slice.value;
    await nextTurn();
  }
}

function* slicesOf(bytes: Uint8Array): Generator<undefined, LevelLog> {
  const records: (readonly Uint8Array[])[] = [];
  let begun: Uint8Array[] | undefined;
  let begunAt = 0;
  let at = 0;
  let sliceEnd = SLICE_BYTES;
  for (;;) {
    if (at >= sliceEnd) {
      sliceEnd = at + SLICE_BYTES;
      yield undefined;
    }
    at = skipTrailer(at);
    if (at >= bytes.length) break;
    const piece = pieceAt(bytes, at);
    if (piece.type === 'none') {
      const { text, isShort, sum } = piece;
      const isFollowed = hasBeginningBehind(bytes, at, piece.next);
      return { records, problem: { offset: at, text, isFollowed, isShort, sum } };
    }
    const text = orderProblem(piece.kind, begun !== undefined);
    if (text !== undefined) {
      return { records, problem: { offset: at, text, isFollowed: true, isShort: false } };
    }
    if (piece.kind === WHOLE || piece.kind === FIRST) {
      begun = [];
      begunAt = at;
    }
    begun?.push(piece.data);
    if (piece.kind === WHOLE || piece.kind === LAST) {
      records.push(begun ?? []);
      begun = undefined;
    }
    at = piece.next;
  }
  if (begun === undefined) return { records, problem: undefined };
  const text = 'a record without its end';
  const problem = { offset: begunAt, text, isFollowed: false, isShort: true };
  return { records, problem };
}

/** The rest of a block is too small for a header, or begins the next block. */
function skipTrailer(at: number): number {
  const left = BLOCK_BYTES - (at % BLOCK_BYTES);
  return left < HEADER_BYTES ? at + left : at;
}

function orderProblem(kind: number, isBegun: boolean): string | undefined {
  const begins = kind === WHOLE || kind === FIRST;
  if (begins !== isBegun) return undefined;
  return begins ? 'a record without its end' : 'a record without its beginning';
}

function pieceAt(bytes: Uint8Array, at: number): Piece | NoPiece {
  const blockEnd = Math.min(bytes.length, at - (at % BLOCK_BYTES) + BLOCK_BYTES);
  const short = (text: string): NoPiece => {
    const isShort = blockEnd === bytes.length;
    return { type: 'none', text, next: blockEnd, isShort, sum: undefined };
  };
  const wrong = (text: string, next: number): NoPiece => {
    const sum = { from: at + 6, to: next, sumAt: at };
    return { type: 'none', text, next, isShort: false, sum };
  };
  if (at + HEADER_BYTES > blockEnd) return short('a truncated header');
  const length = (bytes[at + 4] as number) | ((bytes[at + 5] as number) << 8);
  const kind = bytes[at + 6] as number;
  const next = at + HEADER_BYTES + length;
  if (next > blockEnd) return short('a truncated record');
  if (crc32c(bytes, at + 6, next) !== unmaskedCrc(word32(bytes, at))) {
    return wrong('a record with a wrong checksum', next);
  }
  if (kind < WHOLE || kind > LAST) return wrong('a record of an unknown kind', next);
  return { type: 'piece', kind, data: bytes.subarray(at + HEADER_BYTES, next), next };
}

/** Checks for a beginning after the bad piece, and at the start of each later block. */
function hasBeginningBehind(bytes: Uint8Array, at: number, next: number): boolean {
  const isBlank = bytes.subarray(at).every((byte) => byte === 0);
  if (isBlank) return false;
  let place = skipTrailer(next);
  while (place < bytes.length) {
    const piece = pieceAt(bytes, place);
    const begins = piece.type === 'piece' && (piece.kind === WHOLE || piece.kind === FIRST);
    if (begins) return true;
    const blockEnd = place - (place % BLOCK_BYTES) + BLOCK_BYTES;
    place = piece.type === 'piece' ? skipTrailer(piece.next) : blockEnd;
  }
  return false;
}

export function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const [only] = pieces;
  if (only !== undefined && pieces.length === 1) return only;
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
