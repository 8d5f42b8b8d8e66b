/**
 * The encoding of a change: `[kind, is last, key, previous, version, transaction]`, and the value
 * behind them if it is sent. A history keeps changes encoded, and patches copies of them.
 */

import { ROW_LIMITS } from '../base/limits.ts';
import { Reader, type Writer } from '../base/message-pack.ts';
import type { ChangeKind, KeyChange } from './key-change.ts';
import { TRANSACTION_ID } from './transaction-id.ts';

/** By number. A number is never given a second meaning. */
const KINDS: readonly ChangeKind[] = ['set', 'delete', 'expired', 'lease-ended'];
const NUMBER_OF: Readonly<Record<ChangeKind, number>> = {
  set: 0,
  delete: 1,
  expired: 2,
  'lease-ended': 3,
};

const LENGTH = 6;
const LENGTH_WITH_VALUE = 7;
/** Headers of arrays of these lengths, and the truth values, are one byte each. */
const HEADER = 0x90 | LENGTH;
const FALSE = 0xc2;
const TRUE = 0xc3;
/** Of the flag in an encoded change: behind the header and the kind. */
const IS_LAST_AT = 2;

/** More than a change takes beside its key and its value. */
export const CHANGE_OVERHEAD_BYTES = 96;

/** Returns how many of its bytes are in front of the value. */
export function writeChange(writer: Writer, change: KeyChange): number {
  const { kind, isLast, key, previous, version, transaction, value } = change;
  const { length } = writer;
  writer.array(value === undefined ? LENGTH : LENGTH_WITH_VALUE);
  writer.count(NUMBER_OF[kind]);
  writer.truth(isLast);
  writer.bytes(key);
  writer.count(previous);
  writer.count(version);
  if (typeof transaction === 'number') writer.count(transaction);
  else TRANSACTION_ID.write(writer, transaction);
  const headBytes = writer.length - length;
  if (value !== undefined) writer.bytes(value);
  return headBytes;
}

/** Breaks the reader on what `writeChange` does not make. Key and value are views. */
function readChange(reader: Reader): KeyChange {
  const length = reader.array(LENGTH_WITH_VALUE, 1);
  const kind = KINDS[reader.count()];
  const isLast = reader.truth();
  const key = reader.bytes(ROW_LIMITS.keyBytesMax);
  const previous = reader.count();
  const version = reader.count();
  const isId = (reader.next & 0xf0) === 0x90;
  const transaction = isId ? TRANSACTION_ID.read(reader) : reader.count();
  const hasValue = length === LENGTH_WITH_VALUE;
  if (kind === undefined || length < LENGTH || (hasValue && kind !== 'set')) reader.break();
  const value = hasValue ? reader.bytes(ROW_LIMITS.valueBytesMax) : undefined;
  return { kind: kind ?? 'set', key, previous, version, value, transaction, isLast };
}

/** Changes that stand one behind the other, as messages carry them; undefined for other bytes. */
export function decodeChanges(block: Uint8Array): readonly KeyChange[] | undefined {
  const reader = new Reader(block);
  const changes: KeyChange[] = [];
  while (reader.left > 0) changes.push(readChange(reader));
  return reader.isBroken ? undefined : changes;
}

/** The key of an encoded change, as a view. */
export function keyOfChange(bytes: Uint8Array): Uint8Array {
  const reader = new Reader(bytes);
  reader.array(LENGTH_WITH_VALUE, 1);
  reader.count();
  reader.truth();
  return reader.bytes(ROW_LIMITS.keyBytesMax);
}

export function isLastOf(bytes: Uint8Array, at: number): boolean {
  return bytes[at + IS_LAST_AT] === TRUE;
}

/** Says of the copy of a change whether it is the last of its group. */
export function markLast(bytes: Uint8Array, at: number, isLast: boolean): void {
  bytes[at + IS_LAST_AT] = isLast ? TRUE : FALSE;
}

/** Says of the copy of the front of a change that no value follows. */
export function markWithoutValue(bytes: Uint8Array, at: number): void {
  bytes[at] = HEADER;
}
