/** Options of calls that write. */

import type { FenceSource } from './fence.ts';
import type { Lease } from './lease.ts';
import type { CallOptions } from './options.ts';

/** Options of a write of one key. */
export interface WriteOptions extends CallOptions {
  /**
   * Writes only if the key has this version; 0: only if the key does not exist. An explicit
   * `undefined` is refused, so that a condition cannot be lost by mistake.
   */
  readonly ifVersion?: number;
  /**
   * Guards the write: it is refused with `fenced` once a newer owner of the lock has written in the
   * shard of the key. A lock that is not owned any more is refused with `lock-lost`, or with
   * `lock-released` if this client gave it back.
   */
  readonly fence?: FenceSource;
}

/** A key that lives for ever, or for a time. */
export interface TimedLife {
  /**
   * Time to live in milliseconds; the key expires then. Without it the key does not expire, also if
   * it did before: to write and keep an expiry, pass the time that is left.
   */
  readonly ttl?: number;
  /** Not together with `ttl`. */
  readonly lease?: never;
}

/** A key that lives as long as a lease. */
export interface LeasedLife {
  /** The key is deleted when the lease ends. */
  readonly lease: Lease;
  /** Not together with `lease`. */
  readonly ttl?: never;
}

/** How long a key lives: for ever, for a time, or as long as a lease. */
export type LifeOptions = TimedLife | LeasedLife;

/** Options of `set`. */
export type SetOptions = WriteOptions & LifeOptions;

/** Options of `add` and `append`. */
export interface AddOptions extends CallOptions {
  /**
   * Time to live in milliseconds of a key that the call creates. A key that exists keeps its
   * expiry, so the first call begins a window of time and the later ones do not extend it.
   */
  readonly ttl?: number;
  /** Guards the write, as for `set`. */
  readonly fence?: FenceSource;
}
