/** What is stored under a client's key, and its one encoding: `[version, expiresAt, value]`. */

import { ROW_LIMITS } from '../base/limits.ts';
import { Reader, type Writer } from '../base/message-pack.ts';

export interface Row {
  /** The index of the entry that wrote it. Versions of a key only grow, even across deletions. */
  readonly version: number;
  /** The log time from which on it may be deleted; 0 for never. The key is present until then. */
  readonly expiresAt: number;
  readonly value: Uint8Array;
}

export function writeRow(writer: Writer, { version, expiresAt, value }: Row): void {
  writer.array(3);
  writer.count(version);
  writer.count(expiresAt);
  writer.bytes(value);
}

/** Undefined for bytes that are no row. The value is a view on them. */
export function decodeRow(bytes: Uint8Array): Row | undefined {
  const reader = new Reader(bytes);
  reader.tuple(3);
  const row = readRest(reader);
  return reader.isBroken || reader.left > 0 ? undefined : row;
}

/** A row, or undefined for none: as in the reply to a read. */
export function readRowOrNone(reader: Reader): Row | undefined {
  const length = reader.array(3, 0);
  if (length === 3) return readRest(reader);
  if (length !== 0) reader.break();
  return undefined;
}

function readRest(reader: Reader): Row {
  const version = reader.count();
  const expiresAt = reader.count();
  return { version, expiresAt, value: reader.bytes(ROW_LIMITS.valueBytesMax) };
}
