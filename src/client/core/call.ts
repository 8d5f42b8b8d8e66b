/** What a user asks for, as the core takes it. */

import { CLIENT_LIMITS } from '../../base/client-limits.ts';
import type { ShardId } from '../../base/ids.ts';
import type { Check, CheckRange, Command } from '../../machine/command.ts';
import type { Output, Reply } from '../../machine/reply.ts';
import type { Row } from '../../machine/row.ts';
import type { ReadLevel } from '../../wire/request.ts';
import type { KeyRange, Moments } from './range.ts';
import type { PageCall } from './scan.ts';
import type { OpenCall } from './shard-request.ts';

/** One command, which writes something. Its keys may lie anywhere. */
export interface WriteCall extends OpenCall<Replied> {
  readonly type: 'write';
  readonly command: Command;
}

/**
 * The end of a transaction that is run again if it comes to nothing. Whoever runs it is told of
 * contention at once: what it has read may not be true any more.
 */
export interface CommitCall extends OpenCall<Replied | GaveWay> {
  readonly type: 'commit';
  readonly command: Command;
  /** What was seen of ranges. They have the positions behind the command's. */
  readonly ranges: readonly SeenRange[];
  readonly moments: Moments;
  readonly priority: Priority;
}

/** Calls that end in a command, alone or over several shards. */
export type Writing = WriteCall | CommitCall;

/** A range of one shard, and what was seen there. */
export interface SeenRange {
  readonly shard: ShardId;
  readonly check: CheckRange;
}

/**
 * What the calls of one transaction have in common, first to last. The one with most failed
 * attempts has most right to a key, and then the eldest: so it wins in the end.
 */
export interface Priority {
  /**
   * Attempts that came to nothing; counted by whoever makes them. From `runsUnprotected` on the
   * leaders are asked to keep others off what is read, for a bounded time.
   */
  attempts: number;
  /** Log time of the first home shard when it began; filled in by the core. */
  age: number | undefined;
}

export function isProtected(priority: Priority | undefined): priority is Priority {
  return priority !== undefined && priority.attempts >= CLIENT_LIMITS.runsUnprotected;
}

export interface Replied {
  readonly type: 'replied';
  /** What happened, or a check that failed: a refusal is a failure. */
  readonly reply: Done | CheckFailed;
}

/** All of it happened, at one moment. */
export interface Done {
  readonly type: 'done';
  /** Of what was written first. */
  readonly version: number;
  /** Of each operation, where they are of several shards: else all have the one above. */
  readonly versions?: readonly number[];
  /** In the order of the operations, as all positions are. */
  readonly outputs: readonly Output[];
}

export type CheckFailed = Extract<Reply, { type: 'check-failed' }>;

/** Nothing happened and nothing will: another transaction was in the way. */
export interface GaveWay {
  readonly type: 'gave-way';
  /** Of the operation whose key the other one holds, if that is known. */
  readonly position: number | undefined;
}

/** The rows of some keys. */
export interface ReadCall extends OpenCall<RowsRead> {
  readonly type: 'read';
  readonly keys: readonly Uint8Array[];
  readonly level: ReadLevel;
  /** All as of one moment, wherever they lie. Never with a level that is stale. */
  readonly isJoint: boolean;
  /** Of the transaction that reads. */
  readonly priority?: Priority;
}

export interface RowsRead {
  readonly type: 'rows';
  /** One for each key. Their bytes keep the frame alive in which they came. */
  readonly rows: readonly (Row | undefined)[];
  /** For each of them, the index through which its shard was applied then. */
  readonly seenAt: readonly number[];
  /** They are as of one moment, by luck or because it was asked for. */
  readonly isOneMoment: boolean;
}

/** `failed` is the first check that was found not to hold. */
type Validated = { readonly type: 'validated'; readonly failed: number | undefined };

/** Whether all that was read is still so: then it was true at one moment. */
export interface ValidateCall extends OpenCall<Validated> {
  readonly type: 'validate';
  readonly checks: readonly Check[];
  /** They have the positions behind the checks'. */
  readonly ranges: readonly SeenRange[];
  readonly moments: Moments;
  readonly level: ReadLevel;
  readonly priority?: Priority;
}

/** How many keys there are in a range, shard by shard. */
export interface CountCall extends OpenCall<{ readonly type: 'counted'; readonly count: number }> {
  readonly type: 'count';
  readonly range: KeyRange;
  readonly level: ReadLevel;
}

/** Ends well as soon as the client knows the cluster. */
interface ReadyCall extends OpenCall<{ readonly type: 'ready' }> {
  readonly type: 'ready';
}

export type Call = ReadyCall | Writing | ReadCall | ValidateCall | PageCall | CountCall;
