/** The public surface: users import nothing else. */

import { monotoneNow, secureBytes } from './base/ambient.ts';
import { type Client, connectBy } from './client/client.ts';
import type { ConnectOptions } from './client/options.ts';

export type { Attempt, KvErrorCode, Outcome } from './base/errors.ts';
export { KvError } from './base/errors.ts';
export type { Atomic, Committed, CommittedTogether, Conflict, Deleted } from './client/atomic.ts';
export type { Client } from './client/client.ts';
export { bytes, type Codec, json, messagePack, utf8 } from './client/codec.ts';
export type { Balance, Candidate } from './client/core/balance.ts';
export type { Entry, ScannedEntry } from './client/encoding.ts';
export type { Key, KeyPart } from './client/key.ts';
export type {
  CallOptions,
  ConnectOptions,
  Read,
  ReadOptions,
  SetOptions,
  SpaceOptions,
  WriteOptions,
} from './client/options.ts';
export type { CountOptions, Scanning, ScanOptions } from './client/scanning.ts';
export type { Space } from './client/space.ts';
export type {
  Transaction,
  TransactionOptions,
  TransactionScanOptions,
} from './client/transaction.ts';

/** `kv://host:port`, or several of them. Ends as soon as one of them has told of the cluster. */
export async function connect(
  urls: string | readonly string[],
  options: ConnectOptions = {},
): Promise<Client> {
  // Sockets are loaded by those who connect, and by nobody else.
  const { webSurroundings } = await import('./client/web-dial.ts');
  return connectBy(webSurroundings(), urls, options);
}

export interface OpenOptions extends Omit<ConnectOptions, 'balance'> {
  /**
   * How many shards a new store is cut into; later it stays as it is. One by default, so that all
   * keys lie together: more are for a store that is to become a cluster.
   */
  readonly shards?: number;
  /** The longest value in bytes. 1 MiB by default, 16 MiB at most. */
  readonly valueBytesMax?: number;
}

/**
 * A store in this process and this folder, for one process at a time: durable, and without a port.
 * Ends when the store can be used. `close` gives the folder back.
 */
export async function open(folder: string, options: OpenOptions = {}): Promise<Client> {
  const { embed, EMBEDDED_URL } = await import('./runtime/embedded.ts');
  const { shards, valueBytesMax, ...rest } = options;
  const { dial, ended, close } = await embed({ folder, shards, valueBytesMax });
  const lines = { dial: (_: string, listener: Parameters<typeof dial>[0]) => dial(listener) };
  const surroundings = { ...lines, ended, close, now: monotoneNow, secureBytes };
  try {
    return await connectBy(surroundings, EMBEDDED_URL, rest);
  } catch (error) {
    await close();
    throw error;
  }
}
