/** The two sides of the door: what may be fed to a replica, and what it wants done. */

import type { MemberId } from '../base/ids.ts';
import type { Target } from './configuration.ts';
import type { Fact } from './fact.ts';
import type { LogEntry, Message, SnapshotDescription } from './message.ts';
import type { Position } from './position.ts';

/** Everything that can happen to a replica. Nothing else changes it. */
export type RaftEvent =
  /**
   * At least one unit of time passed since the last tick; `now` is the node's monotone clock in
   * milliseconds. Ticks that are late are not made up for: promises to leaders are counted in them.
   */
  | { readonly type: 'tick'; readonly now: number }
  | { readonly type: 'message'; readonly message: Message }
  /** Each payload becomes one entry, in order. All of them or none. */
  | { readonly type: 'propose'; readonly payloads: readonly Uint8Array[] }
  /** Asks from which applied index on a read is linearizable; the answer is in a `Ready`. */
  | { readonly type: 'read'; readonly id: number }
  /**
   * Asks whether a value that was read *before* this call is current: taken, with the index that
   * must have been applied when it was read, or refused.
   */
  | { readonly type: 'lease-read'; readonly now: number }
  | { readonly type: 'change'; readonly target: Target }
  | { readonly type: 'transfer'; readonly to: MemberId }
  /**
   * Stand for election now, unless a leader was heard within the shortest election timeout, or may
   * have been by a former life.
   */
  | { readonly type: 'campaign' }
  /** A `Write` is on disk. Writes become durable in the order in which they were handed out. */
  | { readonly type: 'durable'; readonly mark: Mark }
  | { readonly type: 'applied'; readonly index: number }
  /** The entry at `index` was read from disk and cannot be trusted. */
  | { readonly type: 'damaged'; readonly index: number }
  /** What the machine had applied is lost, and the log is sound: only a snapshot brings it back. */
  | { readonly type: 'state-lost' }
  /** All chunks of a snapshot arrived and their content is what it should be, or is not. */
  | { readonly type: 'snapshot-checked'; readonly index: number; readonly isSound: boolean }
  /**
   * State through `index` is durable outside the log, which may forget it when nobody needs it.
   * Required: the log was durable through there before, or a crash leaves state without its log.
   * What stands before `keepFrom`, and is in that state, goes whichever follower needs it.
   */
  | { readonly type: 'truncate'; readonly index: number; readonly keepFrom?: number }
  /** The snapshot reader answered `later` before, and may have more to say now. */
  | { readonly type: 'snapshot-readable' }
  /** A link that was full has room again. */
  | { readonly type: 'link-open' }
  /** A peer's connection broke: what was on its way is probably lost. */
  | { readonly type: 'unreachable'; readonly member: MemberId }
  /** The node of a peer fell silent or began a new life; a silent shard must look around. */
  | { readonly type: 'wake' };

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
  /** The leader lacks what is committed here: see `status().contradiction`. */
  | 'in-doubt'
  /** The same, and a majority follows it: this member is of no use to the shard any more. */
  | 'contradicted'
  | 'out-of-numbers'
  | 'removed';

/** A refused event was not acted on, though a message may have taught a later term. */
export type StepResult =
  | { readonly type: 'taken'; readonly position: Position | undefined }
  | { readonly type: 'refused'; readonly reason: RaftRefusal };

export const TAKEN: StepResult = { type: 'taken', position: undefined };

/** What must survive a crash besides the log (figure 2). `commit` is a hint that may be older. */
export interface HardState {
  readonly term: number;
  readonly vote: MemberId;
  readonly commit: number;
}

/** Identifies a write and what it promised, so that a late report promises nothing more. */
export interface Mark {
  readonly number: number;
  /** The last log position the write contains or leaves. */
  readonly position: Position;
}

/**
 * One atomic step of the disk, in this order: restart, append, repair, hard state. Appending at an
 * index that exists replaces that entry and removes all behind it; a repair replaces one entry.
 */
export interface Write {
  readonly mark: Mark;
  readonly hardState: HardState;
  /**
   * This snapshot, whose content is on disk already, becomes the machine's state. The log forgets
   * everything through its index; what is behind stays if the log has the snapshot's position, and
   * goes if it has not.
   */
  readonly snapshot: SnapshotDescription | undefined;
  readonly entries: readonly LogEntry[];
  readonly repairs: readonly LogEntry[];
}

export type ReadAnswer =
  /** The machine must have applied through `index` before the value is read. */
  | { readonly type: 'granted'; readonly id: number; readonly index: number }
  | { readonly type: 'refused'; readonly id: number; readonly reason: RaftRefusal };

/** A piece of a snapshot to put beside the log until the last one has come. */
export interface ReceivedChunk {
  readonly snapshot: SnapshotDescription;
  readonly offset: number;
  readonly data: Uint8Array;
  readonly isLast: boolean;
}

/**
 * All that a replica wants done, in the order of the fields. Messages may leave before the write
 * is durable: those that promise durability are held inside until its report has come in.
 */
export interface Ready {
  readonly write: Write | undefined;
  readonly chunks: readonly ReceivedChunk[];
  readonly messages: readonly Message[];
  /**
   * The next committed entries for the machine, each index once, and none before all that were
   * handed over are reported `applied`: a slow machine leaves them on disk. This replica's own disk
   * may not have them yet: state may be made durable through `status().durable` and no further.
   */
  readonly committed: readonly LogEntry[];
  readonly reads: readonly ReadAnswer[];
  /** The log may forget everything through this index. */
  readonly truncated: number | undefined;
  readonly facts: readonly Fact[];
}

/**
 * What the links to the nodes of other members can take, in bytes; all shards share a link. Where
 * `room` says 0 the link is full: each follower has one small message on its way there, so that
 * all shards go on and none of them buries the heartbeats of all others.
 */
export interface Links {
  room(member: MemberId, use: LinkUse): number;
  /** So many bytes leave for this member at the end of the turn. */
  taken(member: MemberId, use: LinkUse, bytes: number): void;
}

export type LinkUse = 'append' | 'chunk';

/** The snapshots that this replica can give to others. */
export interface SnapshotReader {
  /**
   * One that ends at `from` or later, open for reading until it is released or not read for long.
   *
   * - `later`: as many snapshots as allowed are being sent; asking again keeps the place in line;
   * - undefined: there is none, or only older ones: one should be made.
   */
  open(from: number): SnapshotDescription | 'later' | undefined;
  /**
   * Any offset that was reached before, or the next. `gone`: no longer open; `later`: ask again
   * after a `snapshot-readable`.
   */
  read(piece: SnapshotPiece): SnapshotBytes | 'gone' | 'later';
  /** No follower is sent the one with this index any more. */
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
