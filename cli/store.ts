/**
 * What the commands ask of a cluster: keys and values as bytes, and what the cluster knows of
 * itself. The client library answers it; it is loaded when the first question is asked.
 */

import type { ClusterMap } from '../src/catalog/cluster-map.ts';
import type { NodeInfo } from './node-info.ts';

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

export interface PutRequest {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly ttlMilliseconds: number | undefined;
  /** Only if the key has this version; 0 if there is none. */
  readonly ifVersion: number | undefined;
}

/** Undefined: the condition did not hold, and nothing happened. */
type Written = { readonly version: number } | undefined;

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

export interface Store {
  readonly codec: Codec;
  get(key: Uint8Array): Promise<StoredEntry | undefined>;
  put(request: PutRequest): Promise<Written>;
  /** Whether it was there; undefined if the condition did not hold. */
  delete(key: Uint8Array, ifVersion: number | undefined): Promise<boolean | undefined>;
  add(key: Uint8Array, by: bigint): Promise<bigint>;
  scan(request: ScanRequest): Scanned;
  count(span: KeySpan): Promise<number>;
  map(): Promise<ClusterMap>;
  /** What a node says of itself. Fails if it cannot be asked. */
  info(clientUrl: string): Promise<NodeInfo>;
  close(): Promise<void>;
}
