/** The public surface: users import nothing else. */

import { type Client, connectBy } from './client/client.ts';
import type { ConnectOptions } from './client/options.ts';

export type { Attempt, KvErrorCode, Outcome } from './base/errors.ts';
export { KvError } from './base/errors.ts';
export type { Atomic, Committed, Conflict } from './client/atomic.ts';
export type { Client } from './client/client.ts';
export { bytes, type Codec, json, messagePack, utf8 } from './client/codec.ts';
export type { Balance, Candidate } from './client/core/balance.ts';
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
export type { CountOptions, ScannedEntry, Scanning, ScanOptions } from './client/scanning.ts';
export type { Entry, Space } from './client/space.ts';

/** `kv://host:port`, or several of them. Ends as soon as one of them has told of the cluster. */
export async function connect(
  urls: string | readonly string[],
  options: ConnectOptions = {},
): Promise<Client> {
  // Sockets are loaded by those who connect, and by nobody else.
  const { webSurroundings } = await import('./client/web-dial.ts');
  return connectBy(webSurroundings(), urls, options);
}
