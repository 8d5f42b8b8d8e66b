/**
 * The stored state of one shard: the record of its last checkpoint, and the location of its rows.
 */

import type { ShardId } from '../../base/ids.ts';
import type { SnapshotDescription } from '../../raft/message.ts';
import type { DiskView } from './state-disk.ts';
import type { StateHash } from './state-hash.ts';
import { Place, shardKey } from './state-key.ts';
import { decodeShardRecord, type ShardMeta } from './state-meta.ts';

interface StoredState {
  readonly place: Place;
  readonly description: SnapshotDescription;
  /** The expected hash of the rows. */
  readonly hash: StateHash;
}

/** Undefined for a shard that is absent, was never written, or is known to be damaged. */
export function storedState(disk: Pick<DiskView, 'get'>, shard: ShardId): StoredState | undefined {
  const record = recordIn(disk, shard);
  const { description, hash } = record?.state ?? {};
  if (record === undefined || description === undefined || hash === undefined) return undefined;
  if (description.index === 0) return undefined;
  return { place: new Place(shard, record.generation), description, hash };
}

function recordIn(disk: Pick<DiskView, 'get'>, shard: ShardId): ShardMeta | undefined {
  const key = shardKey(shard);
  try {
    const bytes = disk.get(key);
    return bytes === undefined ? undefined : decodeShardRecord(key, bytes);
  } catch {
    // An unreadable record describes nothing; opening the store reports it.
    return undefined;
  }
}
