/** The interface of a replica: the events it takes, and the work it returns. */

import type { MemberId } from '../base/ids.ts';
import type { Target } from './configuration.ts';
import type { Fact } from './fact.ts';
import type { LogEntry, Message, SnapshotDescription } from './message.ts';
import type { Position } from './position.ts';

/** Every event of a replica. Nothing else changes it. */
export type RaftEvent =
  /**
   * At least one unit of time passed since the last tick; `now` is the node's monotone clock in
   * milliseconds. Missed ticks are not repeated: promises to leaders are counted in ticks.
   */
  | { readonly type: 'tick'; readonly now: number }
  | { readonly type: 'message'; readonly message: Message }
  /** Each payload becomes one entry, in order. All of them or none. */
  | { readonly type: 'propose'; readonly payloads: readonly Uint8Array[] }
  /** Asks from which applied index on a read is linearizable; a `Ready` contains the answer. */
  | { readonly type: 'read'; readonly id: number }
  /**
   * Asks whether a value that was read *before* this call is current: taken, with the index that
   * must have been applied when it was read, or refused.
   */
  | { readonly type: 'lease-read'; readonly now: number }
  | { readonly type: 'change'; readonly target: Target }
  | { readonly type: 'transfer'; readonly to: MemberId }
  /**
   * Campaign now, unless a leader was heard within the shortest election timeout, or may have been
   * heard by a former life.
   */
  | { readonly type: 'campaign' }
  /** A `Write` is on disk. Writes become durable in the order in which they were handed out. */
  | { readonly type: 'durable'; readonly mark: Mark }
  | { readonly type: 'applied'; readonly index: number }
  /** The entry at `index` was read from disk and cannot be trusted. */
  | { readonly type: 'damaged'; readonly index: number }
  /** The applied state is lost, and the log is sound: only a snapshot restores the state. */
  | { readonly type: 'state-lost' }
  /** All chunks of a snapshot arrived, and their content was verified. */
  | { readonly type: 'snapshot-checked'; readonly index: number; readonly isSound: boolean }
  /**
   * State through `index` is durable outside the log, which may drop those entries when no follower
   * needs them. Required: the log was durable through there before, or a crash leaves state without
   * its log. Entries before `keepFrom` that are in that state are dropped whichever follower needs
   * them.
   */
  | { readonly type: 'truncate'; readonly index: number; readonly keepFrom?: number }
  /** The snapshot reader answered `later` before, and may have data now. */
  | { readonly type: 'snapshot-readable' }
  /** A link that was full has room again. */
  | { readonly type: 'link-open' }
  /** A peer's connection broke: messages in flight are probably lost. */
  | { readonly type: 'unreachable'; readonly member: MemberId }
  /** A peer's node fell silent or started a new life; a quiesced shard must check its members. */
  | { readonly type: 'wake' }
  /**
   * Followers serve watches: for so many ticks a leader tells each of them at once how far entries
   * that it has are committed, and not with the next heartbeat. Without effect on others.
   */
  | { readonly type: 'announce-commits'; readonly ticks: number };

export type RaftRefusal =
  | 'not-leader'
  | 'leadership-moving'
  | 'too-much-uncommitted'
  | 'too-many-reads'
  | 'no-own-term-commit'
  | 'no-lease'
  | 'leader-heard'
  | 'change-pending'
  | 'target-unsound'
  | 'target-unchanged'
  | 'learner-behind'
  | 'not-a-voter'
  | 'may-not-vote'
  | 'damaged'
  | 'malformed'
  | 'wrong-shard'
  | 'not-for-us'
  | 'not-a-member'
  | 'stale'
  /** The leader lacks an entry that is committed here: see `status().contradiction`. */
  | 'in-doubt'
  /** The same, and a majority follows that leader: this member has to be replaced. */
  | 'contradicted'
  | 'out-of-numbers'
  | 'removed';

/** A refused event had no effect, though a message may have raised the term. */
export type StepResult =
  | { readonly type: 'taken'; readonly position: Position | undefined }
  | { readonly type: 'refused'; readonly reason: RaftRefusal };

export const TAKEN: StepResult = { type: 'taken', position: undefined };

/**
 * State that must survive a crash besides the log (figure 2). `commit` is a hint that may be older.
 */
export interface HardState {
  readonly term: number;
  readonly vote: MemberId;
  readonly commit: number;
}

/** Identifies a write and its content, so that a late report confirms nothing more. */
export interface Mark {
  readonly number: number;
  /** The last log position the write contains or leaves. */
  readonly position: Position;
}

/**
 * One atomic write, in this order: restart, append, repair, hard state. Appending at an existing
 * index replaces that entry and removes all later ones; a repair replaces one entry.
 */
export interface Write {
  readonly mark: Mark;
  readonly hardState: HardState;
  /**
   * This snapshot, whose content is on disk already, becomes the machine's state. The log drops
   * everything through its index; later entries stay if the log has the snapshot's position, and
   * are dropped otherwise.
   */
  readonly snapshot: SnapshotDescription | undefined;
  readonly entries: readonly LogEntry[];
  readonly repairs: readonly LogEntry[];
}

export type ReadAnswer =
  /** The machine must have applied through `index` before the value is read. */
  | { readonly type: 'granted'; readonly id: number; readonly index: number }
  | { readonly type: 'refused'; readonly id: number; readonly reason: RaftRefusal };

/** A chunk of a snapshot, to be stored beside the log until the last one has arrived. */
export interface ReceivedChunk {
  readonly snapshot: SnapshotDescription;
  readonly offset: number;
  readonly data: Uint8Array;
  readonly isLast: boolean;
}

/**
 * The work of a replica, in the order of the fields. Messages may leave before the write is
 * durable: those that promise durability are held inside until it has been reported.
 */
export interface Ready {
  readonly write: Write | undefined;
  readonly chunks: readonly ReceivedChunk[];
  readonly messages: readonly Message[];
  /**
   * The next committed entries for the machine, each index once, and none before all earlier ones
   * are reported `applied`: a slow machine leaves them on disk. This replica's own disk may not
   * have them yet: state may be made durable through `status().durable` and no further.
   */
  readonly committed: readonly LogEntry[];
  readonly reads: readonly ReadAnswer[];
  /** The log may drop everything through this index. */
  readonly truncated: number | undefined;
  readonly facts: readonly Fact[];
}

/**
 * The capacity of the links to other members' nodes, in bytes; all shards share a link. Where
 * `room` is 0 the link is full: then each follower has one small message in flight, so that all
 * shards make progress and none of them delays the heartbeats of all others.
 */
export interface Links {
  room(member: MemberId, use: LinkUse): number;
  /** Bytes that leave for this member at the end of the turn. */
  taken(member: MemberId, use: LinkUse, bytes: number): void;
}

export type LinkUse = 'append' | 'chunk';

/** The snapshots that this replica can send. */
export interface SnapshotReader {
  /**
   * A snapshot that ends at `from` or later, open for reading until it is released or idle for
   * long.
   * - `later`: the maximal number of snapshots is being sent; asking again keeps the place in the
   *   queue;
   * - undefined: there is none, or only older ones: one should be made.
   */
  open(from: number): SnapshotDescription | 'later' | undefined;
  /**
   * Any offset that was reached before, or the next. `gone`: no longer open; `later`: ask again
   * after a `snapshot-readable`.
   */
  read(piece: SnapshotPiece): SnapshotBytes | 'gone' | 'later';
  /** The snapshot with this index is not sent to any follower any more. */
  release(index: number): void;
}

export interface SnapshotPiece {
  readonly index: number;
  readonly offset: number;
  readonly bytesMax: number;
}

interface SnapshotBytes {
  readonly data: Uint8Array;
  readonly isLast: boolean;
}
