/** One record of the log: a header of 48 bytes, the payload, and padding to 8 bytes. */

import { crc32 } from 'node:zlib';
import { assert } from '../../base/assert.ts';
import type { ShardId } from '../../base/ids.ts';

export const HEADER_BYTES = 48;
/** Records begin at multiples of this. */
export const ALIGNMENT = 8;

/** A number is never reused for another kind. */
export const KIND = {
  end: 1,
  shard: 2,
  tombstone: 3,
  hardState: 4,
  command: 5,
  empty: 6,
  configuration: 7,
  forget: 8,
  restart: 9,
  /** The replica is removed; a tombstone remains. */
  remove: 10,
  /** Belongs to a node, not to a shard: its incarnation that this node has confirmed. */
  life: 11,
  /** Beside a tombstone: its member once more, in the name, which the directory repeats. */
  tombstoneMember: 12,
  /** An entry that replaces the one at an existing index, and truncates nothing. */
  repairedCommand: 21,
  repairedEmpty: 22,
  repairedConfiguration: 23,
} as const;

const KINDS: ReadonlySet<number> = new Set(Object.values(KIND));
const REPAIR = KIND.repairedCommand - KIND.command;

export function isRepair(kind: number): boolean {
  return kind >= KIND.repairedCommand;
}

export function isEntry(kind: number): boolean {
  return (kind >= KIND.command && kind <= KIND.configuration) || isRepair(kind);
}

/** The kind of the entry itself, repaired or not. */
export function plainKind(kind: number): number {
  return isRepair(kind) ? kind - REPAIR : kind;
}

export function repairKind(kind: number): number {
  return isRepair(kind) ? kind : kind + REPAIR;
}

/** The shard and the subject of a record; the kind determines what index and term mean. */
export interface RecordName {
  readonly kind: number;
  readonly shard: ShardId;
  readonly index: number;
  readonly term: number;
}

/** The place that a record's CRC includes: at any other place it does not match. */
export interface RecordPlace {
  readonly salt: number;
  readonly epoch: number;
  readonly offset: number;
}

interface RecordLink {
  readonly batch: number;
  readonly ordinal: number;
  readonly previous: number;
}

export interface RecordHeader extends RecordName, RecordLink {
  readonly offset: number;
  readonly crc: number;
  readonly payloadCrc: number;
  readonly length: number;
}

const WORD = 0x1_0000_0000;
const ORDINAL_MAX = 0xff_ffff;

assert(
  new Uint8Array(new Uint32Array([1]).buffer)[0] === 1,
  'header words are stored in the byte order of this machine, little-endian',
);

export function recordBytes(payloadLength: number): number {
  return Math.ceil((HEADER_BYTES + payloadLength) / ALIGNMENT) * ALIGNMENT;
}

/** A buffer of records, accessible as bytes and as words. */
export interface RecordBuffer {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
}

export function recordBufferOf(bytes: Uint8Array): RecordBuffer {
  const isAligned = bytes.byteOffset % 4 === 0;
  const own = isAligned ? bytes : bytes.slice();
  return {
    bytes: own,
    words: new Uint32Array(own.buffer, own.byteOffset, Math.floor(own.length / 4)),
  };
}

/** Writes a record at `at` of the buffer. Returns its CRC. */
export function writeRecord(
  buffer: RecordBuffer,
  at: number,
  record: RecordName & RecordLink & { readonly payload: Uint8Array; readonly place: RecordPlace },
): number {
  const { kind, shard, index, term, batch, ordinal, previous, payload, place } = record;
  assert(ordinal <= ORDINAL_MAX && shard < WORD, 'the numbers fit the fields of a header');
  const { bytes, words } = buffer;
  const word = at / 4;
  words[word + 1] = payload.length === 0 ? 0 : crc32(payload);
  words[word + 2] = previous;
  words[word + 3] = payload.length;
  words[word + 4] = place.epoch;
  words[word + 5] = batch;
  words[word + 6] = shard;
  words[word + 7] = kind | (ordinal << 8);
  words[word + 8] = index;
  words[word + 9] = index / WORD;
  words[word + 10] = term;
  words[word + 11] = term / WORD;
  bytes.set(payload, at + HEADER_BYTES);
  const used = HEADER_BYTES + payload.length;
  const length = recordBytes(payload.length);
  if (used < length) bytes.fill(0, at + used, at + length);
  const crc = headerCrc(bytes, at, place);
  words[word] = crc;
  return crc;
}

/** The header of the record at `at`, if there is a record of this place. */
export function readHeader(
  buffer: RecordBuffer,
  at: number,
  place: RecordPlace,
): RecordHeader | undefined {
  const { bytes, words } = buffer;
  const word = at / 4;
  if (words[word + 4] !== place.epoch || at + HEADER_BYTES > bytes.length) return undefined;
  const length = words[word + 3] as number;
  if (at + HEADER_BYTES + length > bytes.length) return undefined;
  const crc = words[word] as number;
  if (headerCrc(bytes, at, place) !== crc) return undefined;
  const tag = words[word + 7] as number;
  if (!KINDS.has(tag & 0xff)) return undefined;
  return {
    offset: place.offset,
    crc,
    payloadCrc: words[word + 1] as number,
    previous: words[word + 2] as number,
    length,
    batch: words[word + 5] as number,
    shard: words[word + 6] as ShardId,
    kind: tag & 0xff,
    ordinal: tag >>> 8,
    index: (words[word + 8] as number) + (words[word + 9] as number) * WORD,
    term: (words[word + 10] as number) + (words[word + 11] as number) * WORD,
  };
}

/** The payload after a header, as a view; undefined if it is damaged. */
export function readPayload(
  buffer: RecordBuffer,
  at: number,
  { length, payloadCrc }: RecordHeader,
): Uint8Array | undefined {
  const from = at + HEADER_BYTES;
  const payload = buffer.bytes.subarray(from, from + length);
  if (length === 0) return payloadCrc === 0 ? payload : undefined;
  return crc32(payload) === payloadCrc ? payload : undefined;
}

function headerCrc(bytes: Uint8Array, at: number, { salt, offset }: RecordPlace): number {
  const seed = (salt + offset / ALIGNMENT) >>> 0;
  return crc32(bytes.subarray(at + 4, at + HEADER_BYTES), seed);
}
