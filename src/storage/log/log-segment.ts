/** The header of a segment: its identity, and how it continues the segment before. */

import { crc32 } from 'node:zlib';
import { SEGMENT_SALT_BYTES, type SegmentLife } from '../sealing/record-seal.ts';

/** One page for each copy, so that an unreadable page costs one of them. */
const COPY_OFFSETS = [0, 4096] as const;
/** Both copies of the header and the gap between them; the first record follows. */
export const PREAMBLE_BYTES = 4096 + 512;

const MAGIC = 0x676f_6c6b;
/** By format: an older version refuses a sealed segment. */
const PLAIN = { format: 1, words: 16 } as const;
const SEALED = { format: 2, words: 24 } as const;
const SALT_WORDS = SEGMENT_SALT_BYTES / 4;

export interface SegmentHeader {
  readonly epoch: number;
  /** Random; seeds the CRC of every record. */
  readonly salt: number;
  readonly size: number;
  /** CRC of the cluster and the node that own it. */
  readonly owner: number;
  /** The number of the boot that wrote it. */
  readonly incarnation: number;
  /** The epoch of the segment before; 0 for the first. */
  readonly before: number;
  /** The last counted batch of that segment; later ones were torn, or are rewritten here. */
  readonly follows: number;
  /** The end offset of that batch. */
  readonly followsEnd: number;
  /** The first segment of an incarnation: only its checkpoint may contain new information. */
  readonly isBoot: boolean;
  /** Absent in a plain segment. */
  readonly life?: SegmentLife | undefined;
}

/** In stored order, after CRC, magic and format; `isBoot` follows. */
const FIELDS = [
  'epoch',
  'salt',
  'size',
  'owner',
  'incarnation',
  'before',
  'follows',
  'followsEnd',
] as const;
const FIELDS_AT = 3;

export function segmentName(epoch: number): string {
  return `${epoch.toString(16).padStart(8, '0')}.log`;
}

/** The epoch in a file name; undefined if it is not a segment's. */
export function epochOf(name: string): number | undefined {
  const match = name.match(/^([0-9a-f]{8})\.log$/);
  return match?.[1] === undefined ? undefined : Number.parseInt(match[1], 16);
}

export function encodePreamble(header: SegmentHeader): Uint8Array {
  const words = new Uint32Array(PREAMBLE_BYTES / 4);
  const { life, isBoot } = header;
  const { format, words: count } = life === undefined ? PLAIN : SEALED;
  const fields = [...FIELDS.map((field) => header[field]), isBoot ? 1 : 0];
  const sealed = life === undefined ? [] : [life.key, ...new Uint32Array(life.salt.slice().buffer)];
  for (const offset of COPY_OFFSETS) {
    const at = offset / 4;
    words.set([0, MAGIC, format, ...fields, ...sealed], at);
    const bytes = new Uint8Array(words.buffer, offset + 4, (count - 1) * 4);
    words[at] = crc32(bytes, offset);
  }
  return new Uint8Array(words.buffer);
}

/** The content of either copy; undefined if both are damaged. */
export function decodePreamble(
  bytes: Uint8Array,
): { readonly header: SegmentHeader; readonly isDamaged: boolean } | undefined {
  const copies = COPY_OFFSETS.map((offset) => decodeCopy(bytes, offset));
  const header = copies.find((copy) => copy !== undefined);
  if (header === undefined) return undefined;
  return { header, isDamaged: copies.some((copy) => copy === undefined) };
}

function decodeCopy(bytes: Uint8Array, offset: number): SegmentHeader | undefined {
  const copy = bytes.slice(offset, offset + SEALED.words * 4);
  if (copy.length < SEALED.words * 4) return undefined;
  const words = new Uint32Array(copy.buffer);
  const shape = words[2] === SEALED.format ? SEALED : PLAIN;
  if (words[0] !== crc32(copy.subarray(4, shape.words * 4), offset)) return undefined;
  if (words[1] !== MAGIC || words[2] !== shape.format) return undefined;
  const fields = FIELDS.map((field, at) => [field, words[FIELDS_AT + at]]);
  const numbers = Object.fromEntries(fields) as Record<(typeof FIELDS)[number], number>;
  const at = FIELDS_AT + FIELDS.length;
  const header = { ...numbers, isBoot: words[at] === 1 };
  if (shape === PLAIN) return header;
  const salt = new Uint8Array(words.slice(at + 2, at + 2 + SALT_WORDS).buffer);
  return { ...header, life: { key: words[at + 1] as number, salt } };
}

/** The value that the first record of a segment has as the CRC of its predecessor. */
export function firstPrevious(header: SegmentHeader): number {
  return (header.salt ^ header.epoch) >>> 0;
}
