/** What a client asks of the data of a shard: operations, commands, batches. */

import type { Int64 } from './int64.ts';

/** One thing done to one key. Checks decide, reads see the state before the command's writes. */
export type Operation = Check | CheckRange | Get | Put | Delete | Arithmetic | AppendValue;

export type Check =
  /** The key has this version; 0 for a key that is not there. */
  | { readonly type: 'check-version'; readonly key: Uint8Array; readonly version: number }
  /** The key is there and has exactly this value. */
  | { readonly type: 'check-value'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: 'check-presence'; readonly key: Uint8Array; readonly isThere: boolean };

/**
 * Nothing was written to or removed from [key, to) since that many keys were seen there: none has a
 * version above the index that had been applied then, none is missing, and none came and went.
 * No bytes leave the end open. Only a transaction may have it, and only a leader can judge it.
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

/** From the entry's log time on it lives that long, 0 for ever, whatever was said before. */
interface Put {
  readonly type: 'put';
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly lifeMilliseconds: number;
}

interface Delete {
  readonly type: 'delete';
  readonly key: Uint8Array;
}

/** On a MessagePack integer. A key that is not there is 0 to `add`, the operand to the others. */
export interface Arithmetic {
  readonly type: 'add' | 'min' | 'max';
  readonly key: Uint8Array;
  readonly operand: Int64;
}

/** Bytes behind bytes. As arithmetic, it leaves alone when the key expires. */
export interface AppendValue {
  readonly type: 'append';
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** A minitransaction: all of its operations take effect, or none. It writes something. */
export type Command = readonly Operation[];

/**
 * What one client asked of one shard in one turn. Commands are independent of each other, so no
 * two touch a key that one of them writes.
 *
 * All copies of a command have the same sequence and position, the same deadline and the same
 * words: exactly-once depends on it. A later copy of the batch may lack some commands: one without
 * operations stands for each that is not asked for any more.
 */
export interface CommandBatch {
  /** 16 random bytes, drawn once in a client's life. */
  readonly client: Uint8Array;
  /** In the shard's log time: past it nothing of the batch is done any more. */
  readonly deadline: number;
  /**
   * Names the request, and by its remainder the slot that it uses. A client has one open request
   * in a slot, and a later one of the slot has a greater sequence: it acknowledges all before.
   */
  readonly sequence: number;
  readonly commands: readonly Command[];
}
