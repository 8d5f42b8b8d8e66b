/** The snapshots that a node can give to others, one reader for each of its shards. */

import type { ShardId } from '../base/ids.ts';
import { STATE_LIMITS } from '../base/limits.ts';
import type { SnapshotDescription } from '../raft/message.ts';
import type { SnapshotReader } from '../raft/ready.ts';
import { SnapshotExport } from './snapshot-export.ts';
import type { StateDamage } from './state.ts';
import type { DiskView, StateDisk } from './state-disk.ts';
import { Place, shardKey } from './state-key.ts';
import { decodeShardRecord, type ShardRecord } from './state-meta.ts';

interface SnapshotExportsOptions {
  readonly disk: StateDisk;
  readonly onProgress: () => void;
  readonly onDamage: (damage: StateDamage) => void;
}

interface Open {
  readonly shard: ShardId;
  readonly stream: SnapshotExport;
  /** The checkpoint after which it was last read. */
  checkpoint: number;
}

export class SnapshotExports {
  readonly #options: SnapshotExportsOptions;
  /** The one that was read longest ago comes first. */
  #open: Open[] = [];
  #checkpoints = 0;

  constructor(options: SnapshotExportsOptions) {
    this.#options = options;
  }

  readerOf(shard: ShardId): SnapshotReader {
    return {
      newest: () => this.#newest(shard),
      read: ({ index, offset, bytesMax }) => {
        const open = this.#open.findLast(
          (each) => each.shard === shard && each.stream.description.index === index,
        );
        if (open === undefined) return 'gone';
        this.#touch(open);
        return open.stream.read(offset, bytesMax);
      },
    };
  }

  /** A view keeps old rows from being thrown away; nobody may forget it for ever. */
  closeIdle(): void {
    this.#checkpoints += 1;
    const oldest = this.#checkpoints - STATE_LIMITS.exportIdleCheckpoints;
    this.#closeIf(({ checkpoint }) => checkpoint < oldest);
  }

  closeOf(shard: ShardId): void {
    this.#closeIf((open) => open.shard === shard);
  }

  close(): void {
    this.#closeIf(() => true);
  }

  /** The record and the rows are of one view, so they belong together whatever is being written. */
  #newest(shard: ShardId): SnapshotDescription | undefined {
    const view = this.#options.disk.view();
    const record = recordIn(view, shard);
    const { description, hash } = record?.state ?? { description: undefined, hash: undefined };
    const open = this.#open.findLast(
      (each) => each.shard === shard && each.stream.description.index === description?.index,
    );
    if (record === undefined || description === undefined || hash === undefined || open) {
      view.close();
      return open?.stream.description;
    }
    if (description.index === 0) {
      view.close();
      return undefined;
    }
    const place = new Place(shard, record.generation);
    const { onProgress, onDamage } = this.#options;
    const stream = new SnapshotExport({ place, description, hash, view, onProgress, onDamage });
    if (this.#open.length >= STATE_LIMITS.exportsMax) this.#open.shift()?.stream.close();
    this.#open.push({ shard, stream, checkpoint: this.#checkpoints });
    return description;
  }

  #touch(open: Open): void {
    open.checkpoint = this.#checkpoints;
    if (this.#open.at(-1) === open) return;
    this.#open = [...this.#open.filter((each) => each !== open), open];
  }

  #closeIf(isOver: (open: Open) => boolean): void {
    for (const open of this.#open) if (isOver(open)) open.stream.close();
    this.#open = this.#open.filter((open) => !isOver(open));
  }
}

function recordIn(view: DiskView, shard: ShardId): ShardRecord | undefined {
  const key = shardKey(shard);
  try {
    const bytes = view.get(key);
    return bytes === undefined ? undefined : decodeShardRecord(key, bytes);
  } catch {
    // A record that cannot be read describes no snapshot; opening the store says so loudly.
    return undefined;
  }
}
