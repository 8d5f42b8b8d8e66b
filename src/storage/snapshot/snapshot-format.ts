/**
 * A snapshot as bytes: equal states give equal bytes. A header with the position, the rows in order
 * of section and key, and at the end the hash.
 */

import { ROW_LIMITS } from '../../base/limits.ts';
import { decode, encode } from '../../base/schema.ts';
import type { Position } from '../../raft/position.ts';
import { STATE_LIMITS } from '../limits.ts';
import type { ReadLimits } from '../state/state-disk.ts';
import type { StateHash } from '../state/state-hash.ts';
import { STATE_HASH } from '../state/state-meta.ts';

const MAGIC = [0x52, 0x4b, 0x53, 0x01];
const END = 0xff;

/** Magic, index, term. */
export const HEADER_BYTES = 20;
/** Section or `END`, length of the key or of the end, length of the value. */
const ROW_HEADER_BYTES = 9;
/** More than the hash of sixteen sections takes. */
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
  const body = encode(STATE_HASH, hash);
  const bytes = new Uint8Array(ROW_HEADER_BYTES + body.length);
  bytes[0] = END;
  new DataView(bytes.buffer).setUint32(1, body.length);
  bytes.set(body, ROW_HEADER_BYTES);
  return bytes;
}

/** Parses pieces of any size. Malformed bytes break it permanently. */
export class SnapshotParser {
  readonly #position: Position;
  readonly #onRow: (row: SnapshotRow) => void;
  /** Pushed bytes that are not parsed yet: the head in one piece, and the pieces after it. */
  #head = new Uint8Array(0);
  #at = 0;
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  /** The size of the next header, row or end, as far as it is known. */
  #needed = HEADER_BYTES;
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

  /** The expected hash of the rows, once the end has been parsed. */
  get end(): StateHash | undefined {
    return this.#isBroken ? undefined : this.#end;
  }

  /** The number of pushed bytes that are not parsed yet. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether `parse` can make progress with the pushed bytes. */
  get canParse(): boolean {
    return !this.#isBroken && this.#bytes >= this.#needed;
  }

  push(data: Uint8Array): void {
    if (data.length === 0) return;
    this.#pieces.push(data);
    this.#bytes += data.length;
  }

  /** Parses up to a number of rows, or of bytes and the row that exceeds it. */
  parse({ rowsMax, bytesMax }: ReadLimits): void {
    let left = bytesMax;
    for (let rows = 0; rows < rowsMax && left > 0 && this.canParse; rows++) {
      if (this.#head.length - this.#at < this.#needed) this.#join();
      const taken = this.#takeOne(this.#head.subarray(this.#at));
      this.#at += taken;
      this.#bytes -= taken;
      left -= taken;
    }
  }

  #join(): void {
    const joined = new Uint8Array(this.#bytes);
    joined.set(this.#head.subarray(this.#at));
    let at = this.#head.length - this.#at;
    for (const piece of this.#pieces) {
      joined.set(piece, at);
      at += piece.length;
    }
    this.#head = joined;
    this.#at = 0;
    this.#pieces = [];
  }

  /** The size of the header, row or end that was parsed; 0 while it is incomplete. */
  #takeOne(bytes: Uint8Array): number {
    // No bytes may follow the end.
    if (this.#end !== undefined) return this.#refuse();
    if (!this.#hasHeader) return this.#takeHeader(bytes);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const section = view.getUint8(0);
    const keyLength = view.getUint32(1);
    const valueLength = view.getUint32(5);
    if (section === END) return this.#takeEnd(bytes, keyLength, valueLength);
    const isPossible =
      section < STATE_LIMITS.sections &&
      keyLength <= ROW_LIMITS.keyBytesMax &&
      valueLength <= ROW_LIMITS.valueBytesMax;
    if (!isPossible) return this.#refuse();
    const valueAt = ROW_HEADER_BYTES + keyLength;
    const length = valueAt + valueLength;
    if (bytes.length < length) return this.#await(length);
    const key = bytes.subarray(ROW_HEADER_BYTES, valueAt);
    this.#onRow({ section, key, value: bytes.subarray(valueAt, length) });
    this.#needed = ROW_HEADER_BYTES;
    return length;
  }

  #await(length: number): 0 {
    this.#needed = length;
    return 0;
  }

  #takeHeader(bytes: Uint8Array): number {
    const expected = encodeHeader(this.#position);
    if (expected.some((byte, at) => byte !== bytes[at])) return this.#refuse();
    this.#hasHeader = true;
    this.#needed = ROW_HEADER_BYTES;
    return HEADER_BYTES;
  }

  #takeEnd(bytes: Uint8Array, bodyLength: number, zero: number): number {
    if (zero !== 0 || bodyLength > END_BYTES_MAX) return this.#refuse();
    const length = ROW_HEADER_BYTES + bodyLength;
    if (bytes.length < length) return this.#await(length);
    const hash = decode(STATE_HASH, bytes.subarray(ROW_HEADER_BYTES, length));
    if (hash === undefined) return this.#refuse();
    this.#end = hash;
    this.#needed = 1;
    return length;
  }

  #refuse(): 0 {
    this.#isBroken = true;
    return 0;
  }
}
