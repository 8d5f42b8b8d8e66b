/**
 * When keys are due. Every row that expires has a row in the expiry index, whose key is the due
 * time, as eight bytes in big-endian order, followed by the client's key. An index row may be
 * stale, because a put without expiry does not read the old row: an index row says that a key may
 * be due, and the key's own row decides.
 */

import { assert } from '../base/assert.ts';
import { NUMBER_MAX } from '../base/ids.ts';
import { MACHINE_LIMITS } from '../base/limits.ts';

const TIME_BYTES = 8;
const WORD = 0x1_0000_0000;

export const DUE_KEY_BYTES_MIN = TIME_BYTES + 1;
export const DUE_KEY_BYTES_MAX = TIME_BYTES + MACHINE_LIMITS.keyBytesMax;

interface Expiry {
  readonly expiresAt: number;
  readonly key: Uint8Array;
}

export function dueKeyOf({ expiresAt, key }: Expiry): Uint8Array {
  const bytes = new Uint8Array(TIME_BYTES + key.length);
  putTime(bytes, expiresAt);
  bytes.set(key, TIME_BYTES);
  return bytes;
}

/** Undefined for bytes that are no such key. The client's key is a view. */
export function decodeDueKey(bytes: Uint8Array): Expiry | undefined {
  if (bytes.length < DUE_KEY_BYTES_MIN || bytes.length > DUE_KEY_BYTES_MAX) return undefined;
  const expiresAt = wordAt(bytes, 0) * WORD + wordAt(bytes, 4);
  if (expiresAt === 0 || expiresAt > NUMBER_MAX) return undefined;
  return { expiresAt, key: bytes.subarray(TIME_BYTES) };
}

/** The end of the range of all keys that are due at this log time. */
export function endOfDue(time: number): Uint8Array {
  assert(time < NUMBER_MAX, 'a time has a successor');
  const bytes = new Uint8Array(TIME_BYTES);
  putTime(bytes, time + 1);
  return bytes;
}

function putTime(bytes: Uint8Array, time: number): void {
  let left = time;
  for (let at = TIME_BYTES - 1; at >= 0; at--) {
    bytes[at] = left % 0x100;
    left = Math.floor(left / 0x100);
  }
}

function wordAt(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  const low = ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
  return high * 0x1_0000 + low;
}
