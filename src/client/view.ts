/** Views of the public API: local copies of ranges that follow the cluster. */

import type { Key, KeyKind } from './key.ts';
import type { CallOptions } from './options.ts';
import type { RangeOptions } from './range-options.ts';
import type { ChangeEvent } from './watch.ts';

/** Which keys are viewed: a range by `prefix` or by `from` and `to`; all keys by default. */
export interface ViewOptions extends RangeOptions {
  /** The most bytes of keys and stored values: 256 MiB by default. Then it fails. */
  readonly maxBytes?: number;
  /** The form of keys, by default that of the space; keys of another form are given as bytes. */
  readonly keys?: KeyKind;
  /** Which replicas serve it. `any` spares the leaders, `leader` tells of writes a bit sooner. */
  readonly replicas?: 'any' | 'leader';
  /** Ends the view, as `close` does. */
  readonly signal?: AbortSignal;
}

/** A key of a view with its value and version. */
export interface ViewEntry<V> {
  /** The key inside its space, in the form that the option `keys` asks for. */
  readonly key: Key;
  /** The decoded value. It belongs to the view: do not change it. */
  readonly value: V;
  /** The version of the key, for `ifVersion` and `check`. */
  readonly version: number;
}

/** What a view tells a loop over its changes: a change, or that some were dropped. */
export type ViewChange<V> =
  | ChangeEvent<V>
  /** So many changes waited that they were dropped: read the view itself. */
  | { readonly type: 'reset' };

/**
 * A view: a copy of a range in the memory of this process that follows the cluster. It is read as
 * a `Map` is, in the order of keys, and reading it sends nothing; a loop over it gives what changes
 * meanwhile as it is when the loop comes to it. It is empty until `ready`, and late by the time
 * that a change takes to arrive; `sync` waits for what was acknowledged. It survives failures of
 * nodes, and keeps what it has while no node can be reached. It keeps the process alive until it is
 * closed.
 *
 * @example
 * ```ts
 * await using settings = kv.view<string>({ prefix: 'setting:' });
 * await settings.ready;
 * console.log(settings.get('setting:theme')?.value, settings.size);
 * for (const [key, { value }] of settings) console.log(key, value);
 * ```
 */
export interface View<V> extends ReadonlyMap<Key, ViewEntry<V>>, AsyncDisposable {
  /** Resolves when the range was read; rejects if that fails. */
  readonly ready: Promise<void>;
  /** Grows by one with every change of this copy: a view with the same revision is the same. */
  readonly revision: number;
  /** The number of keys. */
  readonly size: number;
  /**
   * When all of it was last proven to be current, as `Date.now()` counts; undefined while it is, to
   * a few seconds. It is a copy of the past while no replica can be reached that is fresh.
   */
  readonly staleSince: number | undefined;
  /**
   * The entry of a key; undefined if it does not exist, or not yet.
   *
   * @example
   * ```ts
   * const settings = kv.view<string>({ prefix: 'setting:' });
   * const theme = settings.get('setting:theme')?.value;
   * ```
   */
  get(key: Key): ViewEntry<V> | undefined;
  /**
   * Whether a key exists.
   *
   * @example
   * ```ts
   * const settings = kv.view<string>({ prefix: 'setting:' });
   * if (!settings.has('setting:theme')) console.log('no theme is set');
   * ```
   */
  has(key: Key): boolean;
  /**
   * Resolves when the view contains everything that was acknowledged before this call, by any
   * client: reading it then is linearizable.
   *
   * @example
   * ```ts
   * const settings = kv.view<string>({ prefix: 'setting:' });
   * await kv.set('setting:theme', 'dark');
   * await settings.sync();
   * console.log(settings.get('setting:theme')?.value); // dark
   * ```
   */
  sync(options?: CallOptions): Promise<void>;
  /**
   * The changes of the view from now on, each after it was made. Ends when the view is closed.
   *
   * @example
   * ```ts
   * const settings = kv.view<string>({ prefix: 'setting:' });
   * for await (const change of settings.changes()) {
   *   if (change.type === 'set') console.log(change.key, change.value);
   * }
   * ```
   */
  changes(): AsyncIterable<ViewChange<V>>;
  /**
   * Ends the view, and the loops over its changes. What it has can still be read. Safe to call
   * twice.
   *
   * @example
   * ```ts
   * const settings = kv.view<string>({ prefix: 'setting:' });
   * await settings.close();
   * ```
   */
  close(): Promise<void>;
}
