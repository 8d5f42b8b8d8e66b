/** The first pages of a segment: which one it is, and how it follows the one before. */

import { crc32 } from 'node:zlib';

/** A page for each copy: a page that cannot be read costs one of them. */
const COPY_OFFSETS = [0, 4096] as const;
/** Both copies of the header and the room between them; the first record begins here. */
export const PREAMBLE_BYTES = 4096 + 512;

const MAGIC = 0x676f_6c6b;
const FORMAT = 1;
const WORDS = 16;

export interface SegmentHeader {
  readonly epoch: number;
  /** Drawn at random: seeds the CRC of every record. */
  readonly salt: number;
  readonly size: number;
  /** CRC of the cluster and node it belongs to. */
  readonly owner: number;
  /** The number of the boot that wrote it. */
  readonly incarnation: number;
  /** The segment before this one; 0 if this is the first. */
  readonly before: number;
  /** The last batch there that counts; what is behind was torn, or was written again here. */
  readonly follows: number;
  /** Where that batch ends. */
  readonly followsEnd: number;
  /** It begins a life: its checkpoint may say what no record before it says. */
  readonly isBoot: boolean;
}

/** In the order in which they are stored, behind CRC, magic and format; `isBoot` follows. */
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

/** The epoch that a name stands for; undefined if it is not a segment's. */
export function epochOf(name: string): number | undefined {
  const match = name.match(/^([0-9a-f]{8})\.log$/);
  return match?.[1] === undefined ? undefined : Number.parseInt(match[1], 16);
}

export function encodePreamble(header: SegmentHeader): Uint8Array {
  const words = new Uint32Array(PREAMBLE_BYTES / 4);
  const fields = [...FIELDS.map((field) => header[field]), header.isBoot ? 1 : 0];
  for (const offset of COPY_OFFSETS) {
    const at = offset / 4;
    words.set([0, MAGIC, FORMAT, ...fields], at);
    const bytes = new Uint8Array(words.buffer, offset + 4, (WORDS - 1) * 4);
    words[at] = crc32(bytes, offset);
  }
  return new Uint8Array(words.buffer);
}

/** What either copy says; undefined if neither can be believed. */
export function decodePreamble(
  bytes: Uint8Array,
): { readonly header: SegmentHeader; readonly isDamaged: boolean } | undefined {
  const copies = COPY_OFFSETS.map((offset) => decodeCopy(bytes, offset));
  const header = copies.find((copy) => copy !== undefined);
  if (header === undefined) return undefined;
  return { header, isDamaged: copies.some((copy) => copy === undefined) };
}

function decodeCopy(bytes: Uint8Array, offset: number): SegmentHeader | undefined {
  if (bytes.length < offset + WORDS * 4) return undefined;
  const copy = bytes.slice(offset, offset + WORDS * 4);
  const words = new Uint32Array(copy.buffer);
  if (words[0] !== crc32(copy.subarray(4), offset)) return undefined;
  if (words[1] !== MAGIC || words[2] !== FORMAT) return undefined;
  const fields = FIELDS.map((field, at) => [field, words[FIELDS_AT + at]]);
  const numbers = Object.fromEntries(fields) as Record<(typeof FIELDS)[number], number>;
  return { ...numbers, isBoot: words[FIELDS_AT + FIELDS.length] === 1 };
}

/** The CRC that the first record of a segment follows. */
export function firstPrevious(header: SegmentHeader): number {
  return (header.salt ^ header.epoch) >>> 0;
}
