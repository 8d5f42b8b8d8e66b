/**
 * Frees what no name has: the entries of removed folders, contents that were abandoned or unlinked,
 * and chunks without references. Each step may be repeated, so a collection that dies is continued
 * by the next one, and several may run at a time.
 */

import type { ChunkStore } from './chunk-store.ts';
import { hashesIn } from './content-reader.ts';
import { abandonContent } from './content-writer.ts';
import type { CollectOptions, FilesCollected } from './files-api.ts';
import { FILES_LIMITS } from './limits.ts';
import { below, type FileRecords, taggedIdOf, tagOf } from './records.ts';
import type { Tree } from './tree.ts';
import type { WriterLease } from './writer-lease.ts';

interface CollectorOptions {
  readonly records: FileRecords;
  readonly chunks: ChunkStore;
  readonly tree: Tree;
  readonly lease: WriterLease;
}

interface Counts {
  contents: number;
  chunks: number;
  bytes: number;
}

export class Collector {
  readonly #options: CollectorOptions;

  constructor(options: CollectorOptions) {
    this.#options = options;
  }

  /** The dead come first: that takes deletes alone, which a store with a full disk accepts. */
  async collect(options: CollectOptions): Promise<FilesCollected> {
    const counts = { contents: 0, chunks: 0, bytes: 0 };
    await this.#buryAll(options, counts);
    await this.#emptyTrash(options);
    await this.#abandonAll(options);
    await this.#buryAll(options, counts);
    return counts;
  }

  async #buryAll({ everything = false, signal }: CollectOptions, counts: Counts): Promise<void> {
    const { dead, holds } = this.#options.records;
    for await (const { key, value } of dead.scan()) {
      signal?.throwIfAborted();
      const isHeld = (await holds.get(key)) !== undefined;
      if (isHeld && !(everything && value.reason === 'unlinked')) continue;
      await this.#bury(taggedIdOf(key), counts);
    }
  }

  async #emptyTrash({ signal }: CollectOptions): Promise<void> {
    // Folders found in a folder are in the trash then, so the next round finds them.
    for (let isAny = true; isAny; ) {
      isAny = false;
      for await (const key of this.#options.records.trash.keys()) {
        signal?.throwIfAborted();
        isAny = true;
        await this.#empty(taggedIdOf(key));
      }
    }
  }

  async #abandonAll({ signal }: CollectOptions): Promise<void> {
    const { records, lease } = this.#options;
    for (const content of lease.takeUnfinished()) {
      await abandonContent(records, content).catch((error: unknown) => {
        lease.remember(content);
        throw error;
      });
    }
    for await (const key of records.writers.keys()) {
      signal?.throwIfAborted();
      await this.#abandon(taggedIdOf(key));
    }
  }

  /** A folder that was removed: no call can add to it, since none finds it by a path. */
  async #empty(folder: string): Promise<void> {
    const { entries } = this.#options.records;
    const limit = FILES_LIMITS.folderPage;
    while (!(await this.#isForgotten(folder))) {
      const keys: string[] = [];
      for await (const key of entries.keys({ prefix: below(folder), limit })) {
        keys.push(String(key));
      }
      await eachOf(keys, (key) =>
        entries.transaction(async (tx) => {
          const entry = await tx.get(key);
          if (entry !== undefined) await this.#options.tree.bury(tx, key, entry.value);
        }),
      );
    }
  }

  /** An empty folder has no record any more. */
  #isForgotten(folder: string): Promise<boolean> {
    const { entries, trash } = this.#options.records;
    return entries.transaction(async (tx) => {
      for await (const _ of tx.scan({ prefix: below(folder), limit: 1, keysOnly: true })) {
        return false;
      }
      tx.in(trash).delete(tagOf(folder));
      return true;
    });
  }

  /** A writer whose lease key is gone: its process has died, or was cut off for too long. */
  async #abandon(content: string): Promise<void> {
    const { leases } = this.#options.records;
    if ((await leases.get(tagOf(content))) !== undefined) return;
    await abandonContent(this.#options.records, content);
  }

  async #bury(content: string, counts: Counts): Promise<void> {
    const { pieces, dead, holds } = this.#options.records;
    for await (const { key, value } of pieces.scan({ prefix: below(content) })) {
      await eachOf([...new Set(hashesIn(value))], async (hash) => {
        const { isDeleted, bytes } = await this.#options.chunks.drop(content, hash);
        if (!isDeleted) return;
        counts.chunks += 1;
        counts.bytes += bytes;
      });
      // Behind its chunks: a collection that dies in between finds them again.
      await pieces.delete(key);
    }
    counts.contents += 1;
    await dead.atomic().delete(tagOf(content)).in(holds).delete(tagOf(content)).commit();
  }
}

/** Some at a time. */
async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const { collectedAtOnce } = FILES_LIMITS;
  for (let at = 0; at < items.length; at += collectedAtOnce) {
    await Promise.all(items.slice(at, at + collectedAtOnce).map(work));
  }
}
