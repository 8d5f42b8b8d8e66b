/**
 * Chunks by their SHA-256: written once, referenced by each content that has them, and deleted with
 * the last reference. A chunk and its references are in one shard, so each step is one command, and
 * may be repeated.
 */

import { createHash } from 'node:crypto';
import type { Entry } from '../../index.ts';
import { below, type FileRecords, referenceKey, tagOf } from './records.ts';

/** A chunk that a content is to have. Without its bytes it has to exist already. */
export interface WantedChunk {
  readonly hash: string;
  readonly bytes: Uint8Array | undefined;
}

/** What became of a chunk whose reference was taken away. */
interface DroppedChunk {
  readonly isDeleted: boolean;
  readonly bytes: number;
}

export function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export class ChunkStore {
  readonly #records: FileRecords;

  constructor(records: FileRecords) {
    this.#records = records;
  }

  /** Gives a content its references. False if a chunk without bytes does not exist any more. */
  async reference(content: string, wanted: readonly WantedChunk[]): Promise<boolean> {
    const chunks = [...new Map(wanted.map((chunk) => [chunk.hash, chunk])).values()];
    const sizes = await this.#records.sizes.getMany(chunks.map(({ hash }) => tagOf(hash)));
    const results = await Promise.all(
      chunks.map((chunk, at) => this.#referenceOne(content, chunk, sizes[at])),
    );
    return results.every(Boolean);
  }

  async #referenceOne(
    content: string,
    { hash, bytes }: WantedChunk,
    known: Entry<number> | undefined,
  ): Promise<boolean> {
    const { chunks, sizes, references } = this.#records;
    const key = referenceKey(hash, content);
    if (known !== undefined) {
      // The check fails if the chunk was collected since it was seen.
      const command = sizes.atomic().check(known).in(references).set(key, true);
      if ((await command.commit()).ok) return true;
    }
    if (bytes === undefined) return false;
    const command = chunks
      .atomic()
      .set(tagOf(hash), bytes)
      .in(sizes)
      .set(tagOf(hash), bytes.length);
    return (await command.in(references).set(key, true).commit()).ok;
  }

  /** The bytes as they are stored, not yet verified; undefined if there is no such chunk. */
  async get(hash: string): Promise<Uint8Array | undefined> {
    return (await this.#records.chunks.get(tagOf(hash)))?.value;
  }

  /** Takes the reference of a content away, and deletes the chunk if that was the last one. */
  async drop(content: string, hash: string): Promise<DroppedChunk> {
    const { chunks, sizes, references } = this.#records;
    return references.transaction(async (tx) => {
      tx.delete(referenceKey(hash, content));
      const inSizes = tx.in(sizes);
      const size = await inSizes.get(tagOf(hash));
      // The range that was scanned is validated: no reference can be added meanwhile.
      for await (const _ of tx.scan({ prefix: below(hash), limit: 1 })) {
        return { isDeleted: false, bytes: 0 };
      }
      if (size === undefined) return { isDeleted: false, bytes: 0 };
      inSizes.delete(tagOf(hash));
      tx.in(chunks).delete(tagOf(hash));
      return { isDeleted: true, bytes: size.value };
    });
  }
}
