/** The public surface: users import nothing else. */

import { monotoneNow, secureBytes } from './base/ambient.ts';
import type { AskOptions, Waiting } from './client/admin.ts';
import { type Client, connectBy } from './client/client.ts';
import type { MembershipRequest } from './client/membership.ts';
import type { ConnectOptions } from './client/options.ts';

export type { Attempt, KvErrorCode, Outcome } from './base/errors.ts';
export { KvError } from './base/errors.ts';
export type { AskOptions, Waiting } from './client/admin.ts';
export type { Atomic, Committed, CommittedTogether, Conflict, Deleted } from './client/atomic.ts';
export type { Client } from './client/client.ts';
export { bytes, type Codec, json, messagePack, utf8 } from './client/codec.ts';
export type { Balance, Candidate } from './client/core/balance.ts';
export type { Entry, ScannedEntry } from './client/encoding.ts';
export type { Key, KeyPart } from './client/key.ts';
export type { MembershipRequest } from './client/membership.ts';
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

/** The map of the cluster, from the first of these nodes that answers. For tools. */
export async function askMap(
  urls: string | readonly string[],
  options: AskOptions = {},
): ReturnType<typeof import('./client/admin.ts').askMap> {
  const admin = await import('./client/admin.ts');
  return admin.askMap(urls, options);
}

/** What one node says of itself, as a text in JSON; asked there and nowhere else. For tools. */
export async function askInfo(url: string, options: AskOptions = {}): Promise<string> {
  const admin = await import('./client/admin.ts');
  return admin.askInfo(url, options);
}

/** The transactions that wait in the shards that one node leads, as a text in JSON. For tools. */
export async function askPending(url: string, options: AskOptions = {}): Promise<string> {
  const admin = await import('./client/admin.ts');
  return admin.askPending(url, options);
}

/**
 * Keeps as a goal in the catalog what is to become of a node: drained, removed, or active again.
 * Refused with the code `membership-refused` where data or replicas would be lost. For tools.
 */
export async function setMembership(
  urls: string | readonly string[],
  request: MembershipRequest,
  options: AskOptions = {},
): Promise<void> {
  const { setMembership: ask } = await import('./client/membership.ts');
  return await ask(urls, request, options);
}

/**
 * Ends a transaction that waits, and says what became of it: what its home shard has decided, or
 * that it is aborted; or `over` if that shard has forgotten which. For tools.
 */
export async function settle(
  urls: string | readonly string[],
  transaction: Waiting,
  options: AskOptions = {},
): ReturnType<typeof import('./client/admin.ts').settle> {
  const admin = await import('./client/admin.ts');
  return admin.settle(urls, transaction, options);
}
