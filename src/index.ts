/** The public surface: applications import nothing else. Tools also import `ringkv/admin`. */

import { monotoneNow, secureBytes, wallNow } from './base/ambient.ts';
import type { Client } from './client/client.ts';
import { connectBy } from './client/connecting.ts';
import type { ConnectOptions } from './client/options.ts';

export type { KvErrorCode } from './base/error-codes.ts';
export type { Attempt, KvErrorOptions, Outcome } from './base/errors.ts';
export { isKvError, KvError } from './base/errors.ts';
export { type RetryAdvice, shouldRetry } from './base/retry-advice.ts';
export type { Atomic, Committed, CommittedTogether, Conflict, Deleted } from './client/atomic.ts';
export type { Cleared, ClearOptions, ClearProgress, ClearRange } from './client/clearing.ts';
export type { Client } from './client/client.ts';
export { bytes, type Codec, json, messagePack, utf8 } from './client/codec.ts';
export type { Balance, Candidate } from './client/core/balance.ts';
export type {
  Election,
  ElectionOptions,
  Leadership,
  LeadOptions,
  ObserveOptions,
} from './client/election.ts';
export type {
  Encoded,
  Entries,
  Entry,
  ScannedEntry,
  ScannedKey,
  SpaceOptions,
} from './client/encoding.ts';
export type { Fence, FenceOwner, FenceSource } from './client/fence.ts';
export type { Key, KeyKind, KeyPart } from './client/key.ts';
export type { EndedLease, Lease, LeaseOptions } from './client/lease.ts';
export type { Lock, LockOptions, TryLockOptions } from './client/lock.ts';
export type { LockCalls } from './client/lock-calls.ts';
export type {
  CallEvent,
  ClientStats,
  ConnectionEvent,
  LeaseNotification,
  RetryEvent,
  WatchNotification,
} from './client/observation.ts';
export type {
  CallOptions,
  ConnectOptions,
  Read,
  ReadOptions,
  SnapshotOptions,
  TlsOptions,
} from './client/options.ts';
export type { RangeOptions } from './client/range-options.ts';
export type {
  CountOptions,
  KeysOnly,
  KeysOptions,
  Scanning,
  ScanOptions,
  WithValues,
} from './client/scanning.ts';
export type { Space } from './client/space.ts';
export type {
  Detailed,
  Plain,
  ScannedVersion,
  Spaces,
  Transaction,
  TransactionDetails,
  TransactionOptions,
  TransactionScanOptions,
  TransactionsIn,
} from './client/transaction.ts';
export type { View, ViewChange, ViewEntry, ViewOptions } from './client/view.ts';
export type {
  ChangeEvent,
  ChangesOnly,
  KeyChanged,
  KeyDeleted,
  KeyEvent,
  KeyExpired,
  KeySet,
  Undecoded,
  Watch,
  WatchEvent,
  WatchKeys,
  WatchOptions,
  WatchStatus,
} from './client/watch.ts';
export type {
  AddOptions,
  LeasedLife,
  LifeOptions,
  SetOptions,
  TimedLife,
  WriteOptions,
} from './client/write-options.ts';

/**
 * Connects to a cluster, at one or several of its nodes: `host:port` or `kv://host:port`, as a list
 * or with commas between them; the usual port is 7400. `kvs://host:port`, or the option `tls`,
 * encrypts. Resolves as soon as one node has sent the
 * map of the cluster; rejects with `unreachable`, and a reason for each URL, as soon as every URL
 * has refused, or with the option `wait` at the end of `timeout`.
 *
 * @example
 * ```ts
 * import { connect } from 'ringkv';
 * const kv = await connect('10.0.0.1:7400,10.0.0.2:7400', { timeout: 5_000 });
 * await kv.set('greeting', 'hello');
 * await kv.close();
 * const later = await connect('kv://10.0.0.3:7400', { wait: true, timeout: 60_000 });
 * ```
 */
export async function connect(
  urls: string | readonly string[],
  options: ConnectOptions = {},
): Promise<Client> {
  // Sockets are loaded only by a process that connects.
  const { webSurroundings } = await import('./client/web-dial.ts');
  return connectBy(webSurroundings(urls, options), urls, options);
}

/** Options of `open`: those of `connect`, and what an embedded store is founded with. */
export interface OpenOptions extends Omit<ConnectOptions, 'balance' | 'wait' | 'tls'> {
  /**
   * The number of shards of a new store; it never changes later. One by default, so that all keys
   * are in one shard: more are for a store that is to become a cluster.
   */
  readonly shards?: number;
  /** The limit of a value in bytes. 1 MiB by default, 16 MiB at most. */
  readonly valueBytesMax?: number;
  /**
   * Encrypts the folder of a new store, or opens an encrypted one: where its key comes from, a file
   * with mode 0600, a command that prints the key, or an environment variable. The key is 32 random
   * bytes in hexadecimal or base64. Without it the data cannot be read any more.
   *
   * @example
   * ```ts
   * import { open } from 'ringkv';
   * const kv = await open('./private', { encryption: { keyFile: './ringkv.key' } });
   * await kv.close();
   * ```
   */
  readonly encryption?: EncryptionOptions;
}

/** Where the key of an encrypted folder comes from. */
export type EncryptionOptions =
  | { readonly keyFile: string }
  | { readonly keyCommand: string }
  | { readonly keyEnv: string };

/**
 * Opens an embedded store: one node in this process, durable in this folder, without a port. A
 * folder serves one process at a time; `close` releases it. Resolves when the store can be used.
 *
 * `open(':memory:')` opens a new store of the same engine without a folder: nothing is written to
 * disk, and its values are gone when it is closed or the process ends.
 *
 * @example
 * ```ts
 * import { open } from 'ringkv';
 * const kv = await open('./data');
 * const visits = await kv.add('visits');
 * await kv.close();
 * const cache = await open(':memory:');
 * ```
 */
export async function open(folder: string, options: OpenOptions = {}): Promise<Client> {
  const { embed, EMBEDDED_URL } = await import('./runtime/embedded.ts');
  const { shards, valueBytesMax, encryption, ...rest } = options;
  const { dial, ended, close } = await embed({ folder, shards, valueBytesMax, encryption });
  const lines = { dial: (_: string, listener: Parameters<typeof dial>[0]) => dial(listener) };
  const surroundings = { ...lines, ended, close, now: monotoneNow, wallNow, secureBytes };
  try {
    return await connectBy(surroundings, EMBEDDED_URL, { ...rest, wait: true });
  } catch (error) {
    await close();
    throw error;
  }
}
