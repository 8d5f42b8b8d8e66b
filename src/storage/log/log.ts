/** The port to a node's log: one for all its shards. */

import type { MemberId, NodeId, ShardId } from '../../base/ids.ts';
import type { Life, Lineage } from '../../base/life.ts';
import type { PlacedConfiguration } from '../../raft/configuration.ts';
import type { EntryReader } from '../../raft/log.ts';
import type { Position } from '../../raft/position.ts';
import type { Write } from '../../raft/ready.ts';
import type { Restored } from '../../raft/restore.ts';

/** Each record is atomic; the records of one shard take effect in order. */
export type LogRecord = ShardRecord | NodeRecord;

export type ShardRecord =
  /** Creates a replica. The shard has none here, or its former one was removed. */
  | {
      readonly type: 'create';
      readonly shard: ShardId;
      readonly member: MemberId;
      readonly configuration: PlacedConfiguration;
    }
  | { readonly type: 'write'; readonly shard: ShardId; readonly write: Write }
  /** The state store holds everything up to `index` durably. */
  | { readonly type: 'forget'; readonly shard: ShardId; readonly index: number }
  /** Removes a replica; a tombstone with the configuration that removed it remains for ever. */
  | { readonly type: 'remove'; readonly shard: ShardId; readonly configuration: Position };

type NodeRecord =
  /** The newest known incarnation of a node; replaces the one before. */
  | ({ readonly type: 'life'; readonly node: NodeId } & Life)
  /** The node has left the cluster: its number may be given to another. */
  | { readonly type: 'forget-node'; readonly node: NodeId };

/** What a replica needs to restart, except what the state store holds. */
export type RestoredReplica = Omit<Restored, 'applied'> & { readonly member: MemberId };

export interface Tombstone {
  readonly shard: ShardId;
  readonly member: MemberId;
  readonly configuration: Position;
}

/**
 * A replica that cannot be used: its node has to abandon it and rejoin the shard as a new member.
 */
export interface Quarantined {
  readonly shard: ShardId;
  /** NO_MEMBER if the member id is lost too. */
  readonly member: MemberId;
  readonly reason: string;
}

/** A place on disk whose content is not what was written. */
export interface Damage {
  readonly file: string;
  readonly offset: number;
  readonly shard: ShardId | undefined;
  readonly index: number | undefined;
  readonly text: string;
}

/**
 * The state of disk space. `read-only`: deletes and truncation continue, nothing that grows may
 * begin. `full`: the rest of the log's own space is for records that free space.
 */
export type Fullness = 'ok' | 'read-only' | 'full';

export interface LogMetrics {
  readonly batches: number;
  readonly bytesWritten: number;
  /** From submitting a batch until it was durable: the last, the longest, the sum. */
  readonly lastSyncMilliseconds: number;
  readonly longestSyncMilliseconds: number;
  readonly totalSyncMilliseconds: number;
  /** The age of the batch in flight; 0 if there is none. */
  readonly pendingMilliseconds: number;
  readonly queuedRecords: number;
  readonly segments: number;
  readonly spares: number;
  readonly liveBytes: number;
  readonly movedBytes: number;
  readonly cachedBytes: number;
  /** Free disk space; undefined before the first check. */
  readonly freeBytes: number | undefined;
}

/**
 * - Appended records become durable in order. Each `onDurable` is called once, in the order of the
 *   appends, never before the records would survive a power loss, and never after a fault.
 * - A read sees appended entries as soon as they were submitted to the disk. It returns what was
 *   written, or `damaged`.
 * - A failed write is final: `onFault` is called once, and nothing becomes durable after it.
 */
export interface Log {
  /** The number of this incarnation; greater than that of any before on this disk. */
  readonly incarnation: number;
  /**
   * This incarnation and those before it. A node that remembers the word of a boot recognizes a
   * copy of the folder from before that boot: the copy lacks the word, however often it was booted
   * since. The number alone would catch up.
   */
  readonly lineage: Lineage;
  /** The newest incarnation of each node, this one included, as recorded in this log. */
  readonly lives: ReadonlyMap<NodeId, Life>;
  readonly fullness: Fullness;
  /**
   * Calls back when so many bytes are free on the disk, immediately while there is plenty: for the
   * state store, which shares the disk. The log's reserve is released for it.
   */
  claim(bytes: number, go: () => void): void;
  /** Damage found when the log was opened, and since. */
  readonly damage: readonly Damage[];
  readonly tombstones: readonly Tombstone[];
  readonly quarantined: readonly Quarantined[];
  /** The shards with a usable replica here. */
  readonly shards: readonly ShardId[];
  /** Includes everything submitted to the disk; undefined for no replica, or one in quarantine. */
  replica(shard: ShardId): RestoredReplica | undefined;
  /** Returns entries or `damaged`; never `later`. */
  reader(shard: ShardId): EntryReader;
  /** The size of a shard's entries on disk. */
  bytesOf(shard: ShardId): number;
  /** The first index from which on a shard's entries take at most `bytesMax`. */
  firstWithin(shard: ShardId, bytesMax: number): number;
  append(records: readonly LogRecord[], onDurable: () => void): void;
  /**
   * To be called regularly, best once a tick: confirms the last batch, cleans old segments, checks
   * free space. Does nothing while other work is in progress.
   */
  idle(): void;
  metrics(): LogMetrics;
  /** Confirms what was written and closes all files. Nothing may be appended afterwards. */
  close(onClosed: () => void): void;
}

/** The owner of a log. */
export interface LogOwner {
  readonly cluster: string;
  readonly node: NodeId;
}
