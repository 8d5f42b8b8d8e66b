/**
 * The snapshots that a node is sending: a bounded number, one of each shard. A snapshot that is
 * read stays open, an idle one is closed, and further shards wait in a queue.
 */

import type { ShardId } from '../../base/ids.ts';
import type { SnapshotDescription } from '../../raft/message.ts';
import type { SnapshotReader } from '../../raft/ready.ts';
import { STATE_LIMITS } from '../limits.ts';
import type { StateDamage } from '../state/state.ts';
import type { DiskView, StateDisk } from '../state/state-disk.ts';
import { storedState } from '../state/stored-state.ts';
import { ReadQueue } from './read-queue.ts';
import { SnapshotAdmission } from './snapshot-admission.ts';
import { SnapshotExport } from './snapshot-export.ts';

interface SnapshotExportsOptions {
  readonly disk: StateDisk;
  readonly onProgress: () => void;
  readonly onDamage: (damage: StateDamage) => void;
}

interface Open {
  readonly stream: SnapshotExport;
  readAt: number;
}

export class SnapshotExports {
  readonly #options: SnapshotExportsOptions;
  readonly #open = new Map<ShardId, Open>();
  readonly #admission: SnapshotAdmission;
  readonly #reads = new ReadQueue();
  #now = 0;

  constructor(options: SnapshotExportsOptions) {
    this.#options = options;
    this.#admission = new SnapshotAdmission({
      max: STATE_LIMITS.exportsMax,
      requestTimeoutMilliseconds: STATE_LIMITS.exportQueueMilliseconds,
      onFree: options.onProgress,
    });
  }

  readerOf(shard: ShardId): SnapshotReader {
    return {
      open: (from) => this.#openFrom(shard, from),
      read: ({ index, offset, bytesMax }) => {
        const open = this.#open.get(shard);
        if (open?.stream.description.index !== index) return 'gone';
        open.readAt = this.#now;
        return open.stream.read(offset, bytesMax);
      },
      release: (index) => {
        if (this.#open.get(shard)?.stream.description.index === index) this.closeOf(shard);
      },
    };
  }

  /** A view keeps replaced rows from being deleted, so no export stays open for ever. */
  closeIdle(now: number): void {
    this.#now = now;
    for (const [shard, { readAt }] of this.#open) {
      if (now - readAt >= STATE_LIMITS.exportIdleMilliseconds) this.closeOf(shard);
    }
  }

  closeOf(shard: ShardId): void {
    this.#open.get(shard)?.stream.close();
    this.#open.delete(shard);
    this.#admission.leave(shard);
  }

  close(): void {
    for (const { stream } of this.#open.values()) stream.close();
    this.#open.clear();
  }

  /** Followers of a shard share the open export, unless it ends before the log begins. */
  #openFrom(shard: ShardId, from: number): SnapshotDescription | 'later' | undefined {
    const { disk } = this.#options;
    const open = this.#open.get(shard);
    if (open !== undefined && !open.stream.isClosed && open.stream.description.index >= from) {
      open.readAt = this.#now;
      return open.stream.description;
    }
    if (exportableIn(disk, shard, from) === undefined) return undefined;
    if (open !== undefined) this.closeOf(shard);
    if (!this.#admission.ask(shard, this.#now)) return 'later';
    // Record and rows come from one view, so they match whatever is written meanwhile.
    const view = disk.view();
    const found = exportableIn(view, shard, from);
    if (found === undefined) {
      view.close();
      this.closeOf(shard);
      return undefined;
    }
    const { onProgress, onDamage } = this.#options;
    const reads = this.#reads;
    const stream = new SnapshotExport({ ...found, view, reads, onProgress, onDamage });
    this.#open.set(shard, { stream, readAt: this.#now });
    return stream.description;
  }
}

/** The stored state of a shard, if it is late enough. */
function exportableIn(
  disk: Pick<DiskView, 'get'>,
  shard: ShardId,
  from: number,
): ReturnType<typeof storedState> {
  const stored = storedState(disk, shard);
  return stored === undefined || stored.description.index < from ? undefined : stored;
}
