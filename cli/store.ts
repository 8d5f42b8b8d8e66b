/**
 * What the commands ask of a cluster: keys and values as bytes, and what the cluster knows of
 * itself. The client library answers it; it is loaded when the first question is asked.
 */

import type { ClusterMap, NodeMembership } from '../src/catalog/cluster-map.ts';
import type { NodeInfo } from './node-info.ts';
import type { PendingInfo } from './pending-info.ts';

export interface StoredEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly version: number;
}

export interface KeySpan {
  /** Keys in [from, to); no bytes leave an end open. */
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

export interface ScanRequest extends KeySpan {
  readonly isReverse: boolean;
  readonly isKeysOnly: boolean;
  readonly limit: number | undefined;
  /** Where an earlier scan stopped. */
  readonly cursor: string | undefined;
}

export interface SetRequest {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly ttlMilliseconds: number | undefined;
  /** Only if the key has this version; 0 if there is none. */
  readonly ifVersion: number | undefined;
}

/** Undefined: the condition did not hold, and nothing happened. */
type Written = { readonly version: number } | undefined;

/** One of several commands that take effect together, or not at all. */
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
    }
  | { readonly type: 'append'; readonly key: Uint8Array; readonly value: Uint8Array }
  /** The key has this version; 0 if it is not there. */
  | { readonly type: 'check'; readonly key: Uint8Array; readonly version: number };

export type Committed =
  /** One version for each step; what a check has there means nothing. */
  | { readonly isCommitted: true; readonly versions: readonly number[] }
  /** The first check that did not hold, and which version its key has. */
  | { readonly isCommitted: false; readonly key: Uint8Array; readonly version: number };

/** A transaction that waits, as whoever ends it has to name it. */
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
  /** Where to go on, once the entries are through; undefined at the end. */
  readonly cursor: () => string | undefined;
}

/** How values are spelled: MessagePack. Decoding fails on bytes that are none. */
export interface Codec {
  encode(value: unknown): Uint8Array;
  decode(bytes: Uint8Array): unknown;
}

/** The cluster that is asked. */
export interface Target {
  readonly urls: readonly string[];
  /** Its id, if it is known: no other is asked. Or empty. */
  readonly cluster: string;
  /** For one request. */
  readonly timeoutMilliseconds: number;
}

export interface Store {
  /** The addresses that were given or configured. */
  readonly urls: readonly string[];
  /** The only cluster that is meant; empty for any. */
  readonly cluster: string;
  readonly codec: Codec;
  get(key: Uint8Array): Promise<StoredEntry | undefined>;
  set(request: SetRequest): Promise<Written>;
  /** Whether it was there; undefined if the condition did not hold. */
  delete(key: Uint8Array, ifVersion: number | undefined): Promise<boolean | undefined>;
  add(key: Uint8Array, by: bigint): Promise<bigint>;
  /** All steps at one moment, wherever their keys lie. */
  commit(steps: readonly Step[]): Promise<Committed>;
  scan(request: ScanRequest): Scanned;
  count(span: KeySpan): Promise<number>;
  map(): Promise<ClusterMap>;
  /** What a node says of itself. Fails if it cannot be asked. */
  info(clientUrl: string): Promise<NodeInfo>;
  /** The transactions that wait in the shards that a node leads. Fails as `info` does. */
  pending(clientUrl: string): Promise<PendingInfo>;
  /** What is to become of a node; fails with why if the catalog refuses it. */
  setMembership(request: MembershipRequest): Promise<void>;
  /** Ends a transaction that waits; `over` if nobody knows any more how it ended. */
  settle(transaction: Waiting): Promise<'committed' | 'aborted' | 'over'>;
  close(): Promise<void>;
}
