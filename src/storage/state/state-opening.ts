/** Reads the records of a store when it is opened, and decides whether to refuse it. */

import type { ShardId } from '../../base/ids.ts';
import { compare } from '../files/byte-order.ts';
import { STATE_LIMITS } from '../limits.ts';
import { StateStoreDamaged, StateUnusable } from './state.ts';
import type { StateDisk } from './state-disk.ts';
import { markKey, STORE_KEY, shardKey } from './state-key.ts';
import { decodeShardRecord, decodeStoreRecord, type ShardMeta } from './state-meta.ts';

interface FoundStore {
  readonly batches: number;
  readonly records: ReadonlyMap<ShardId, ShardMeta>;
}

/**
 * Reads the records as of the last batch. Throws `StateStoreDamaged` for damaged content, and
 * `StateUnusable` for a store of another node or version.
 */
export function openRecords(disk: StateDisk, identity: Uint8Array): FoundStore {
  const { name } = disk;
  const refuse = (problem: string) => new StateUnusable({ name, problem });
  const damaged = (place: string, cause?: unknown) => {
    return new StateStoreDamaged({ name, places: [place], cause });
  };
  const read = (key: Uint8Array, what: string) => {
    try {
      return disk.get(key);
    } catch (cause) {
      throw damaged(`${what} cannot be read`, cause);
    }
  };
  const bytes = read(STORE_KEY, 'its own record');
  if (bytes === undefined) {
    if (disk.isBlank) return { batches: 0, records: new Map() };
    throw damaged('its own record is missing');
  }
  const store = decodeStoreRecord(STORE_KEY, bytes, disk);
  if (store === 'damaged') throw damaged('its own record is damaged');
  if (store === 'of another format') throw refuse('was written by another version');
  if (compare(store.identity, 0, identity, 0) !== 0) throw refuse('belongs to another node');
  const oldest = Math.max(1, store.batches - STATE_LIMITS.batchMarks + 1);
  for (let batch = store.batches; batch >= oldest; batch--) {
    if (read(markKey(batch), `the mark of batch ${batch}`) === undefined) {
      throw damaged(`batch ${batch} of ${store.batches} is missing from the middle`);
    }
  }
  const records = new Map<ShardId, ShardMeta>();
  for (const shard of store.shards) {
    const key = shardKey(shard);
    const found = read(key, `the record of shard ${shard}`);
    const record = found === undefined ? undefined : decodeShardRecord(key, found);
    if (record === undefined) throw damaged(`the record of shard ${shard} is damaged`);
    records.set(shard, record);
  }
  return { batches: store.batches, records };
}
