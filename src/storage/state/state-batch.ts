/** The only path of writes to the disk: one batch at a time, with the store's record and a mark. */

import { assert } from '../../base/assert.ts';
import type { ShardId } from '../../base/ids.ts';
import type { SnapshotDescription } from '../../raft/message.ts';
import { STATE_LIMITS } from '../limits.ts';
import type { DiskBatch, StateDisk } from './state-disk.ts';
import { markKey, STORE_KEY, shardKey } from './state-key.ts';
import { encodeShardRecord, encodeStoreRecord, type ShardMeta } from './state-meta.ts';

interface StateBatchesOptions {
  readonly disk: StateDisk;
  readonly identity: Uint8Array;
  readonly batches: number;
  readonly records: ReadonlyMap<ShardId, ShardMeta>;
  /** A batch was submitted or became durable. */
  readonly onChange: () => void;
  /** A batch became durable, with these states. Called before the callback of its writer. */
  readonly onDurable: (written: readonly WrittenShard[]) => void;
}

export interface WrittenShard {
  readonly shard: ShardId;
  readonly description: SnapshotDescription;
}

/** New records of shards; undefined deletes one. */
export type RecordChanges = ReadonlyMap<ShardId, ShardMeta | undefined>;

/**
 * The records as they are on disk, and the only writer of them.
 *
 * LevelDB skips a damaged piece of its log and continues after it. So each batch writes a mark with
 * its number, and opening a store looks for the latest marks: a batch that is missing from the
 * middle is detected. One that is missing from the end is an earlier checkpoint.
 */
export class StateBatches {
  readonly #disk: StateDisk;
  readonly #identity: Uint8Array;
  readonly #records: Map<ShardId, ShardMeta>;
  readonly #onChange: () => void;
  readonly #onDurable: (written: readonly WrittenShard[]) => void;
  #batches: number;
  #isWriting = false;

  constructor(options: StateBatchesOptions) {
    const { disk, identity, batches, records, onChange, onDurable } = options;
    this.#disk = disk;
    this.#identity = identity;
    this.#batches = batches;
    this.#records = new Map(records);
    this.#onChange = onChange;
    this.#onDurable = onDurable;
  }

  get isWriting(): boolean {
    return this.#isWriting;
  }

  get records(): ReadonlyMap<ShardId, ShardMeta> {
    return this.#records;
  }

  begin(): DiskBatch {
    return this.#disk.batch();
  }

  write(batch: DiskBatch, changes: RecordChanges, done: () => void): void {
    assert(!this.#isWriting, 'one batch is written at a time');
    this.#isWriting = true;
    const shards = new Set(this.#records.keys());
    for (const [shard, record] of changes) {
      const key = shardKey(shard);
      if (record === undefined) {
        shards.delete(shard);
        batch.delete(key);
      } else {
        shards.add(shard);
        batch.put(key, encodeShardRecord(key, record));
      }
    }
    assert(shards.size <= STATE_LIMITS.shardsMax, 'shards are within their limit');
    const batches = this.#batches + 1;
    const record = {
      identity: this.#identity,
      batches,
      shards: [...shards].sort((one, other) => one - other),
    };
    batch.put(STORE_KEY, encodeStoreRecord(STORE_KEY, record, this.#disk));
    batch.put(markKey(batches), new Uint8Array(1));
    if (batches > STATE_LIMITS.batchMarks) batch.delete(markKey(batches - STATE_LIMITS.batchMarks));
    this.#onChange();
    batch.write(() => this.#arrive(batches, changes, done));
  }

  #arrive(batches: number, changes: RecordChanges, done: () => void): void {
    this.#isWriting = false;
    this.#batches = batches;
    const written: WrittenShard[] = [];
    for (const [shard, record] of changes) {
      const former = this.#records.get(shard)?.state;
      const state = record?.state;
      if (state !== undefined && state !== former) {
        written.push({ shard, description: state.description });
      }
      if (record === undefined) this.#records.delete(shard);
      else this.#records.set(shard, record);
    }
    this.#onChange();
    this.#onDurable(written);
    done();
  }
}
