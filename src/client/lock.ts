/** Locks of the public API. */

import type { Fence, FenceOwner } from './fence.ts';
import type { Key } from './key.ts';
import type { Lease } from './lease.ts';
import type { CallOptions } from './options.ts';

/** Options of `tryLock`. */
export interface TryLockOptions {
  /**
   * Time to live in milliseconds, from 1000 to 3,600,000; 15,000 by default: how long the lock
   * stays taken when this process dies. While it lives, the lock is kept.
   */
  readonly ttl?: number;
  /** Others may own the lock at the same time if they ask for it so too. */
  readonly shared?: boolean;
  /** The lease that the lock hangs on. By default one that the locks of this client share. */
  readonly lease?: Lease;
  /** A text of up to 256 bytes that `kvctl locks` shows. */
  readonly note?: string;
  /** Gives up early: the call rejects with `aborted`. No effect on a lock that is owned. */
  readonly signal?: AbortSignal;
}

/** Options of `lock`. */
export interface LockOptions extends TryLockOptions {
  /**
   * How long to wait in the queue, in milliseconds, up to 24 hours; by default the timeout of the
   * client. 0: not at all.
   */
  readonly wait?: number;
  /**
   * Called with the position in the queue, from 1, when it is known and when it changes. If it
   * throws, the call leaves the queue and rejects with what was thrown.
   */
  readonly onWait?: (position: number) => void;
}

/**
 * A lock that this client owns, until it is released or lost. It is lost when its lease is not
 * confirmed in time, because this process or the cluster was stopped or cut off: then another owner
 * may have it, and it does not come back. Never re-entrant: a second `lock` of the same name waits.
 *
 * Check `isOwned` or `signal` before each step of what the lock protects. A process can stop
 * between such a check and its write, so only guarded writes are safe: pass the lock as `fence`.
 *
 * @example
 * ```ts
 * await using lock = await kv.lock('report', { wait: 30_000 });
 * await lock.guard(['report:today']); // from now on former owners cannot write there
 * const report = await kv.get<number>('report:today');
 * await kv.set('report:today', (report?.value ?? 0) + 1, { fence: lock });
 * ```
 */
export interface Lock extends FenceOwner, AsyncDisposable {
  /** As the caller gave it. */
  readonly name: Key;
  /** For guarded writes, here or in another process. A semaphore has none: `bad-fence`. */
  readonly fence: Fence;
  /**
   * Aborts when the lock is lost, before it can have another owner: its reason has the code
   * `lock-lost`. Also when it is released: `lock-released`. Its `aborted` is judged by the clock
   * when it is read, also long after the signal was.
   */
  readonly signal: AbortSignal;
  /** Whether it is owned now. Judged by the clock when it is read. */
  readonly isOwned: boolean;
  /** How `kvctl locks` names this owner: the id of its lease. */
  readonly owner: string;
  /**
   * Tells the shards of these keys of this owner, so that none of them takes a guarded write of a
   * former owner any more. Without it a shard learns of this owner by its first guarded write. Call
   * it before you read what you are going to write.
   *
   * @example
   * ```ts
   * await kv.withLock('cart:7', async (lock) => {
   *   await lock.guard(['cart:7:items']);
   *   const items = (await kv.get<string[]>('cart:7:items'))?.value ?? [];
   *   await kv.set('cart:7:items', [...items, 'tea'], { fence: lock });
   * });
   * ```
   */
  guard(keys: readonly Key[], options?: CallOptions): Promise<void>;
  /**
   * Gives the lock to the next in the queue. Twice is once; a lock that was lost is released
   * already. If it rejects, the lock is given back in the background.
   *
   * @example
   * ```ts
   * const lock = await kv.lock('report');
   * await lock.release();
   * ```
   */
  release(options?: CallOptions): Promise<void>;
}
