/** The calls for leases, locks and elections, which a client and its spaces have alike. */

import type { Election, ElectionOptions } from './election.ts';
import type { Key } from './key.ts';
import type { Lease, LeaseOptions } from './lease.ts';
import type { Lock, LockOptions, TryLockOptions } from './lock.ts';

/**
 * Leases, locks and elections: calls of `Client` and `Space` alike. Names of locks lie in their
 * space, as keys do, and a complete `{tag}` puts a lock into the shard of its keys. The name of a
 * lock is no key: `get` does not see it.
 */
export interface LockCalls {
  /**
   * Takes a lease, which the client keeps alive until it is released, revoked or lost. See `Lease`.
   *
   * @example
   * ```ts
   * const lease = await kv.lease({ ttl: 10_000, note: 'worker 7' });
   * await kv.set('worker:7', 'ready', { lease }); // deleted when the lease ends
   * await lease.release();
   * ```
   */
  lease(options?: LeaseOptions): Promise<Lease>;

  /**
   * Takes a lock, or waits for it in a queue that the server keeps: first come, first served, and
   * one owner at a time, or any number of owners that ask for it as `shared`. Rejects with
   * `lock-unavailable` if it was not free within `wait`.
   *
   * @example
   * ```ts
   * await using lock = await kv.lock('report', { wait: 30_000 });
   * await kv.set('report:today', 'in progress', { fence: lock });
   * ```
   */
  lock(name: Key, options?: LockOptions): Promise<Lock>;

  /**
   * Takes a lock that is free and that no other call waits for. Undefined if it is not.
   *
   * @example
   * ```ts
   * const lock = await kv.tryLock('cleanup');
   * if (lock === undefined) console.log('another process cleans up');
   * else await lock.release();
   * ```
   */
  tryLock(name: Key, options?: TryLockOptions): Promise<Lock | undefined>;

  /**
   * Runs a function while it owns the lock, and releases the lock when the function has settled.
   * The function is never cut off: it has to stop by itself when `lock.signal` aborts. If it
   * throws, so does the call. If it returns although the lock was lost before, the call rejects
   * with `lock-lost`: what the function has written may be in the way of another owner.
   *
   * @example
   * ```ts
   * const total = await kv.withLock('totals', async (lock) => {
   *   await lock.guard(['total']);
   *   const sum = ((await kv.get<number>('total'))?.value ?? 0) + 1;
   *   await kv.set('total', sum, { fence: lock });
   *   return sum;
   * });
   * ```
   */
  withLock<T>(name: Key, work: (lock: Lock) => Promise<T> | T, options?: LockOptions): Promise<T>;

  /**
   * Takes one of so many permits, 1 to 256, or waits for one in a queue, first come, first served.
   * All callers have to name the same number. Permits have no fence.
   *
   * @example
   * ```ts
   * await using permit = await kv.semaphore('downloads', 4);
   * if (permit.isOwned) console.log('one of four downloads');
   * ```
   */
  semaphore(
    name: Key,
    permits: number,
    options?: LockOptions & { readonly shared?: never },
  ): Promise<Lock>;

  /**
   * Stands for election: among all clients that do so for the same key, one leads at a time, and
   * the key has its value. No request is sent before `lead`. See `Election`.
   *
   * @example
   * ```ts
   * const election = kv.elect('scheduler', { value: 'node-7' });
   * const { signal } = await election.lead();
   * console.log(signal.aborted); // false: this process leads
   * await election.resign();
   * ```
   */
  elect<V>(key: Key, options: ElectionOptions<V>): Election<V>;
}
