/**
 * The framing of a lane beside whole frames: fragments of large frames, marks, and mark answers.
 *
 * Their first byte is one that MessagePack never uses, so no frame begins with it. A fragment names
 * its stream; fragments of one stream are in order, those of different streams interleave.
 */

import { WIRE_LIMITS } from '../base/limits.ts';

const FIRST = 0xc1;
const KIND = { more: 0, last: 1, mark: 2, answer: 3 } as const;
/** The first byte, the kind, and a 32-bit number. */
export const PIECE_HEADER_BYTES = 6;

type Part =
  | { readonly type: 'frame'; readonly bytes: Uint8Array }
  /** A fragment that is not the last one of its frame. */
  | { readonly type: 'piece' }
  | { readonly type: 'mark' | 'answer'; readonly number: number }
  | { readonly type: 'malformed' };

/** Whether the bytes are a frame and not a fragment or mark. */
export function isPlain(frame: Uint8Array): boolean {
  return frame[0] !== FIRST;
}

export function encodePiece(
  stream: number,
  data: Uint8Array,
  { isLast }: { readonly isLast: boolean },
): Uint8Array {
  const bytes = new Uint8Array(PIECE_HEADER_BYTES + data.length);
  writeHeader(bytes, isLast ? KIND.last : KIND.more, stream);
  bytes.set(data, PIECE_HEADER_BYTES);
  return bytes;
}

export function encodeMark(type: 'mark' | 'answer', number: number): Uint8Array {
  const bytes = new Uint8Array(PIECE_HEADER_BYTES);
  writeHeader(bytes, KIND[type], number);
  return bytes;
}

interface Unfinished {
  readonly pieces: Uint8Array[];
  bytes: number;
}

/** Reassembles frames. */
export class PieceReader {
  readonly #bytesMax: number;
  readonly #unfinished = new Map<number, Unfinished>();
  #bytes = 0;

  /** Bound on the bytes of incomplete frames. */
  constructor({ bytesMax }: { readonly bytesMax: number }) {
    this.#bytesMax = bytesMax;
  }

  take(bytes: Uint8Array): Part {
    if (isPlain(bytes)) return { type: 'frame', bytes };
    if (bytes.length < PIECE_HEADER_BYTES) return MALFORMED;
    const [, kind] = bytes;
    const number = new DataView(bytes.buffer, bytes.byteOffset).getUint32(2);
    const data = bytes.subarray(PIECE_HEADER_BYTES);
    if (kind === KIND.more || kind === KIND.last) {
      return this.#takePiece(number, data, kind === KIND.last);
    }
    if (data.length > 0) return MALFORMED;
    if (kind === KIND.mark) return { type: 'mark', number };
    return kind === KIND.answer ? { type: 'answer', number } : MALFORMED;
  }

  #takePiece(stream: number, data: Uint8Array, isLast: boolean): Part {
    const { pieces, bytes } = this.#unfinished.get(stream) ?? { pieces: [], bytes: 0 };
    const length = bytes + data.length;
    if (data.length === 0 || length > WIRE_LIMITS.frameBytesMax) return MALFORMED;
    pieces.push(data);
    if (!isLast) {
      this.#bytes += data.length;
      this.#unfinished.set(stream, { pieces, bytes: length });
      return this.#bytes > this.#bytesMax ? MALFORMED : { type: 'piece' };
    }
    this.#bytes -= bytes;
    this.#unfinished.delete(stream);
    return { type: 'frame', bytes: joined(pieces, length) };
  }
}

const MALFORMED: Part = { type: 'malformed' };

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const frame = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    frame.set(piece, at);
    at += piece.length;
  }
  return frame;
}

function writeHeader(bytes: Uint8Array, kind: number, number: number): void {
  bytes[0] = FIRST;
  bytes[1] = kind;
  new DataView(bytes.buffer).setUint32(2, number);
}
