/** Reads the log of a stopped node without changing its folder: no new incarnation begins in it. */

import type { ShardId } from '../../base/ids.ts';
import { readOnlyFiles } from '../files/disk-files.ts';
import { LOG_LIMITS } from '../limits.ts';
import type { Keyring } from '../sealing/keyring.ts';
import { sealOf } from '../sealing/record-seal.ts';
import type { Log, LogOwner } from './log.ts';
import { inspectLog } from './log-boot.ts';
import { LogReader } from './log-reader.ts';
import { type LogReplica, usableShards } from './log-replica.ts';

/** The replicas as of the last durable batch. */
export type ReadOnlyLog = Pick<Log, 'shards' | 'replica' | 'reader'>;

/** Returns a text if the log cannot be read. */
export function readLog(folder: string, owner: LogOwner, keyring?: Keyring): ReadOnlyLog | string {
  const files = readOnlyFiles(folder);
  const found = inspectLog({ files, owner, isNew: false, limits: LOG_LIMITS, keyring });
  if (found.type === 'refused') return found.text;
  const { recovery } = found;
  const replicas = recovery?.replay.replicas ?? new Map<ShardId, LogReplica>();
  const salts = new Map(recovery?.chain.map(({ epoch, salt }) => [epoch, salt]));
  const seals = new Map(recovery?.chain.map((one) => [one.epoch, sealOf(keyring, one)]));
  const reader = new LogReader({
    files,
    bytesMax: LOG_LIMITS.readBytesMax,
    saltOf: (epoch) => salts.get(epoch) ?? 0,
    sealOf: (epoch) => seals.get(epoch),
    isOnDisk: () => true,
    onDamage: () => {},
  });
  return {
    shards: usableShards(replicas),
    replica: (shard) => replicas.get(shard)?.restored,
    reader: (shard) => ({
      read: (range) => {
        const replica = replicas.get(shard);
        const entries = replica === undefined ? [] : reader.read(replica, range);
        return entries.length > 0 ? entries : 'damaged';
      },
    }),
  };
}
