/** Watches of the public API: options, events, and what `watch` returns. */

import type { Key, KeyKind } from './key.ts';
import type { CallOptions } from './options.ts';
import type { RangeOptions } from './range-options.ts';

/** What is watched: a key, or a range by `prefix` or by `from` and `to`; all keys by default. */
export interface WatchOptions extends RangeOptions {
  /** One key. Not together with a range. */
  readonly key?: Key;
  /**
   * Continues behind the last event that was given when the token of an earlier watch of the same
   * space and range was taken, in any process: `kv.watch({ prefix, resume: watch.token })`.
   * `bad-token` if they are not the same.
   */
  readonly resume?: string | undefined;
  /** Whether the present keys come first, as `set` events. By default if nothing is resumed. */
  readonly initial?: boolean;
  /** Events without values: less is sent. */
  readonly keysOnly?: boolean;
  /** Only changes of keys are given, not what is told of the watch itself. */
  readonly changesOnly?: boolean;
  /** The form of keys, by default that of the space; keys of another form are given as bytes. */
  readonly keys?: KeyKind;
  /** What may wait for the loop, in bytes: 16 KiB to 64 MiB, 1 MiB by default. */
  readonly bufferBytes?: number;
  /** Which replicas serve it. `any` spares the leaders, `leader` tells of writes a bit sooner. */
  readonly replicas?: 'any' | 'leader';
  /** Ends the loop: it rejects with `aborted`. */
  readonly signal?: AbortSignal;
}

/** Options with which events have no values. */
export type WatchKeys<O extends WatchOptions = WatchOptions> = O & { readonly keysOnly: true };

/** Options with which only changes of keys are given. */
export type ChangesOnly = WatchOptions & { readonly changesOnly: true };

/** What every change of a key says. */
export interface KeyChanged {
  /** The key inside its space, in the form that the option `keys` asks for. */
  readonly key: Key;
  /** The version that the key had before; 0 if it did not exist. */
  readonly previousVersion: number;
  /**
   * The same text for all changes of one command or transaction. Those of one shard come one behind
   * the other. Empty for what was read and not told as a change.
   */
  readonly transaction: string;
  /** The last change of its command or transaction in its shard and in the range. */
  readonly isLast: boolean;
}

/** A key was written. */
export interface KeySet<V> extends KeyChanged {
  /** `set`, whichever call wrote it. */
  readonly type: 'set';
  /** The new value. */
  readonly value: V;
  /** The new version. */
  readonly version: number;
  /** It was read: it may have been written at any time before. */
  readonly isInitial: boolean;
}

/** A key was deleted. */
export interface KeyDeleted extends KeyChanged {
  /** By a call of `delete` or `clear`. */
  readonly type: 'delete';
}

/** A key has expired. */
export interface KeyExpired extends KeyChanged {
  /** By the time to live of the key or of its lease. */
  readonly type: 'expire';
  /** Whether it was the time to live of the key itself, or the end of its lease. */
  readonly cause: 'ttl' | 'lease';
}

/** A change of a key. */
export type ChangeEvent<V> = KeySet<V> | KeyDeleted | KeyExpired;

/** A change of a key, without its value. */
export type KeyEvent = Omit<KeySet<never>, 'value'> | KeyDeleted | KeyExpired;

/**
 * What is told of the watch itself.
 *
 * - `synced`: the keys that existed were all given, or after `compacted`: their differences. They
 *   contain everything that was acknowledged before the watch began.
 * - `progress`: nothing new, about every two seconds. The token is worth saving.
 * - `compacted`: changes were lost, because the cluster had forgotten them. The keys are read
 *   again, through the next `synced`. With `differences` only what differs is given, and a `delete`
 *   for each key that is gone. Without, every key is given, and one that is not is gone.
 * - `lagging`: the buffer was full for so long, because the loop is slow. Nothing was lost.
 */
export type WatchStatus =
  | { readonly type: 'synced' }
  | { readonly type: 'progress' }
  | { readonly type: 'compacted'; readonly differences: boolean }
  | { readonly type: 'lagging'; readonly milliseconds: number };

/** An event of a watch: a change of a key, or of the watch itself. */
export type WatchEvent<V> = ChangeEvent<V> | WatchStatus;

/** A change whose value the codec of the watch could not decode. */
export interface Undecoded {
  /** The key inside its space, in the form that the option `keys` asks for. */
  readonly key: Key;
  /** The version with this value. */
  readonly version: number;
  /**
   * A token behind this change: a watch that resumes from it goes on without the change. Undefined
   * if the value was read and not told as a change: as long as the key has it, a watch without
   * `keysOnly` that reads the range will meet it again.
   */
  readonly tokenBehind: string | undefined;
}

/**
 * A watch, to be iterated once with `for await`: every change of its keys once, in the order of
 * each key, through failures of nodes and of connections. It begins when it is made; leaving the
 * loop ends it. It keeps the process alive.
 *
 * @example
 * ```ts
 * for await (const event of kv.watch<User>({ prefix: 'user:' })) {
 *   if (event.type === 'set') console.log(event.key, event.value.name);
 *   else if (event.type === 'delete') console.log(event.key, 'is gone');
 * }
 * ```
 */
export interface Watch<E> extends AsyncIterable<E>, AsyncDisposable {
  /**
   * Where to continue behind the last event that was given, also when the loop has failed: a text
   * that may be stored, and used by another process. Throws `invalid-argument` before the first
   * `synced` of a watch that gives the present keys first. See the option `resume`.
   */
  readonly token: string;
  /**
   * The change that ended the loop with `damaged-value`, because the codec could not decode its
   * value; undefined otherwise. `token` does not cover it.
   *
   * @example
   * ```ts
   * const watch = kv.watch<User>({ prefix: 'user:', initial: false });
   * try {
   *   for await (const event of watch) console.log(event.type);
   * } catch (error) {
   *   if (watch.undecoded === undefined) throw error;
   *   console.error('skipping', watch.undecoded.key, watch.undecoded.version);
   *   const next = kv.watch<User>({ prefix: 'user:', resume: watch.undecoded.tokenBehind });
   *   await next.close();
   * }
   * ```
   */
  readonly undecoded: Undecoded | undefined;
  /**
   * Resolves when everything that was acknowledged before this call has been given to the loop.
   * Rejects with `timeout` if the loop does not take it in time: so call it beside the loop, not in
   * it.
   *
   * @example
   * ```ts
   * const watch = kv.watch({ prefix: 'user:', initial: false });
   * await watch.sync(); // it has begun: all later changes will be given
   * ```
   */
  sync(options?: CallOptions): Promise<void>;
  /**
   * Ends the watch, and the loop over it, normally; closing the client instead ends the loop with
   * `closed`. Safe to call twice.
   *
   * @example
   * ```ts
   * const watch = kv.watch({ key: 'config' });
   * setTimeout(() => watch.close(), 60_000);
   * for await (const event of watch) console.log(event.type); // ends after a minute
   * ```
   */
  close(): Promise<void>;
}
