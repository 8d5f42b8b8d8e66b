/**
 * The format of LevelDB's tables, read without LevelDB: the blocks of a file, and whether each is
 * what was written.
 *
 *     data block | ... | filter block | metaindex block | index block | footer (48 bytes)
 *     block      contents | type (1 byte) | CRC-32C of both, masked (4 bytes)
 *
 * The index has one entry for each data block: a key that is not before the block's last key and
 * before the next block's first, and the block's place.
 */

import { word32 } from '../files/byte-order.ts';
import { crc32c, unmaskedCrc } from './crc32c.ts';
import { LevelReader, word64 } from './level-varint.ts';

export const FOOTER_BYTES = 48;
/** Type and checksum, after the contents of each block. */
export const TRAILER_BYTES = 5;
const MAGIC_LOW = 0x8b80_fb57;
const MAGIC_HIGH = 0xdb47_7524;
/** Sequence and kind, after each key. */
const SUFFIX_BYTES = 8;
const PLAIN = 0;

export interface BlockPlace {
  readonly offset: number;
  /** The size of the contents, without the trailer. */
  readonly size: number;
}

/** A block and its range of keys: after `after`, up to `last`. */
export interface DataBlock extends BlockPlace {
  readonly after: Uint8Array | undefined;
  readonly last: Uint8Array;
}

/** One version of a key. */
export interface LevelEntry {
  readonly key: Uint8Array;
  readonly sequence: number;
  /** Undefined for a deletion. */
  readonly value: Uint8Array | undefined;
}

interface Footer {
  readonly metaindex: BlockPlace;
  readonly index: BlockPlace;
}

/** Undefined for bytes that are not a footer. */
export function readFooter(bytes: Uint8Array): Footer | undefined {
  if (bytes.length !== FOOTER_BYTES) return undefined;
  if (word32(bytes, 40) !== MAGIC_LOW || word32(bytes, 44) !== MAGIC_HIGH) return undefined;
  const reader = new LevelReader(bytes, 0, 40);
  const metaindex = readPlace(reader);
  const index = readPlace(reader);
  return reader.isBroken ? undefined : { metaindex, index };
}

/** Verifies a block and its trailer. */
export function isSoundBlock(bytes: Uint8Array, { offset, size }: BlockPlace): boolean {
  const end = offset + size + 1;
  if (end + 4 > bytes.length) return false;
  return crc32c(bytes, offset, end) === unmaskedCrc(word32(bytes, end));
}

/** The data blocks in a sound index; undefined for a malformed one. */
export function readIndex(contents: Uint8Array): readonly DataBlock[] | undefined {
  const blocks: DataBlock[] = [];
  let after: Uint8Array | undefined;
  const isWhole = walk(contents, (key, value) => {
    const reader = new LevelReader(value);
    const last = userKey(key);
    blocks.push({ ...readPlace(reader), after, last });
    after = last;
    return !reader.isBroken;
  });
  return isWhole ? blocks : undefined;
}

/** The blocks that a sound metaindex names: the filter. */
export function readMetaindex(contents: Uint8Array): readonly BlockPlace[] | undefined {
  const places: BlockPlace[] = [];
  const isWhole = walk(contents, (_, value) => {
    const reader = new LevelReader(value);
    places.push(readPlace(reader));
    return !reader.isBroken;
  });
  return isWhole ? places : undefined;
}

/**
 * The versions in a sound data block, with trailer; undefined for a malformed or compressed one.
 */
export function readEntries(block: Uint8Array): readonly LevelEntry[] | undefined {
  const size = block.length - TRAILER_BYTES;
  if (block[size] !== PLAIN) return undefined;
  const entries: LevelEntry[] = [];
  const isWhole = walk(block.subarray(0, size), (key, value) => {
    const entry = entryOf(key, value);
    if (entry !== undefined) entries.push(entry);
    return entry !== undefined;
  });
  return isWhole ? entries : undefined;
}

function entryOf(key: Uint8Array, value: Uint8Array): LevelEntry | undefined {
  if (key.length < SUFFIX_BYTES) return undefined;
  const at = key.length - SUFFIX_BYTES;
  const kind = key[at] as number;
  if (kind > 1) return undefined;
  const sequence = Math.floor(word64(key, at) / 256);
  return { key: userKey(key), sequence, value: kind === 1 ? value : undefined };
}

/** The user's key, without LevelDB's suffix. */
export function userKey(key: Uint8Array): Uint8Array {
  return key.subarray(0, Math.max(0, key.length - SUFFIX_BYTES));
}

function readPlace(reader: LevelReader): BlockPlace {
  return { offset: reader.number(), size: reader.number() };
}

type Visit = (key: Uint8Array, value: Uint8Array) => boolean;

/** Each key shares a prefix with the one before, except at restart points. */
function walk(contents: Uint8Array, visit: Visit): boolean {
  if (contents.length < 4) return false;
  const restarts = word32(contents, contents.length - 4);
  const end = contents.length - 4 - restarts * 4;
  if (end < 0) return false;
  const reader = new LevelReader(contents, 0, end);
  let before: Uint8Array = new Uint8Array(0);
  while (reader.left > 0) {
    const shared = reader.number();
    const own = reader.number();
    const length = reader.number();
    if (reader.isBroken || shared > before.length || own + length > reader.left) return false;
    const key = new Uint8Array(shared + own);
    key.set(before.subarray(0, shared));
    key.set(reader.take(own), shared);
    if (!visit(key, reader.take(length))) return false;
    before = key;
  }
  return true;
}
