/** The door: events in, one plain object out. Synchronous, without clock, disk or network. */

import { type MemberId, type ShardId } from '../base/ids.ts';
import type { RaftLimits } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import type { PlacedConfiguration } from './configuration.ts';
import type { EntryReader, RestoredLog } from './log.ts';
import type { Position } from './message.ts';
import type { HardState, Outcome, RaftEvent, Ready, SnapshotReader } from './ready.ts';

/** What a replica remembers of its former lives. */
export interface Restored {
  readonly hardState: HardState;
  readonly log: RestoredLog;
  /** The configuration in force at the log's base, then each one in the log, rising. */
  readonly configurations: readonly PlacedConfiguration[];
  /** The machine's state covers the log through here. At least the log's base. */
  readonly applied: number;
  /** False once a vote or an acknowledged entry may be forgotten: this member never votes again. */
  readonly mayVote: boolean;
}

export interface RaftOptions {
  readonly shard: ShardId;
  readonly self: MemberId;
  readonly limits: RaftLimits;
  readonly random: Random;
  readonly entries: EntryReader;
  readonly snapshots: SnapshotReader;
  readonly restored: Restored;
}

/** One follower as its leader sees it. */
export interface FollowerStatus {
  readonly member: MemberId;
  readonly state: 'probe' | 'replicate' | 'snapshot';
  readonly match: number;
  readonly next: number;
  readonly isActive: boolean;
  readonly isCaughtUp: boolean;
}

export interface RaftStatus {
  readonly role: 'follower' | 'trial' | 'candidate' | 'leader';
  readonly term: number;
  readonly vote: MemberId;
  readonly leader: MemberId;
  readonly commit: number;
  readonly applied: number;
  readonly base: Position;
  readonly last: Position;
  /** Everything through this index is on this replica's disk. */
  readonly durable: number;
  readonly configuration: PlacedConfiguration;
  /** The shard is idle and silent. */
  readonly isQuiet: boolean;
  /** A committed configuration is without this member, for ever. */
  readonly isRemoved: boolean;
  readonly mayVote: boolean;
  readonly firstDamaged: number | undefined;
  /** Rising by member; empty unless this replica leads. */
  readonly followers: readonly FollowerStatus[];
}
