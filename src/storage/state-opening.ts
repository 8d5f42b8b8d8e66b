/** What a store finds when it is opened, and when it refuses to go on. */

import type { ShardId } from '../base/ids.ts';
import { STATE_LIMITS } from '../base/limits.ts';
import { compare } from './byte-order.ts';
import { StateUnusable } from './state.ts';
import type { StateDisk } from './state-disk.ts';
import { markKey, STORE_KEY, shardKey } from './state-key.ts';
import { decodeShardRecord, decodeStoreRecord, type ShardRecord } from './state-meta.ts';

interface FoundStore {
  readonly batches: number;
  readonly records: ReadonlyMap<ShardId, ShardRecord>;
}

/** Reads the records, as they were with the last batch; throws `StateUnusable`. */
export function openRecords(disk: StateDisk, identity: Uint8Array): FoundStore {
  const refuse = (problem: string, cause?: unknown) =>
    new StateUnusable({ name: disk.name, problem, cause });
  const read = (key: Uint8Array, what: string) => {
    try {
      return disk.get(key);
    } catch (cause) {
      throw refuse(`cannot be read: ${what}`, cause);
    }
  };
  const bytes = read(STORE_KEY, 'its own record');
  if (bytes === undefined) {
    if (disk.isBlank) return { batches: 0, records: new Map() };
    throw refuse('holds rows of something else, or has lost its own record');
  }
  const store = decodeStoreRecord(STORE_KEY, bytes);
  if (store === 'damaged') throw refuse('is damaged: its own record');
  if (store === 'of another format') throw refuse('was written by another version');
  if (compare(store.identity, 0, identity, 0) !== 0) throw refuse('belongs to another node');
  const oldest = Math.max(1, store.batches - STATE_LIMITS.batchMarks + 1);
  for (let batch = store.batches; batch >= oldest; batch--) {
    if (read(markKey(batch), `the mark of batch ${batch}`) === undefined) {
      throw refuse(`is damaged: batch ${batch} of ${store.batches} is missing from the middle`);
    }
  }
  const records = new Map<ShardId, ShardRecord>();
  for (const shard of store.shards) {
    const key = shardKey(shard);
    const found = read(key, `the record of shard ${shard}`);
    const record = found === undefined ? undefined : decodeShardRecord(key, found);
    if (record === undefined) throw refuse(`is damaged: the record of shard ${shard}`);
    records.set(shard, record);
  }
  return { batches: store.batches, records };
}
