/** What applications observe of a client: `node:diagnostics_channel` events, and counts. */

import { channel } from 'node:diagnostics_channel';
import type { KvErrorCode } from '../base/error-codes.ts';
import type { Outcome } from '../base/errors.ts';
import type { KeptLease } from './core/coordination/kept-lease.ts';

/** Published on `ringkv:call` at the end of each call. */
export interface CallEvent {
  /**
   * `read`, `write`, `count`; `page` of a scan; `commit` and `validate` of a transaction; `ready`
   * of `connect`.
   */
  readonly type: string;
  /** How long it took. */
  readonly milliseconds: number;
  /** Why it failed; undefined if it did not. */
  readonly code: KvErrorCode | undefined;
  /** Whether a failed call took effect; undefined if it did not fail. */
  readonly outcome: Outcome | undefined;
}

/** Published on `ringkv:retry` when a request to a shard will be sent again. */
export interface RetryEvent {
  /** The number of the shard. */
  readonly shard: number;
  /** The URL of the node that was asked. */
  readonly endpoint: string;
  /** What it answered, or why there is no answer. */
  readonly what: string;
}

/** Published on `ringkv:connection` when a connection changes. */
export interface ConnectionEvent {
  /** The URL, as it was given to `connect`; `kv://host:port` for other nodes. */
  readonly endpoint: string;
  /** `dialling`, then `up`, then `down`; or `down` at once if nothing answers. */
  readonly state: 'dialling' | 'up' | 'down';
  /** Why it is down. */
  readonly reason: string | undefined;
}

/** Published on `ringkv:watch` when something is worth knowing of a watch. */
export interface WatchNotification {
  /**
   * - `compacted`: changes were lost, and the shard is read again.
   * - `refused`: a message did not continue where the client was; the stream was opened again.
   * - `misfit`: a change did not fit what was told of its key before: a defect, please report it.
   *   The shard is read again.
   */
  readonly type: 'compacted' | 'refused' | 'misfit';
  /** The number of the shard. */
  readonly shard: number;
  /** Why a message was refused. */
  readonly why?: string;
}

/** Published on `ringkv:lease` when the state of a lease changes, those of locks included. */
export interface LeaseNotification {
  /** 32 hexadecimal digits, as `kvctl lease list` shows it. */
  readonly id: string;
  /** See `Lease.state`. */
  readonly state: 'held' | 'unsure' | 'ended';
  /** Why it has ended; undefined if it has not. See `EndedLease`. */
  readonly reason: 'released' | 'revoked' | 'expired' | 'closed' | undefined;
}

/** Counts of a client since it was made, as `stats` returns them. */
export interface ClientStats {
  /** Calls that have not ended. */
  readonly openCalls: number;
  /** Calls that have ended, failed ones included. */
  readonly endedCalls: number;
  /** Calls that have failed. */
  readonly failedCalls: number;
  /** Requests that were sent again, or could not be sent at once. */
  readonly retries: number;
  /** Attempts to connect to a node. */
  readonly dials: number;
  /** Re-reads of shards because watches had lost changes. */
  readonly compactions: number;
  /** Changes that did not fit what a watch was told before: a defect of the cluster. */
  readonly misfits: number;
  /** Open watches and views. */
  readonly watches: number;
  /** Leases that have not ended, those that locks share included. */
  readonly leases: number;
  /** Locks that this client owns. */
  readonly locks: number;
  /** The URLs of the nodes that are connected. */
  readonly connections: readonly string[];
}

const CALLS = channel('ringkv:call');
const RETRIES = channel('ringkv:retry');
const CONNECTIONS = channel('ringkv:connection');
const WATCHES = channel('ringkv:watch');
const LEASES = channel('ringkv:lease');

/** Counts, and publishes what is subscribed to: without a subscriber no event is built. */
export class Observation {
  #openCalls = 0;
  #endedCalls = 0;
  #failedCalls = 0;
  #retries = 0;
  #dials = 0;
  #compactions = 0;
  #misfits = 0;
  readonly #endpoints = new Map<number, string>();
  readonly #up = new Map<number, string>();

  statsWith(held: Pick<ClientStats, 'leases' | 'locks' | 'watches'>): ClientStats {
    return {
      openCalls: this.#openCalls,
      endedCalls: this.#endedCalls,
      failedCalls: this.#failedCalls,
      retries: this.#retries,
      dials: this.#dials,
      compactions: this.#compactions,
      misfits: this.#misfits,
      ...held,
      connections: [...this.#up.values()],
    };
  }

  beginCall(): void {
    this.#openCalls += 1;
  }

  /** The clock is read only for a subscriber. */
  endCall(
    type: string,
    since: { readonly began: number; readonly now: () => number },
    failure: { readonly code: KvErrorCode; readonly outcome: Outcome } | undefined,
  ): void {
    this.#openCalls -= 1;
    this.#endedCalls += 1;
    if (failure !== undefined) this.#failedCalls += 1;
    if (!CALLS.hasSubscribers) return;
    const milliseconds = since.now() - since.began;
    const { code, outcome } = failure ?? { code: undefined, outcome: undefined };
    CALLS.publish({ type, milliseconds, code, outcome } satisfies CallEvent);
  }

  retry(event: RetryEvent): void {
    this.#retries += 1;
    if (RETRIES.hasSubscribers) RETRIES.publish(event);
  }

  watch(event: WatchNotification): void {
    if (event.type === 'compacted') this.#compactions += 1;
    if (event.type === 'misfit') this.#misfits += 1;
    if (WATCHES.hasSubscribers) WATCHES.publish(event);
  }

  lease({ id, state, endReason: reason }: KeptLease): void {
    if (!LEASES.hasSubscribers) return;
    const event = { id: Buffer.from(id).toString('hex'), state, reason };
    LEASES.publish(event satisfies LeaseNotification);
  }

  dial(connection: number, endpoint: string): void {
    this.#dials += 1;
    this.#endpoints.set(connection, endpoint);
    this.#publish(endpoint, 'dialling', undefined);
  }

  rise(connection: number): void {
    const endpoint = this.#endpoints.get(connection) ?? '';
    this.#up.set(connection, endpoint);
    this.#publish(endpoint, 'up', undefined);
  }

  /** Does nothing for a connection that is down. */
  fall(connection: number, reason: string): void {
    const endpoint = this.#endpoints.get(connection);
    if (endpoint === undefined) return;
    this.#endpoints.delete(connection);
    this.#up.delete(connection);
    this.#publish(endpoint, 'down', reason);
  }

  #publish(endpoint: string, state: ConnectionEvent['state'], reason: string | undefined): void {
    if (!CONNECTIONS.hasSubscribers) return;
    CONNECTIONS.publish({ endpoint, state, reason } satisfies ConnectionEvent);
  }
}
