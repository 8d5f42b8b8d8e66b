/** Options of a client and of its calls. */

import { tokenBytes } from '../access/token.ts';
import { KvError } from '../base/errors.ts';
import { MACHINE_LIMITS } from '../base/limits.ts';
import { typeNameOf } from '../base/type-name.ts';
import type { ReadLevel } from '../wire/request.ts';
import type { Codec } from './codec.ts';
import type { Balance } from './core/balance.ts';
import { CLIENT_LIMITS } from './limits.ts';

/**
 * How fresh a read has to be. `linearizable`: it sees every write that was acknowledged before the
 * read began. `lease`: the same, as long as clocks drift less than the cluster assumes, and without
 * a round of messages. `stale`: what was true at most `maxMs` milliseconds ago, from any replica.
 */
export type Read = 'linearizable' | 'lease' | { readonly stale: { readonly maxMs: number } };

/** Certificates and keys as PEM texts. TLS 1.3 is required. */
export interface TlsOptions {
  /**
   * The authorities that sign the certificates of the nodes. With it, a node is known by its
   * certificate, whatever its host name is. By default those that the system trusts, and the host
   * name decides.
   */
  readonly ca?: string;
  /** The client's certificate; needed where the nodes demand one. */
  readonly cert?: string;
  /** The private key of `cert`. */
  readonly key?: string;
  /** The host name that the certificates of the nodes have to have. */
  readonly serverName?: string;
}

/** Options of `connect`: defaults for all calls of the client. */
export interface ConnectOptions {
  /** Default timeout of a call, and of connecting, in milliseconds. 10,000 by default. */
  readonly timeout?: number;
  /** Default read level of a call. `linearizable` by default. */
  readonly read?: Read;
  /** Which replica answers stale reads. `round-robin` by default. */
  readonly balance?: Balance;
  /** How values become bytes, unless a space has a codec of its own. MessagePack by default. */
  readonly codec?: Codec<unknown>;
  /**
   * The id of the cluster, as `kvctl status` shows it: nodes of any other are refused with
   * `wrong-cluster`. By default the cluster of the first node that answers.
   */
  readonly cluster?: string;
  /**
   * Who the client is: a token as `kvctl token create` prints it, or a function that returns one,
   * called for each connection, so that a token can be replaced while the client runs. Clusters
   * without access control need none.
   */
  readonly token?: string | (() => string);
  /**
   * True: `connect` waits up to `timeout` for a node, although every URL refuses, for programs that
   * may start before the cluster does. By default it rejects then at once, with `unreachable`.
   */
  readonly wait?: boolean;
  /**
   * Milliseconds: once no node was reached for so long, open and new calls fail at once with
   * `unreachable`, instead of each waiting for its timeout. A call that fails so also tries to
   * connect in the background, so calls succeed again soon after a node is back. By default calls
   * wait.
   */
  readonly failFastAfter?: number;
  /**
   * True: the stack of each error ends with the line that made the call. By default it does not,
   * because noting the line of each call costs a part of a `get`. For development and tests.
   */
  readonly debug?: boolean;
  /** Encrypts all connections, as `kvs://` does, with these certificates. */
  readonly tls?: TlsOptions;
  /** Aborts connecting; it has no effect on the client afterwards. */
  readonly signal?: AbortSignal;
}

/** Options that every call takes. */
export interface CallOptions {
  /** Ends the call early: it rejects with `aborted`. */
  readonly signal?: AbortSignal;
  /** In milliseconds, up to 240,000. The promise settles by then. */
  readonly timeout?: number;
}

/** Options of a read. */
export interface ReadOptions extends CallOptions {
  /** How fresh the result has to be. By default that of the client. */
  readonly read?: Read;
}

/** Options of `snapshot`. */
export interface SnapshotOptions extends CallOptions {
  /** By default that of the client, or `linearizable` if that of the client is `stale`. */
  readonly read?: 'linearizable' | 'lease';
}

export function timeoutOf(timeout: number | undefined, usual: number): number {
  const chosen = timeout ?? usual;
  const max = CLIENT_LIMITS.timeoutMillisecondsMax;
  if (typeof chosen === 'number' && chosen > 0 && chosen <= max) return chosen;
  throw invalid(`timeout must be more than 0 and at most ${max} milliseconds (got ${chosen})`);
}

/** Undefined: the connections are plain. A part that is no text would be ignored silently. */
export function tlsOf(tls: TlsOptions | undefined, isSecureUrl: boolean): TlsOptions | undefined {
  if (tls === undefined) return isSecureUrl ? {} : undefined;
  for (const name of ['ca', 'cert', 'key', 'serverName'] as const) {
    const given: unknown = tls[name];
    if (given !== undefined && typeof given !== 'string') {
      throw invalid(`tls.${name} must be a text (got ${typeNameOf(given)})`);
    }
  }
  const { cert, key } = tls;
  if ((cert === undefined) === (key === undefined)) return tls;
  const missing = cert === undefined ? 'cert' : 'key';
  throw invalid(`tls.${missing} is missing: a certificate and its key belong together`);
}

export function failFastOf(milliseconds: number | undefined): number | undefined {
  if (milliseconds === undefined) return undefined;
  if (typeof milliseconds === 'number' && milliseconds > 0) return milliseconds;
  throw invalid(`failFastAfter must be more than 0 milliseconds (got ${milliseconds})`);
}

/** The message shows nothing of the token. */
export function tokenOf(token: ConnectOptions['token']): Uint8Array | undefined {
  if (token === undefined) return undefined;
  const bytes = tokenBytes((typeof token === 'function' ? token() : token).trim());
  if (bytes !== undefined) return bytes;
  throw invalid('token must be a token as kvctl token create prints it: an id, a dot, a secret');
}

const CLUSTER_ID = /^[\x21-\x7e]{0,64}$/;

export function clusterOf(cluster = ''): string {
  if (CLUSTER_ID.test(cluster)) return cluster;
  throw invalid('cluster must be an id of 1 to 64 visible characters; kvctl status shows it');
}

export function levelOf(read: Read): ReadLevel {
  if (read === 'linearizable' || read === 'lease') return { type: read };
  const { stale } = Object(read) as { readonly stale?: { readonly maxMs: number } };
  if (typeof stale !== 'object' || stale === null) {
    const known = "'linearizable', 'lease' or { stale: { maxMs } }";
    throw invalid(`read must be ${known} (got ${JSON.stringify(read)})`);
  }
  const { maxMs } = stale;
  if (Number.isSafeInteger(maxMs) && maxMs >= 0) return { type: 'stale', ageMilliseconds: maxMs };
  throw invalid(`maxMs must be a non-negative integer (got ${maxMs})`);
}

/** Replicas that are behind in different ways have no moment in common. */
export function jointLevelOf(read: Read | undefined, usual: Read): ReadLevel {
  const chosen = read ?? (typeof usual === 'string' ? usual : 'linearizable');
  if (typeof chosen === 'string') return levelOf(chosen);
  throw invalid('snapshot reads linearizable or by lease; getMany takes a stale level');
}

export function lifeOf(ttl: number | undefined): number {
  return ttl === undefined ? 0 : wholeLife(ttl);
}

/** Null: for ever. A `ttl` that is left out by mistake must not make a key live for ever. */
export function touchedLifeOf(ttl: number | null): number {
  return ttl === null ? 0 : wholeLife(ttl);
}

function wholeLife(ttl: number): number {
  const { timeMax } = MACHINE_LIMITS;
  if (Number.isSafeInteger(ttl) && ttl > 0 && ttl <= timeMax) return ttl;
  throw invalid(`ttl must be an integer of 1 to ${timeMax} milliseconds (got ${ttl})`);
}

/** A copy, because the caller may change its bytes before they are sent. */
export function appendedBytesOf(value: Uint8Array): Uint8Array {
  if (ArrayBuffer.isView(value)) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice();
  }
  throw invalid(`append takes bytes: encode a text with new TextEncoder() (got ${typeof value})`);
}

export function versionOf(version: number): number {
  if (Number.isSafeInteger(version) && version >= 0) return version;
  throw invalid(`version must be a non-negative integer (got ${version})`);
}

export function invalid(message: string, cause?: unknown): KvError {
  return new KvError({ code: 'invalid-argument', outcome: 'notApplied', message, cause });
}
