/** What users may choose, for a client and for one call. */

import { CLIENT_LIMITS } from '../base/client-limits.ts';
import { KvError } from '../base/errors.ts';
import type { ReadLevel } from '../wire/request.ts';
import type { Codec } from './codec.ts';
import type { Balance } from './core/balance.ts';

/**
 * How fresh a read has to be. `linearizable`: it sees every write that was acknowledged before it
 * was asked. `lease`: the same, if clocks drift less than the cluster assumes. `stale`: what was
 * true at most that long ago, from any replica.
 */
export type Read = 'linearizable' | 'lease' | { readonly stale: { readonly maxMs: number } };

export interface ConnectOptions {
  /** Milliseconds for a call that does not say otherwise, and for connecting. 10 s by default. */
  readonly timeout?: number;
  readonly read?: Read;
  /** Which replica answers stale reads. `round-robin` by default. */
  readonly balance?: Balance;
  /** How values are spelled where nothing else is said: MessagePack by default. */
  readonly codec?: Codec<unknown>;
  /**
   * The id of the cluster, as `kvctl status` shows it: nodes of any other are refused with
   * `wrong-cluster`. Without it, that of the first node that answers.
   */
  readonly cluster?: string;
  /** Aborts connecting. */
  readonly signal?: AbortSignal;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** In milliseconds. The promise settles by then. */
  readonly timeout?: number;
}

export interface ReadOptions extends CallOptions {
  readonly read?: Read;
}

export interface WriteOptions extends CallOptions {
  /**
   * Only if the key has this version; 0 for a key that must not be there. Never undefined: what was
   * meant as a condition must not become none.
   */
  readonly ifVersion?: number;
}

export interface SetOptions extends WriteOptions {
  /** Milliseconds to live. For ever if it is not given. */
  readonly ttl?: number;
}

/** Options of a write that nothing stands against: it is not refused, and its type says so. */
export type Unconditional<O extends WriteOptions> = O & { readonly ifVersion?: never };

export interface SpaceOptions<V> {
  /** MessagePack, or that of the space around it, if none is given. */
  readonly codec?: Codec<V> | Codec<unknown>;
}

export function timeoutOf(timeout: number | undefined, usual: number): number {
  const chosen = timeout ?? usual;
  const max = CLIENT_LIMITS.timeoutMillisecondsMax;
  if (chosen > 0 && chosen <= max) return chosen;
  throw invalid(`timeout is ${chosen}, it may be from 1 to ${max} milliseconds`);
}

const CLUSTER_ID = /^[\x21-\x7e]{0,64}$/;

export function clusterOf(cluster = ''): string {
  if (CLUSTER_ID.test(cluster)) return cluster;
  throw invalid('cluster is no id of a cluster: 1 to 64 visible characters, see `kvctl status`');
}

export function levelOf(read: Read): ReadLevel {
  if (typeof read === 'string') return { type: read };
  const { maxMs } = read.stale;
  if (Number.isSafeInteger(maxMs) && maxMs >= 0) return { type: 'stale', ageMilliseconds: maxMs };
  throw invalid(`maxMs is ${maxMs}, it may be any whole number of milliseconds`);
}

export function lifeOf(ttl: number | undefined): number {
  if (ttl === undefined) return 0;
  if (Number.isSafeInteger(ttl) && ttl > 0) return ttl;
  throw invalid(`ttl is ${ttl}, it may be any whole number of milliseconds above 0`);
}

export function versionOf(version: number): number {
  if (Number.isSafeInteger(version) && version >= 0) return version;
  throw invalid(`the version ${version} is none that a key can have`);
}

export function invalid(message: string, cause?: unknown): KvError {
  return new KvError({ code: 'invalid-argument', outcome: 'notApplied', message, cause });
}
