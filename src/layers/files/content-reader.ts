/**
 * Reads one content: it never changes, so a reader sees one version of a file however often the
 * file is replaced meanwhile. Each chunk is verified before a byte of it is returned.
 */

import { createHash } from 'node:crypto';
import { type ChunkStore, hashOf } from './chunk-store.ts';
import { FilesError } from './files-error.ts';
import { FILES_LIMITS } from './limits.ts';
import { type FilePath, failureOf } from './paths.ts';
import {
  type ChunkedContent,
  type FileRecords,
  pieceKey,
  type StoredContent,
  sizeOf,
  tagOf,
} from './records.ts';

/** Bytes of a content; the end is not included. */
export interface ContentRange {
  readonly start: number;
  readonly end: number;
}

interface ContentReaderOptions {
  readonly records: FileRecords;
  readonly chunks: ChunkStore;
  readonly path: FilePath;
}

const HASH_BYTES = 32;

/** The bytes of a range, in parts that belong to the caller. */
export async function* readContent(
  content: StoredContent,
  range: ContentRange,
  options: ContentReaderOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const start = Math.max(0, range.start);
  const end = Math.min(range.end, sizeOf(content));
  if (start >= end) return;
  if (content.type === 'inline') {
    const hash = createHash('sha256').update(content.bytes).digest();
    if (hash.equals(content.hash)) yield content.bytes.slice(start, end);
    else throw failureOf('EIO', options.path, 'the bytes in the record of the file are damaged');
    return;
  }
  const { chunkBytes } = content;
  const [first, last] = [Math.floor(start / chunkBytes), Math.floor((end - 1) / chunkBytes)];
  const hashes = new HashList(content, options);
  const ahead = Math.min(
    FILES_LIMITS.aheadChunks,
    Math.max(1, Math.floor(FILES_LIMITS.aheadBytes / chunkBytes)),
  );
  const asked: Promise<Uint8Array>[] = [];
  for (let next = first, at = first; at <= last; at++) {
    for (; next <= last && asked.length < ahead; next++) {
      const chunk = readChunk(content, next, hashes, options);
      // Its failure is met when it is its turn, if the loop gets there.
      chunk.catch(() => {});
      asked.push(chunk);
    }
    const bytes = (await asked.shift()) ?? new Uint8Array(0);
    const offset = at * chunkBytes;
    yield bytes.subarray(Math.max(0, start - offset), Math.min(bytes.length, end - offset));
  }
}

/** The hashes of the first chunks of a content, in pieces: for those that reference them too. */
export async function* readHashes(
  content: ChunkedContent,
  count: number,
  options: ContentReaderOptions,
): AsyncGenerator<readonly string[], void, undefined> {
  const hashes = new HashList(content, options);
  for (let at = 0; at < count; at += FILES_LIMITS.pieceChunks) {
    const to = Math.min(count, at + FILES_LIMITS.pieceChunks);
    const indexes = Array.from({ length: to - at }, (_, index) => at + index);
    yield await Promise.all(indexes.map((index) => hashes.at(index)));
  }
}

/** The hashes in a piece of a manifest. */
export function hashesIn(piece: Uint8Array): readonly string[] {
  const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
  return Array.from({ length: bytes.length / HASH_BYTES }, (_, at) =>
    bytes.toString('hex', at * HASH_BYTES, (at + 1) * HASH_BYTES),
  );
}

/** Reads the piece with the hash that is wanted; the last ones stay in memory. */
class HashList {
  readonly #content: ChunkedContent;
  readonly #options: ContentReaderOptions;
  readonly #pieces = new Map<number, Promise<readonly string[]>>();

  constructor(content: ChunkedContent, options: ContentReaderOptions) {
    this.#content = content;
    this.#options = options;
  }

  async at(index: number): Promise<string> {
    const number = Math.floor(index / FILES_LIMITS.pieceChunks);
    const piece = this.#pieces.get(number) ?? this.#read(number);
    this.#pieces.set(number, piece);
    // Readers go forward.
    this.#pieces.delete(number - 2);
    const hash = (await piece)[index % FILES_LIMITS.pieceChunks];
    return hash ?? (await absent(this.#content, index, this.#options));
  }

  async #read(number: number): Promise<readonly string[]> {
    const piece = await this.#options.records.pieces.get(pieceKey(this.#content.id, number));
    return piece === undefined ? [] : hashesIn(piece.value);
  }
}

async function readChunk(
  content: ChunkedContent,
  index: number,
  hashes: HashList,
  options: ContentReaderOptions,
): Promise<Uint8Array> {
  const hash = await hashes.at(index);
  const bytes = await storedChunk(hash, content, index, options);
  const length = Math.min(content.chunkBytes, content.size - index * content.chunkBytes);
  if (hashOf(bytes) === hash && bytes.length === length) return bytes;
  throw failureOf('EIO', options.path, `${placeOf(content, index)} does not have its hash ${hash}`);
}

async function storedChunk(
  hash: string,
  content: ChunkedContent,
  index: number,
  options: ContentReaderOptions,
): Promise<Uint8Array> {
  let bytes: Uint8Array | undefined;
  try {
    bytes = await options.chunks.get(hash);
  } catch (cause) {
    const { code } = cause as { readonly code?: unknown };
    if (code !== 'value-lost' && code !== 'damaged-value') throw cause;
    const { text: path, call } = options.path;
    const what = `${placeOf(content, index)} is lost`;
    throw new FilesError({ code: 'EIO', path, call, what, cause });
  }
  return bytes ?? (await absent(content, index, options));
}

/** A chunk, or its hash, is absent: because the content was collected, or it is damaged. */
async function absent(
  content: ChunkedContent,
  index: number,
  { records, path }: ContentReaderOptions,
): Promise<never> {
  const isLinked = (await records.contents.get(tagOf(content.id))) !== undefined;
  if (isLinked) throw failureOf('EIO', path, `${placeOf(content, index)} is missing`);
  throw failureOf('ESTALE', path, 'the file was replaced or removed while it was read');
}

function placeOf({ chunkBytes }: ChunkedContent, index: number): string {
  return `chunk ${index} at offset ${index * chunkBytes}`;
}
