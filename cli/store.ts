/**
 * The requests of the commands to a cluster: keys and values as bytes, and the catalog. The client
 * library implements it, and is loaded on the first request.
 */

import type {
  AccessChange,
  AccessIdentity,
  AccessReport,
  LoggedIn,
  LoginRequest,
  PasswordRequest,
  TokenRequest,
  Unconfirmed,
} from '../src/admin.ts';
import type { ClusterMap, NodeMembership } from '../src/catalog/cluster-map.ts';
import type { TlsOptions } from '../src/index.ts';
import type { NodeInfo } from './node-info.ts';
import type { PendingInfo } from './pending-info.ts';

export interface StoredEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly version: number;
  /** In milliseconds since 1970, estimated; undefined for never. */
  readonly expiresAt?: number | undefined;
}

export interface KeySpan {
  /** Keys in [from, to); an empty end is open. */
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

export interface ScanRequest extends KeySpan {
  readonly isReverse: boolean;
  readonly isKeysOnly: boolean;
  readonly limit: number | undefined;
  /** The position where an earlier scan stopped. */
  readonly cursor: string | undefined;
}

export interface SetRequest {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly ttlMilliseconds: number | undefined;
  /** Write only if the key has this version; 0: only if it does not exist. */
  readonly ifVersion: number | undefined;
  readonly fence: string | undefined;
}

export interface DeleteOptions {
  readonly ifVersion: number | undefined;
  readonly fence: string | undefined;
}

export interface AddOptions {
  /** Of a key that is created. */
  readonly ttlMilliseconds: number | undefined;
  readonly fence: string | undefined;
}

/** Undefined if the condition was false and nothing was written. */
type Written = { readonly version: number } | undefined;

/** One command of an atomic transaction. */
export type Step =
  | {
      readonly type: 'set';
      readonly key: Uint8Array;
      readonly value: Uint8Array;
      readonly ttlMilliseconds: number | undefined;
    }
  | { readonly type: 'delete'; readonly key: Uint8Array }
  | {
      readonly type: 'add' | 'min' | 'max';
      readonly key: Uint8Array;
      readonly operand: bigint;
      /** Of a key that is created. */
      readonly ttlMilliseconds: number | undefined;
    }
  | {
      readonly type: 'append';
      readonly key: Uint8Array;
      readonly value: Uint8Array;
      readonly ttlMilliseconds: number | undefined;
    }
  /** The key must have this version; 0: it must not exist. */
  | { readonly type: 'check'; readonly key: Uint8Array; readonly version: number };

export type Committed =
  /** One version per step; the version of a check is meaningless. */
  | { readonly isCommitted: true; readonly versions: readonly number[] }
  /** The first check that failed, and the actual version of its key. */
  | { readonly isCommitted: false; readonly key: Uint8Array; readonly version: number };

/** The identification of a pending transaction that a request to finish it needs. */
export interface Waiting {
  readonly id: string;
  readonly age: number;
  readonly participants: readonly { readonly position: number; readonly deadline: number }[];
}

interface MembershipRequest {
  readonly node: number;
  readonly membership: NodeMembership;
  readonly isForced: boolean;
}

export interface Scanned {
  readonly entries: AsyncIterable<StoredEntry>;
  /** The position after the entries; undefined at the end. */
  readonly cursor: () => string | undefined;
}

/** The value codec: MessagePack. Decoding fails on other bytes. */
export interface Codec {
  encode(value: unknown): Uint8Array;
  decode(bytes: Uint8Array): unknown;
}

/** The connected cluster. */
export interface Target {
  readonly urls: readonly string[];
  /** The ID of the only cluster to accept, or empty. */
  readonly cluster: string;
  /** The token of the user; undefined for none. */
  readonly token?: (() => string) | undefined;
  /** Certificates for encrypted connections; absent for a plain cluster. */
  readonly tls?: TlsOptions | undefined;
  /** Timeout of one request. */
  readonly timeoutMilliseconds: number;
  /** Ends a connection that is being made. */
  readonly signal?: AbortSignal;
}

/** What `kvctl lock` and `kvctl elect` ask for. */
export interface LockRequest {
  readonly name: Uint8Array;
  /** How long to wait; undefined for as long as the library lets wait. */
  readonly waitMilliseconds: number | undefined;
  readonly ttlMilliseconds: number | undefined;
  readonly isShared: boolean;
  /** Of a semaphore; undefined for a lock. */
  readonly permits: number | undefined;
  /** No guarded write of a former owner reaches these keys once the lock is owned. */
  readonly guarded: readonly Uint8Array[];
  /** For people. */
  readonly note: string;
  /** Ends the wait. */
  readonly signal: AbortSignal;
}

export interface ElectionRequest {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly waitMilliseconds: number | undefined;
  readonly ttlMilliseconds: number | undefined;
  readonly note: string;
  readonly signal: AbortSignal;
}

/** A lock that is owned, or a leadership. */
export interface StoreLock {
  /** The text of the fence; a permit of a semaphore has none. */
  readonly fence: string | undefined;
  /** Aborts when it is lost. */
  readonly signal: AbortSignal;
  readonly ttlMilliseconds: number;
  /** By the clock now. */
  isOwned(): boolean;
  release(): Promise<void>;
}

/** A lease in one shard. */
export interface LeaseInShard {
  readonly id: string;
  readonly shard: number;
  readonly ttl: number;
  readonly left: number;
  readonly isEnded: boolean;
  readonly tickets: number;
  readonly client: string;
  readonly note: string;
}

/** An owner of a lock, or a caller that waits for it. */
export interface TicketInLock {
  readonly name: Uint8Array;
  readonly lease: string;
  readonly kind: 'exclusive' | 'shared' | 'semaphore';
  readonly permits: number;
  readonly token: number;
  readonly age: number;
  readonly client: string;
  readonly note: string;
}

/** What `kvctl watch` asks for: one key, or the keys of a span. */
export interface WatchRequest extends KeySpan {
  readonly key: Uint8Array | undefined;
  /** The token of an earlier watch. */
  readonly resume: string | undefined;
  /** The present keys come first. Never with `resume`. */
  readonly isInitial: boolean;
  readonly isKeysOnly: boolean;
}

/** A change of a key, or what the watch says of itself. */
export type StoredChange =
  | (StoredEntry & { readonly type: 'set'; readonly isInitial: boolean } & StoredVersions)
  | ({ readonly type: 'delete' | 'expire'; readonly key: Uint8Array } & StoredVersions)
  | { readonly type: 'synced' | 'progress' }
  | { readonly type: 'compacted'; readonly differences: boolean }
  | { readonly type: 'lagging'; readonly milliseconds: number };

interface StoredVersions {
  readonly previousVersion: number;
  readonly transaction: string;
}

/** A watch: changes until it is closed, and where another one continues behind them. */
export interface StoredWatch extends AsyncIterable<StoredChange> {
  readonly token: string;
  close(): Promise<void>;
}

/** Users, tokens and roles. */
export interface AccessCalls {
  /** Who one is to the cluster. */
  self(): Promise<AccessIdentity>;
  /** The same by another token. */
  selfBy(token: string): Promise<AccessIdentity>;
  report(): Promise<AccessReport>;
  /** Returns the version of the map that has it. */
  change(change: AccessChange): Promise<number>;
  /** The text of the new token. */
  createToken(request: TokenRequest): Promise<string>;
  /** Exchanges a password for a token. */
  login(request: LoginRequest & { readonly isInsecure: boolean }): Promise<LoggedIn>;
  /** Revokes this token by itself. */
  logout(token: string): Promise<number>;
  /** Returns as `change` does. */
  setPassword(request: PasswordRequest): Promise<number>;
  /** The text of the first token, which is used from then on. */
  enable(options: { readonly isForced: boolean }): Promise<string>;
  /** Waits; what has not confirmed the version, or the newest one, in time. */
  confirm(version: number): Promise<Unconfirmed>;
}

export interface Store {
  /** The given or configured addresses. */
  readonly urls: readonly string[];
  /** The only cluster to accept; empty for any. */
  readonly cluster: string;
  readonly codec: Codec;
  get(key: Uint8Array): Promise<StoredEntry | undefined>;
  set(request: SetRequest): Promise<Written>;
  /** Whether the key existed; undefined if the condition was false. */
  delete(key: Uint8Array, options: DeleteOptions): Promise<boolean | undefined>;
  add(key: Uint8Array, by: bigint, options: AddOptions): Promise<bigint>;
  /** Sets when the key expires, or never with null; false if it does not exist. */
  touch(key: Uint8Array, ttlMilliseconds: number | null): Promise<boolean>;
  /** Commits all steps atomically, in any shards. */
  commit(steps: readonly Step[], fence: string | undefined): Promise<Committed>;
  scan(request: ScanRequest): Scanned;
  watch(request: WatchRequest): Promise<StoredWatch>;
  count(span: KeySpan): Promise<number>;
  /** Deletes all keys of the span; tells how many it has deleted so far. Returns how many. */
  clear(span: KeySpan, onProgress: (deleted: number) => void): Promise<number>;
  map(): Promise<ClusterMap>;
  /** The report of a node. Fails if the node does not answer. */
  info(clientUrl: string): Promise<NodeInfo>;
  /** The pending transactions in the shards that a node leads. Fails as `info` does. */
  pending(clientUrl: string): Promise<PendingInfo>;
  /** Sets the goal for a node; fails with the reason if the catalog refuses it. */
  setMembership(request: MembershipRequest): Promise<void>;
  /** Finishes a pending transaction; `over` if its outcome is no longer stored. */
  settle(transaction: Waiting): Promise<'committed' | 'aborted' | 'over'>;
  /** Undefined if it was not to be had within the wait. */
  lock(request: LockRequest): Promise<StoreLock | undefined>;
  /** Undefined if another one led for all of the wait. */
  lead(request: ElectionRequest): Promise<StoreLock | undefined>;
  /** Values of leaders as they change; undefined while there is none. */
  leaders(key: Uint8Array, signal: AbortSignal): AsyncIterable<Uint8Array | undefined>;
  /** Of all shards. */
  leases(): Promise<readonly LeaseInShard[]>;
  /** Of all locks, each queue in its order. */
  tickets(): Promise<readonly TicketInLock[]>;
  /** False if no shard has the lease. */
  revoke(lease: string): Promise<boolean>;
  readonly access: AccessCalls;
  close(): Promise<void>;
}
