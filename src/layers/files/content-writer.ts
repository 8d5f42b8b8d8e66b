/**
 * Writes one content: chunks and their hashes, in batches, until it can be linked.
 *
 *     writer record and lease key    one command, with the first batch
 *     hashes of a batch              appended to a piece, if the writer record still exists
 *     chunks and references          behind the hashes, so that a collection finds all of them
 *
 * Until it is linked no name has it. Two batches are in memory: one that is being filled and one
 * that is being sent.
 */

import { createHash, randomBytes } from 'node:crypto';
import { isKvError, KvError } from '../../index.ts';
import { type ChunkStore, hashOf, type WantedChunk } from './chunk-store.ts';
import { FILES_LIMITS } from './limits.ts';
import { type FilePath, failureOf } from './paths.ts';
import { type FileRecords, pieceKey, type StoredContent, tagOf } from './records.ts';
import type { WriterLease } from './writer-lease.ts';

interface ContentWriterOptions {
  readonly records: FileRecords;
  readonly chunks: ChunkStore;
  readonly lease: WriterLease;
  readonly chunkBytes: number;
  readonly path: FilePath;
}

export class ContentWriter {
  readonly #options: ContentWriterOptions;
  readonly #id = randomBytes(12).toString('hex');
  /** The chunk that is being filled. */
  #chunk = new Uint8Array(0);
  #filled = 0;
  #size = 0;
  #batch: WantedChunk[] = [];
  #batchBytes = 0;
  /** Chunks whose hashes are in pieces. */
  #listed = 0;
  /** Of the writer record; undefined before the first batch. */
  #version: number | undefined;
  /** The record was asked for, so it may exist although no version is known. */
  #hasBegun = false;
  #sending: Promise<void> = Promise.resolve();

  constructor(options: ContentWriterOptions) {
    this.#options = options;
  }

  async write(bytes: Uint8Array): Promise<void> {
    const { chunkBytes } = this.#options;
    for (let at = 0; at < bytes.length; ) {
      if (this.#filled === 0) this.#chunk = Buffer.allocUnsafe(chunkBytes);
      const part = bytes.subarray(at, at + chunkBytes - this.#filled);
      this.#chunk.set(part, this.#filled);
      at += part.length;
      this.#size += part.length;
      this.#filled += part.length;
      if (this.#filled < chunkBytes) continue;
      this.#take(this.#chunk);
      if (this.#isBatchFull) await this.#flush();
    }
  }

  /** Whether a file may be so large. */
  checkSize(size: number): void {
    const most = FILES_LIMITS.chunksMax * this.#options.chunkBytes;
    if (size <= most) return;
    const what = `the file would be ${size} bytes; the limit is ${most} with chunks of its size`;
    throw failureOf('EFBIG', this.#options.path, what);
  }

  /** Whole chunks of another content become chunks of this one. Required: no chunk is begun. */
  async adopt(hashes: readonly string[]): Promise<void> {
    for (const hash of hashes) {
      this.#batch.push({ hash, bytes: undefined });
      this.#size += this.#options.chunkBytes;
      if (this.#isBatchFull) await this.#flush();
    }
  }

  /** The content, which has to be linked next. A small one was not sent at all. */
  async finish(): Promise<StoredContent> {
    const isSmall = this.#listed === 0 && this.#batch.length === 0;
    if (isSmall && this.#size <= FILES_LIMITS.inlineBytesMax) {
      return inlineOf(this.#chunk.subarray(0, this.#filled));
    }
    if (this.#filled > 0) this.#take(this.#chunk.subarray(0, this.#filled));
    if (this.#batch.length > 0) await this.#flush();
    await this.#sending;
    const { chunkBytes } = this.#options;
    return { type: 'chunked', id: this.#id, size: this.#size, chunkBytes };
  }

  /** Never rejects. Without effect once the content is linked: its writer record is gone then. */
  async abandon(): Promise<void> {
    this.#batch = [];
    await this.#sending.catch(() => {});
    if (!this.#hasBegun) return;
    const { records, lease } = this.#options;
    // The next collection of this opener tries again, also if the first batch may still arrive.
    if (this.#version === undefined) lease.remember(this.#id);
    await abandonContent(records, this.#id).catch(() => lease.remember(this.#id));
  }

  get #isBatchFull(): boolean {
    const { batchBytes, batchChunks } = FILES_LIMITS;
    return this.#batchBytes >= batchBytes || this.#batch.length >= batchChunks;
  }

  #take(bytes: Uint8Array): void {
    this.#batch.push({ hash: hashOf(bytes), bytes });
    this.#batchBytes += bytes.length;
    this.#filled = 0;
  }

  async #flush(): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    this.#batchBytes = 0;
    this.checkSize(this.#size);
    await this.#list(batch);
    await this.#sending;
    this.#sending = this.#send(batch);
    // Its failure is met by the next batch, or at the end.
    this.#sending.catch(() => {});
  }

  /** Appends the hashes of a batch to the pieces, and makes the writer record with the first. */
  async #list(batch: readonly WantedChunk[]): Promise<void> {
    const { writers, leases, pieces } = this.#options.records;
    const key = tagOf(this.#id);
    const isFirst = this.#version === undefined;
    const command = writers.atomic().check(key, this.#version ?? 0);
    if (isFirst) {
      const lease = await this.#options.lease.get();
      this.#hasBegun = true;
      command.set(key, true).in(leases).set(key, true, { lease });
    }
    for (let at = 0; at < batch.length; ) {
      const room = FILES_LIMITS.pieceChunks - (this.#listed % FILES_LIMITS.pieceChunks);
      const part = batch.slice(at, at + room);
      const number = Math.floor(this.#listed / FILES_LIMITS.pieceChunks);
      command.in(pieces).append(pieceKey(this.#id, number), packed(part));
      this.#listed += part.length;
      at += part.length;
    }
    const result = await command.commit();
    if (!result.ok) throw this.#ended();
    if (isFirst) this.#version = result.in(writers).versionOf(key);
  }

  async #send(batch: readonly WantedChunk[]): Promise<void> {
    if (await this.#options.chunks.reference(this.#id, batch)) return;
    throw failureOf('ESTALE', this.#options.path, 'the file was replaced while it was changed');
  }

  #ended() {
    return failureOf('ESTALE', this.#options.path, 'the lease of the writer has ended');
  }
}

export function inlineOf(bytes: Uint8Array): StoredContent {
  const own = Uint8Array.from(bytes);
  return { type: 'inline', bytes: own, hash: createHash('sha256').update(own).digest() };
}

/** Marks a content that was never linked as dead. Conflicts with its link: one of them happens. */
export async function abandonContent(records: FileRecords, id: string): Promise<void> {
  const { writers, leases, dead, holds } = records;
  const key = tagOf(id);
  await writers.transaction(async (tx) => {
    if ((await tx.get(key)) === undefined) return;
    tx.delete(key).in(leases).delete(key);
    tx.in(dead).set(key, { reason: 'abandoned' });
    tx.in(holds).set(key, true, { ttl: FILES_LIMITS.lateMilliseconds });
  });
}

/** Whatever became of a part of a content, the file is as it was. */
export function notLinked(error: unknown, { text, call }: FilePath): unknown {
  if (!isKvError(error) || error.outcome === 'notApplied') return error;
  const { code, attempts } = error;
  const message = `${call} '${text}' failed before the file was changed: ${error.message}`;
  return new KvError({ code, outcome: 'notApplied', message, attempts, cause: error });
}

function packed(chunks: readonly WantedChunk[]): Uint8Array {
  return Buffer.concat(chunks.map(({ hash }) => Buffer.from(hash, 'hex')));
}
