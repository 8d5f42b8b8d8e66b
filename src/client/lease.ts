/** Leases of the public API. */

import type { CallOptions } from './options.ts';

/** Options of `lease`. */
export interface LeaseOptions extends CallOptions {
  /**
   * Time to live in milliseconds, from 1000 to 3,600,000; 15,000 by default. How long its keys stay
   * when this process dies. Below 5000 a short outage of the cluster may end it.
   */
  readonly ttl?: number;
  /** A text of up to 256 bytes that `kvctl lease list` shows. */
  readonly note?: string;
}

/** Why a lease has ended. */
export interface EndedLease {
  /**
   * `released` by this client; `revoked` by an administrator; `expired`, because it was not kept
   * alive in time; `closed`, as the client was.
   */
  readonly reason: 'released' | 'revoked' | 'expired' | 'closed';
}

/**
 * A lease: the client keeps it alive in the background, with few messages however many keys hang on
 * it. Keys that are set with `{ lease }`, in any shards, are deleted when it ends: when it is
 * released or revoked, or when its time to live is over because this process died or was cut off.
 *
 * Time in which a shard has no leader does not count, so an outage of the cluster ends no lease.
 *
 * @example
 * ```ts
 * await using lease = await kv.lease({ ttl: 10_000 });
 * await kv.set('worker:7', { url: 'http://10.0.0.7' }, { lease });
 * const { signal } = lease; // aborts before worker:7 can be gone
 * while (!signal.aborted) await new Promise((resume) => setTimeout(resume, 1000));
 * ```
 */
export interface Lease extends AsyncDisposable {
  /** As `kvctl lease list` shows it: 32 hexadecimal digits. */
  readonly id: string;
  /** Its time to live in milliseconds. */
  readonly ttl: number;
  /**
   * `held`: every shard with a key of it has confirmed it in time. `unsure`: one has not, and may
   * have ended it; it may be held again. `ended`: for good. Judged by the clock when it is read.
   */
  readonly state: 'held' | 'unsure' | 'ended';
  /**
   * Of the present time in which it is held: aborts when it no longer is, before any server can
   * have ended it. Its `aborted` is judged by the clock when it is read. If the lease is held
   * again, that is another signal: read `signal` when work begins.
   */
  readonly signal: AbortSignal;
  /** Resolves when it has ended. Never rejects. */
  readonly ended: Promise<EndedLease>;
  /**
   * Ends it: when this resolves, its locks are free, and its keys will be gone within about half a
   * second, or when the transaction that holds a key at this moment is resolved. A call that names
   * the lease and is not answered by then has set its key, which goes too, or fails with
   * `lease-ended`. Safe to call twice. If it rejects, the lease is not kept alive any more, and is
   * ended in the background, or by itself when its time to live is over.
   *
   * @example
   * ```ts
   * const lease = await kv.lease();
   * await lease.release();
   * console.log((await lease.ended).reason); // released
   * ```
   */
  release(options?: CallOptions): Promise<void>;
}
