/**
 * A snapshot as bytes: the same bytes wherever the same state is. A header with the position, the
 * rows in order of section and key, and at the end how many they are and what they add up to.
 */

import { STATE_LIMITS } from '../base/limits.ts';
import { Reader, Writer } from '../base/message-pack.ts';
import type { Position } from '../raft/position.ts';
import type { StateHash } from './state-hash.ts';
import { readHash, writeHash } from './state-meta.ts';

const MAGIC = [0x52, 0x4b, 0x53, 0x01];
const END = 0xff;

/** Magic, index, term. */
export const HEADER_BYTES = 20;
/** Section or `END`, length of the key or of the end, length of the value. */
const ROW_HEADER_BYTES = 9;
/** More than sixteen sections take. */
const END_BYTES_MAX = 1024;

export interface SnapshotRow {
  readonly section: number;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export function encodeHeader({ index, term }: Position): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES);
  bytes.set(MAGIC);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(4, BigInt(index));
  view.setBigUint64(12, BigInt(term));
  return bytes;
}

export function encodeRows(rows: readonly SnapshotRow[]): Uint8Array {
  let length = 0;
  for (const { key, value } of rows) length += ROW_HEADER_BYTES + key.length + value.length;
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const { section, key, value } of rows) {
    bytes[at] = section;
    view.setUint32(at + 1, key.length);
    view.setUint32(at + 5, value.length);
    bytes.set(key, at + ROW_HEADER_BYTES);
    at += ROW_HEADER_BYTES + key.length;
    bytes.set(value, at);
    at += value.length;
  }
  return bytes;
}

export function encodeEnd(hash: StateHash): Uint8Array {
  const writer = new Writer();
  writeHash(writer, hash);
  const body = writer.take();
  const bytes = new Uint8Array(ROW_HEADER_BYTES + body.length);
  bytes[0] = END;
  new DataView(bytes.buffer).setUint32(1, body.length);
  bytes.set(body, ROW_HEADER_BYTES);
  return bytes;
}

/** Takes the bytes in pieces of any size. What is not a snapshot breaks it for good. */
export class SnapshotParser {
  readonly #position: Position;
  readonly #onRow: (row: SnapshotRow) => void;
  #rest = new Uint8Array(0);
  #hasHeader = false;
  #end: StateHash | undefined;
  #isBroken = false;

  constructor(position: Position, onRow: (row: SnapshotRow) => void) {
    this.#position = position;
    this.#onRow = onRow;
  }

  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** What the rows should add up to, once all of them have come. */
  get end(): StateHash | undefined {
    return this.#isBroken ? undefined : this.#end;
  }

  push(data: Uint8Array): void {
    const bytes = new Uint8Array(this.#rest.length + data.length);
    bytes.set(this.#rest);
    bytes.set(data, this.#rest.length);
    let at = 0;
    while (!this.#isBroken) {
      const taken = this.#takeOne(bytes.subarray(at));
      if (taken === 0) break;
      at += taken;
    }
    this.#rest = bytes.slice(at);
  }

  /** How many bytes a header, a row or the end took; none while it is not all there. */
  #takeOne(bytes: Uint8Array): number {
    if (this.#end !== undefined) return bytes.length === 0 ? 0 : this.#refuse();
    if (!this.#hasHeader) return this.#takeHeader(bytes);
    if (bytes.length < ROW_HEADER_BYTES) return 0;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const section = view.getUint8(0);
    const keyLength = view.getUint32(1);
    const valueLength = view.getUint32(5);
    if (section === END) return this.#takeEnd(bytes, keyLength, valueLength);
    const isPossible =
      section < STATE_LIMITS.sections &&
      keyLength <= STATE_LIMITS.keyBytesMax &&
      valueLength <= STATE_LIMITS.valueBytesMax;
    if (!isPossible) return this.#refuse();
    const valueAt = ROW_HEADER_BYTES + keyLength;
    const length = valueAt + valueLength;
    if (bytes.length < length) return 0;
    const key = bytes.subarray(ROW_HEADER_BYTES, valueAt);
    this.#onRow({ section, key, value: bytes.subarray(valueAt, length) });
    return length;
  }

  #takeHeader(bytes: Uint8Array): number {
    if (bytes.length < HEADER_BYTES) return 0;
    const expected = encodeHeader(this.#position);
    if (expected.some((byte, at) => byte !== bytes[at])) return this.#refuse();
    this.#hasHeader = true;
    return HEADER_BYTES;
  }

  #takeEnd(bytes: Uint8Array, bodyLength: number, zero: number): number {
    if (zero !== 0 || bodyLength > END_BYTES_MAX) return this.#refuse();
    const length = ROW_HEADER_BYTES + bodyLength;
    if (bytes.length < length) return 0;
    const reader = new Reader(bytes.subarray(ROW_HEADER_BYTES, length));
    const hash = readHash(reader);
    if (reader.isBroken || reader.left > 0) return this.#refuse();
    this.#end = hash;
    return length;
  }

  #refuse(): 0 {
    this.#isBroken = true;
    return 0;
  }
}
