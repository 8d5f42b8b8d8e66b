/** Calls of the application, as the core takes them. */

import type { ShardId } from '../../base/ids.ts';
import type { Check, CheckRange, Command } from '../../machine/command.ts';
import type { Output, Reply } from '../../machine/reply.ts';
import type { Row } from '../../machine/row.ts';
import type { ReadLevel } from '../../wire/request.ts';
import { CLIENT_LIMITS } from '../limits.ts';
import type { CallFailure } from './call-failure.ts';
import type { KeptLease } from './coordination/kept-lease.ts';
import type { EndLeaseCall, LockCall, UnlockCall } from './coordination/ticket-call.ts';
import type { KeyRange, Moments } from './range.ts';
import type { PageCall } from './scan.ts';
import type { OpenCall } from './shard-request.ts';

/** What all calls that write have in common. */
interface WriteTerms {
  /**
   * Replaced by what its shards are to read, once these are known: the positions of its operations
   * stay, and guards follow them.
   */
  command: Command;
  /** The leases that operations of the command name. All have to be held. */
  readonly leases?: readonly KeptLease[];
  /** The command takes effect only where no newer owner of these locks has written. */
  readonly guards?: readonly Guard[];
  /** Set by the core. */
  trace?: WriteTrace;
}

/** A lock's name and the token of one of its owners. */
export interface Guard {
  readonly name: Uint8Array;
  readonly token: number;
}

/** Learns what becomes of the copies of a write. */
export interface WriteTrace {
  /** A copy is about to be sent. It has no effect after the deadline, in log time of its shard. */
  sent(now: number, deadline: number): void;
  /** The call has ended; told before the caller is. */
  ended(result: Replied | GaveWay | CallFailure): void;
}

/** One command, which writes something. Its keys may be in any shards. */
export interface WriteCall extends OpenCall<Replied>, WriteTerms {
  readonly type: 'write';
}

/**
 * The commit of a transaction whose function can run again. Contention ends the call at once,
 * because what the function has read may no longer be true.
 */
export interface CommitCall extends OpenCall<Replied | GaveWay>, WriteTerms {
  readonly type: 'commit';
  /** What was seen of ranges. Their positions follow those of the command. */
  readonly ranges: readonly SeenRange[];
  readonly moments: Moments;
  readonly priority: Priority;
}

/** Calls that write: in one shard, or as a transaction. */
export type Writing = WriteCall | CommitCall;

/** A range of one shard, and what was seen there. */
export interface SeenRange {
  readonly shard: ShardId;
  readonly check: CheckRange;
}

/**
 * Shared by all calls of one transaction. The one with most failed attempts has the highest
 * priority, then the oldest: so each transaction wins in the end.
 */
export interface Priority {
  /**
   * Failed attempts, counted by the caller or, if it cannot run again, by the core. From
   * `runsUnprotected` on its reads ask the leaders to reserve what they read, for a bounded time.
   */
  attempts: number;
  /** Log time of its first home shard at the first commit; set by the core. */
  age: number | undefined;
}

export function isProtected(priority: Priority | undefined): priority is Priority {
  return priority !== undefined && priority.attempts >= CLIENT_LIMITS.runsUnprotected;
}

export interface Replied {
  readonly type: 'replied';
  /** The result, or the check that failed. A refusal is a `CallFailure`. */
  readonly reply: Done | CheckFailed;
}

/** The command took effect at one moment. */
export interface Done {
  readonly type: 'done';
  /** Of the first operation that writes. */
  readonly version: number;
  /** Of each operation, if they are in several shards: else all have the version above. */
  readonly versions?: readonly number[];
  /** In the order of the operations. */
  readonly outputs: readonly Output[];
}

export type CheckFailed = Extract<Reply, { type: 'check-failed' }>;

/** It never takes effect: another transaction was in the way. */
export interface GaveWay {
  readonly type: 'gave-way';
  /** Of the operation whose key the other transaction holds, if that is known. */
  readonly position: number | undefined;
}

/** The rows of some keys. */
export interface ReadCall extends OpenCall<RowsRead> {
  readonly type: 'read';
  readonly keys: readonly Uint8Array[];
  readonly level: ReadLevel;
  /** All rows are as of one moment, in whatever shards they are. Never with a stale level. */
  readonly isJoint: boolean;
  /** Of the transaction that reads. */
  readonly priority?: Priority;
}

export interface RowsRead {
  readonly type: 'rows';
  /** One for each key. Their bytes keep the frame alive that brought them. */
  readonly rows: readonly (Row | undefined)[];
  /** For each row, the applied index of its shard at that moment. */
  readonly seenAt: readonly number[];
  /** For each row, the clock of the client less the log time of its shard, when it was read. */
  readonly clocks: readonly number[];
  /** They are as of one moment, because it was asked for or by chance. */
  readonly isOneMoment: boolean;
}

/** `failed` is the first check that was found not to hold. */
type Validated = { readonly type: 'validated'; readonly failed: number | undefined };

/** Whether all that was read still holds: then it was true at one moment. */
export interface ValidateCall extends OpenCall<Validated> {
  readonly type: 'validate';
  readonly checks: readonly Check[];
  /** Their positions follow those of the checks. */
  readonly ranges: readonly SeenRange[];
  readonly moments: Moments;
  readonly level: ReadLevel;
  readonly priority?: Priority;
}

/** The number of keys in a range, counted shard by shard. */
export interface CountCall extends OpenCall<{ readonly type: 'counted'; readonly count: number }> {
  readonly type: 'count';
  readonly range: KeyRange;
  readonly level: ReadLevel;
}

/** Succeeds as soon as the client has a map of the cluster. */
interface ReadyCall extends OpenCall<{ readonly type: 'ready' }> {
  readonly type: 'ready';
  /** It fails as soon as every url was dialled once in vain. */
  readonly failsFast?: boolean;
}

export type Call =
  | ReadyCall
  | Writing
  | ReadCall
  | ValidateCall
  | PageCall
  | CountCall
  | LockCall
  | UnlockCall
  | EndLeaseCall;
