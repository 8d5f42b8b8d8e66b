/** What a client asks of a shard's data: operations, commands, batches. */

import type { Int64 } from './int64.ts';

/** One operation on one key. Checks decide; reads see the state before the command's writes. */
export type Operation =
  | Check
  | CheckRange
  | Get
  | SetValue
  | Delete
  | Arithmetic
  | AppendValue
  | Touch
  | Acquire
  | Release
  | EndLease
  | FenceCheck;

export type Check =
  /** The key has this version; 0 for an absent key. */
  | { readonly type: 'check-version'; readonly key: Uint8Array; readonly version: number }
  /** The key is present and has exactly this value. */
  | { readonly type: 'check-value'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: 'check-presence'; readonly key: Uint8Array; readonly isThere: boolean };

/**
 * The range [key, to) is unchanged since that many keys were seen in it: no key has a version above
 * the index that was applied then, none is missing, and none was written and deleted again. No
 * bytes leave the end open. Only a transaction may carry it, and only a leader can evaluate it.
 */
export interface CheckRange {
  readonly type: 'check-range';
  readonly key: Uint8Array;
  readonly to: Uint8Array;
  readonly count: number;
  /** The index through which the shard was applied when they were seen. */
  readonly seenAt: number;
}

interface Get {
  readonly type: 'get';
  readonly key: Uint8Array;
}

/**
 * The time to live starts at the entry's log time; 0 for no expiry, whatever was set before. With a
 * lease the key is attached to it and has no other expiry.
 */
export interface SetValue {
  readonly type: 'set';
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly lifeMilliseconds: number;
  readonly lease?: LeaseReference | undefined;
}

/** The lease that a key or a ticket is attached to: it has to be alive, or is opened. */
export interface LeaseReference {
  readonly id: Uint8Array;
  /** Opens the lease unless the shard has it; one that is alive is renewed, as a keep does. */
  readonly opening: LeaseOpening | undefined;
}

export interface LeaseOpening {
  readonly ttlMilliseconds: number;
  /** For people. */
  readonly note: Uint8Array;
}

interface Delete {
  readonly type: 'delete';
  readonly key: Uint8Array;
}

/**
 * On a MessagePack integer. An absent key is 0 to `add`, and the operand to the others. The time to
 * live is that of a key which the operation creates, 0 for no expiry; an existing key keeps its
 * expiry.
 */
export interface Arithmetic {
  readonly type: 'add' | 'min' | 'max';
  readonly key: Uint8Array;
  readonly operand: Int64;
  readonly lifeMilliseconds: number;
}

/** Appends bytes to the value. The time to live is as that of arithmetic. */
export interface AppendValue {
  readonly type: 'append';
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly lifeMilliseconds: number;
}

/**
 * Sets only when a key expires: its time to live starts anew at the entry's log time; 0 for no
 * expiry. Value and version stay. An absent key stays absent; a key that is attached to a lease
 * stays attached, and counts as absent.
 */
export interface Touch {
  readonly type: 'touch';
  readonly key: Uint8Array;
  readonly lifeMilliseconds: number;
}

export const LOCK_KINDS = ['exclusive', 'shared', 'semaphore'] as const;
export type LockKind = (typeof LOCK_KINDS)[number];

/**
 * Takes a ticket at a lock: it owns the lock at once, or waits in the queue. Alone in its command,
 * and in batches only.
 */
export interface Acquire {
  readonly type: 'acquire';
  /** The name of the lock. */
  readonly key: Uint8Array;
  readonly lease: LeaseReference;
  /** Random. A ticket that is there already stays as it is. */
  readonly ticket: number;
  readonly kind: LockKind;
  /** Of a semaphore, the same for all its tickets; else 1. */
  readonly permits: number;
  /** Otherwise no ticket is kept unless it owns the lock at once. */
  readonly isWaiting: boolean;
  /** For people. */
  readonly note: Uint8Array;
}

/** Gives a ticket back, owning or waiting. Alone in its command, and in batches only. */
export interface Release {
  readonly type: 'release';
  /** The name of the lock. */
  readonly key: Uint8Array;
  readonly ticket: number;
}

/** Ends a lease. Alone in its command, and in batches only. */
export interface EndLease {
  readonly type: 'end-lease';
  /** Any key of the shard, for routing. */
  readonly key: Uint8Array;
  readonly lease: Uint8Array;
}

/**
 * Guards the command: it fails if the shard has executed a guarded write with a higher token under
 * this name. Otherwise its token is the highest from now on.
 */
export interface FenceCheck {
  readonly type: 'fence';
  /** A guarded key, for routing. */
  readonly key: Uint8Array;
  readonly name: Uint8Array;
  readonly token: number;
}

/** A minitransaction: all of its operations take effect, or none. It writes something. */
export type Command = readonly Operation[];

/**
 * What one client asks of one shard in one turn. Commands are independent: no two touch a key that
 * one of them writes.
 *
 * All copies of a command have the same sequence, position, deadline and bytes: exactly-once
 * depends on it. A later copy of the batch may lack some commands: an empty one stands for each
 * that is not asked for any more.
 */
export interface CommandBatch {
  /** 16 random bytes, drawn once in a client's life. */
  readonly client: Uint8Array;
  /** In the shard's log time: after it no command of the batch is executed. */
  readonly deadline: number;
  /**
   * Names the request; its remainder selects the slot. A client has one open request in a slot, and
   * a later one of the slot has a greater sequence: it acknowledges all before.
   */
  readonly sequence: number;
  readonly commands: readonly Command[];
}
