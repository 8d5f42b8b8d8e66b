/** Elections of the public API. */

import type { Fence } from './fence.ts';

/** Options of `elect`. */
export interface ElectionOptions<V> {
  /** What the key holds while this client leads: its address, for example. */
  readonly value: V;
  /**
   * Time to live in milliseconds, from 1000 to 3,600,000; 15,000 by default: how long a leader that
   * died keeps others from leading.
   */
  readonly ttl?: number;
  /** A text of up to 256 bytes that `kvctl locks` shows. */
  readonly note?: string;
}

/** Options of `lead`. */
export interface LeadOptions {
  /** How long to wait for the leadership, in milliseconds; by default 24 hours, the most. */
  readonly wait?: number;
  /** Gives up early: the call rejects with `aborted`. No effect on a leadership that began. */
  readonly signal?: AbortSignal;
}

/** Options of `observe`. */
export interface ObserveOptions {
  /** Ends the loop: it rejects with `aborted`. */
  readonly signal?: AbortSignal;
}

/**
 * The candidacy of this client. At most one of the candidates for a key leads; they lead in the
 * order in which they asked. The key holds the value of the leader, and does not exist while there
 * is none.
 *
 * @example
 * ```ts
 * await using election = kv.elect('scheduler', { value: 'http://10.0.0.7' });
 * const { signal, fence } = await election.lead();
 * while (!signal.aborted) {
 *   await kv.add('ticks', 1, { fence });
 *   await new Promise((resume) => setTimeout(resume, 1000));
 * }
 * ```
 */
export interface Election<V> extends AsyncDisposable {
  /**
   * Waits until this client leads. A second call resolves to the same leadership while it lasts;
   * after it was lost, the call queues anew.
   *
   * @example
   * ```ts
   * const election = kv.elect('scheduler', { value: 'node-7' });
   * const leadership = await election.lead({ wait: 60_000 });
   * console.log(leadership.isLeader);
   * await election.resign();
   * ```
   */
  lead(options?: LeadOptions): Promise<Leadership<V>>;
  /**
   * Gives the leadership up, if there is one: the key is deleted, and the next candidate leads. A
   * call of `lead` that waits is `aborted`.
   *
   * @example
   * ```ts
   * const election = kv.elect('scheduler', { value: 'node-7' });
   * await election.lead();
   * await election.resign();
   * ```
   */
  resign(): Promise<void>;
  /**
   * The value of the present leader, and of each later one; undefined while there is none. A client
   * that only observes is no candidate. Leaving the loop ends it.
   *
   * @example
   * ```ts
   * const election = kv.elect<string>('scheduler', { value: '' });
   * for await (const leader of election.observe()) console.log(leader ?? 'no leader');
   * ```
   */
  observe(options?: ObserveOptions): AsyncIterable<V | undefined>;
}

/** A time in which this client leads. */
export interface Leadership<V> {
  /** For guarded writes: the token grows from leader to leader. */
  readonly fence: Fence;
  /** Aborts when the leadership is lost, before another client can lead; also when it resigns. */
  readonly signal: AbortSignal;
  /** Whether this client leads now. Judged by the clock when it is read. */
  readonly isLeader: boolean;
  /**
   * Writes another value under the key of the election.
   *
   * @example
   * ```ts
   * const election = kv.elect('scheduler', { value: 'starting' });
   * const leadership = await election.lead();
   * await leadership.proclaim('ready');
   * await election.resign();
   * ```
   */
  proclaim(value: V): Promise<void>;
}
