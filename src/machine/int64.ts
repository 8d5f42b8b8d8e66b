/** Integers of 64 bits as two words: what `add`, `min` and `max` compute with. */

import { unreachable } from '../base/assert.ts';
import type { Reader, Writer } from '../base/message-pack.ts';

/** Two's complement. A double holds either word, and the sum of two, exactly. */
export interface Int64 {
  /** In [-2^31, 2^31). */
  readonly high: number;
  /** In [0, 2^32). */
  readonly low: number;
}

const WORD = 0x1_0000_0000;
const HALF = 0x8000_0000;
const BYTES = 8;

export function int64From(value: bigint): Int64 {
  const wrapped = BigInt.asUintN(64, value);
  return { high: Number(wrapped >> 32n) | 0, low: Number(wrapped & 0xffff_ffffn) };
}

export function bigintFrom({ high, low }: Int64): bigint {
  return (BigInt(high) << 32n) | BigInt(low);
}

/** Undefined if the sum has more than 64 bits. */
function sum(one: Int64, other: Int64): Int64 | undefined {
  const low = one.low + other.low;
  const high = one.high + other.high + (low >= WORD ? 1 : 0);
  if (high < -HALF || high >= HALF) return undefined;
  return { high, low: low >>> 0 };
}

function isLess(one: Int64, other: Int64): boolean {
  return one.high < other.high || (one.high === other.high && one.low < other.low);
}

/** Undefined for a sum beyond 64 bits. A value that is not there becomes the operand. */
export function computed(
  type: 'add' | 'min' | 'max',
  operand: Int64,
  before: Int64 | undefined,
): Int64 | undefined {
  if (before === undefined) return operand;
  switch (type) {
    case 'add':
      return sum(before, operand);
    case 'min':
      return isLess(operand, before) ? operand : before;
    case 'max':
      return isLess(before, operand) ? operand : before;
    default:
      return unreachable(type);
  }
}

/** As bytes of a fixed length, the highest first: how operands and results travel. */
export function writeInt64(writer: Writer, value: Int64): void {
  const bytes = new Uint8Array(BYTES);
  putWord(bytes, 0, value.high);
  putWord(bytes, 4, value.low);
  writer.bytes(bytes);
}

export function readInt64(reader: Reader): Int64 {
  const bytes = reader.bytes(BYTES);
  if (bytes.length !== BYTES) reader.break();
  return { high: wordAt(bytes, 0) | 0, low: wordAt(bytes, 4) };
}

/** The integer that a value is: one MessagePack token in any spelling, and nothing behind it. */
export function decodeInteger(bytes: Uint8Array): Int64 | undefined {
  const { length } = bytes;
  const tag = bytes[0] as number;
  if (length === 1 && (tag < 0x80 || tag >= 0xe0)) return small(tag < 0x80 ? tag : tag - 0x100);
  if (length === 2 && tag === 0xcc) return small(bytes[1] as number);
  if (length === 2 && tag === 0xd0) return small(((bytes[1] as number) << 24) >> 24);
  if (length === 3 && tag === 0xcd) return small(halfAt(bytes, 1));
  if (length === 3 && tag === 0xd1) return small((halfAt(bytes, 1) << 16) >> 16);
  if (length === 5 && tag === 0xce) return { high: 0, low: wordAt(bytes, 1) };
  if (length === 5 && tag === 0xd2) return small(wordAt(bytes, 1) | 0);
  if (length !== 9 || (tag !== 0xcf && tag !== 0xd3)) return undefined;
  const high = wordAt(bytes, 1);
  // An unsigned integer from 2^63 on is none of 64 bits with a sign.
  if (tag === 0xcf && high >= HALF) return undefined;
  return { high: high | 0, low: wordAt(bytes, 5) };
}

/** The shortest MessagePack spelling; unsigned where there is a choice. */
export function encodeInteger({ high, low }: Int64): Uint8Array {
  if (high === 0) return encodeUnsignedWord(low);
  if (high === -1 && low >= HALF) return encodeNegativeWord(low | 0);
  const bytes = new Uint8Array(9);
  bytes[0] = high < 0 ? 0xd3 : 0xcf;
  putWord(bytes, 1, high);
  putWord(bytes, 5, low);
  return bytes;
}

function encodeUnsignedWord(value: number): Uint8Array {
  if (value < 0x80) return Uint8Array.of(value);
  if (value < 0x100) return Uint8Array.of(0xcc, value);
  if (value < 0x1_0000) return Uint8Array.of(0xcd, value >>> 8, value);
  return Uint8Array.of(0xce, value >>> 24, value >>> 16, value >>> 8, value);
}

function encodeNegativeWord(value: number): Uint8Array {
  if (value >= -0x20) return Uint8Array.of(value);
  if (value >= -0x80) return Uint8Array.of(0xd0, value);
  if (value >= -0x8000) return Uint8Array.of(0xd1, value >>> 8, value);
  return Uint8Array.of(0xd2, value >>> 24, value >>> 16, value >>> 8, value);
}

function small(value: number): Int64 {
  return { high: value < 0 ? -1 : 0, low: value >>> 0 };
}

function halfAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

function wordAt(bytes: Uint8Array, at: number): number {
  return ((halfAt(bytes, at) << 16) | halfAt(bytes, at + 2)) >>> 0;
}

function putWord(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = word >>> 24;
  bytes[at + 1] = word >>> 16;
  bytes[at + 2] = word >>> 8;
  bytes[at + 3] = word;
}
