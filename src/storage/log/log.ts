/** The port to a node's log: one for all its shards. */

import type { MemberId, NodeId, ShardId } from '../../base/ids.ts';
import type { Life, Lineage } from '../../base/life.ts';
import type { PlacedConfiguration } from '../../raft/configuration.ts';
import type { EntryReader } from '../../raft/log.ts';
import type { Position } from '../../raft/position.ts';
import type { Write } from '../../raft/ready.ts';
import type { Restored } from '../../raft/restore.ts';

/** What can be written. Each is atomic; those of one shard take effect in their order. */
export type LogRecord = ShardRecord | NodeRecord;

export type ShardRecord =
  /** A replica comes to be. There is none of this shard, or the one there is was removed. */
  | {
      readonly type: 'create';
      readonly shard: ShardId;
      readonly member: MemberId;
      readonly configuration: PlacedConfiguration;
    }
  | { readonly type: 'write'; readonly shard: ShardId; readonly write: Write }
  /** The state store holds everything through `index` for good. */
  | { readonly type: 'forget'; readonly shard: ShardId; readonly index: number }
  /** A replica ends; a tombstone with the configuration that ended it stays for ever. */
  | { readonly type: 'remove'; readonly shard: ShardId; readonly configuration: Position };

type NodeRecord =
  /** The newest life of a node that is known here, in place of the one known before. */
  | ({ readonly type: 'life'; readonly node: NodeId } & Life)
  /** The node is no longer in the cluster: another may get its number. */
  | { readonly type: 'forget-node'; readonly node: NodeId };

/** What a replica needs to come to life, but for what the state store knows. */
export type RestoredReplica = Omit<Restored, 'applied'> & { readonly member: MemberId };

export interface Tombstone {
  readonly shard: ShardId;
  readonly member: MemberId;
  readonly configuration: Position;
}

/** A replica that cannot be used: its node must give it up and come back as a new member. */
export interface Quarantined {
  readonly shard: ShardId;
  /** NOBODY if that is lost too. */
  readonly member: MemberId;
  readonly reason: string;
}

/** Something on the disk that is not what was written there. */
export interface Damage {
  readonly file: string;
  readonly offset: number;
  readonly shard: ShardId | undefined;
  readonly index: number | undefined;
  readonly text: string;
}

/**
 * Near the end of space. `read-only`: deletes and truncation go on, nothing that grows should be
 * begun. `full`: what is left of the log's own room is for what makes room.
 */
export type Fullness = 'ok' | 'read-only' | 'full';

export interface LogMetrics {
  readonly batches: number;
  readonly bytesWritten: number;
  /** From handing a batch over until it was durable: the last, the longest, all of them. */
  readonly lastSyncMilliseconds: number;
  readonly longestSyncMilliseconds: number;
  readonly totalSyncMilliseconds: number;
  /** How long the batch that is on its way has been so; 0 while there is none. */
  readonly pendingMilliseconds: number;
  readonly queuedRecords: number;
  readonly segments: number;
  readonly spares: number;
  readonly liveBytes: number;
  readonly movedBytes: number;
  readonly cachedBytes: number;
  /** What the disk has left; undefined before it was looked at. */
  readonly freeBytes: number | undefined;
}

/**
 * - What is appended becomes durable in order, and `onDurable` says so: each callback once, in the
 *   order of the appends, never before a power loss would keep it, and never after a fault.
 * - Reads see what was appended as soon as it was handed to the disk. What is read is what was
 *   written, or `damaged`.
 * - A failed write is final: `onFault` is called once, and nothing is durable after it.
 */
export interface Log {
  /** The number of this life; also greater than that of any life before on this disk. */
  readonly incarnation: number;
  /**
   * This life and those before it. A node that remembers the word of a boot recognizes a folder
   * from the time before that boot: the word is missing there, however often that folder was
   * booted since. The number alone would catch up.
   */
  readonly lineage: Lineage;
  /** The newest life of each node that was written here: of others, and of this one. */
  readonly lives: ReadonlyMap<NodeId, Life>;
  readonly fullness: Fullness;
  /**
   * Calls back when so many bytes are free on the disk, at once while there is plenty: for the
   * state store, which shares it. What the log keeps in reserve is given up for it.
   */
  claim(bytes: number, go: () => void): void;
  /** What was found when the log was opened, and since. */
  readonly damage: readonly Damage[];
  readonly tombstones: readonly Tombstone[];
  readonly quarantined: readonly Quarantined[];
  /** The shards with a usable replica here. */
  readonly shards: readonly ShardId[];
  /** As of everything that was handed to the disk; undefined for none, or one in quarantine. */
  replica(shard: ShardId): RestoredReplica | undefined;
  /** Answers with what was read, or `damaged`; never `later`. */
  reader(shard: ShardId): EntryReader;
  /** What the entries of a shard take on the disk. */
  bytesOf(shard: ShardId): number;
  /** The first entry from which on the entries of a shard take no more than this. */
  firstWithin(shard: ShardId, bytesMax: number): number;
  append(records: readonly LogRecord[], onDurable: () => void): void;
  /**
   * To be called now and then, best once a tick: confirms the last batch, moves what pins old
   * segments, looks whether space returned. Does nothing while there is other work.
   */
  idle(): void;
  metrics(): LogMetrics;
  /** Confirms what was written and gives everything back. Nothing may be appended afterwards. */
  close(onClosed: () => void): void;
}

/** Who this log belongs to. */
export interface LogOwner {
  readonly cluster: string;
  readonly node: NodeId;
}
