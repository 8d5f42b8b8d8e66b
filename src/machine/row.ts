/**
 * What is stored under a client's key, and its one encoding: `[version, expiresAt, value]`, or
 * `[version, 0, value, lease]`.
 */

import { COORDINATION_LIMITS } from '../base/coordination-limits.ts';
import { ROW_LIMITS } from '../base/limits.ts';
import { Reader, type Writer } from '../base/message-pack.ts';

export interface Row {
  /** The index of the entry that wrote it. Versions of a key only grow, even across deletions. */
  readonly version: number;
  /** The log time from which on it may be deleted; 0 for never. The key is present until then. */
  readonly expiresAt: number;
  readonly value: Uint8Array;
  /** The id of the lease that the key is attached to; such a row has no other expiry. */
  readonly lease?: Uint8Array | undefined;
}

export function writeRow(writer: Writer, { version, expiresAt, value, lease }: Row): void {
  writer.array(lease === undefined ? LENGTH : LENGTH_OF_ATTACHED);
  writer.count(version);
  writer.count(expiresAt);
  writer.bytes(value);
  if (lease !== undefined) writer.bytes(lease);
}

const LENGTH = 3;
const LENGTH_OF_ATTACHED = 4;

/** Undefined for bytes that are no row. The value is a view on them. */
export function decodeRow(bytes: Uint8Array): Row | undefined {
  const reader = new Reader(bytes);
  const length = reader.array(LENGTH_OF_ATTACHED, 1);
  if (length < LENGTH) return undefined;
  const row = readRest(reader, length);
  return reader.isBroken || reader.left > 0 ? undefined : row;
}

/** A row, or undefined for none: as in the reply to a read. */
export function readRowOrNone(reader: Reader): Row | undefined {
  const length = reader.array(LENGTH_OF_ATTACHED, 0);
  if (length >= LENGTH) return readRest(reader, length);
  if (length !== 0) reader.break();
  return undefined;
}

function readRest(reader: Reader, length: number): Row {
  const version = reader.count();
  const expiresAt = reader.count();
  const value = reader.bytes(ROW_LIMITS.valueBytesMax);
  if (length === LENGTH) return { version, expiresAt, value };
  const lease = reader.bytes(COORDINATION_LIMITS.leaseIdBytes);
  if (lease.length !== COORDINATION_LIMITS.leaseIdBytes || expiresAt > 0) reader.break();
  return { version, expiresAt, value, lease };
}
