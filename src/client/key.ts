/** Keys: texts, bytes, and tuples, whose bytes sort as their parts do. */

import { isBytes } from '../base/is-bytes.ts';
import { typeNameOf } from '../base/type-name.ts';

import { invalid } from './options.ts';

/**
 * One part of a tuple key. Integers have at most 64 bits. NaN, `null`, `undefined` and texts with a
 * lone surrogate are refused with `invalid-argument`.
 */
export type KeyPart = string | number | bigint | boolean | Uint8Array;

/**
 * A key: text (its UTF-8 bytes), bytes, or a tuple. A key has 1 to 4096 bytes. Keys are ordered by
 * their bytes; tuples part by part, by kind and then by value. Anything else, such as a number or
 * `null`, is refused with `invalid-argument`: for a number use a tuple, `[7]`.
 *
 * @example
 * ```ts
 * const keys: readonly Key[] = ['user:7', new Uint8Array([1, 2]), ['order', 2026, 11, 42n]];
 * await kv.getMany(keys);
 * ```
 */
export type Key = string | Uint8Array | readonly KeyPart[];

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Kinds in their order. A tuple is a prefix of longer tuples with the same first parts. */
const TAG = {
  bytes: 0x01,
  text: 0x02,
  false: 0x26,
  true: 0x27,
  integer: 0x14,
  float: 0x21,
} as const;
const END = 0x00;
const ESCAPE = 0xff;
const INTEGER_BYTES_MAX = 8;

export function encodeKey(key: Key): Uint8Array {
  if (typeof key === 'string') return encodeText(key);
  // A copy, also of a `Buffer`, whose own `slice` would share its memory.
  if (isBytes(key)) return new Uint8Array(key);
  if (!Array.isArray(key)) throw invalid(`${ALLOWED_KEY}; got ${typeNameOf(key)}`);
  const bytes: number[] = [];
  // By index: `forEach` would skip the holes of an array.
  for (let at = 0; at < key.length; at++) writePart(bytes, key[at] as KeyPart, at);
  return Uint8Array.from(bytes);
}

/** Most keys are short ASCII: those need no call into the runtime. */
function encodeText(text: string): Uint8Array {
  const { length } = text;
  if (length > SHORT) return encodeAnyText(text, 'the key');
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at++) {
    const code = text.charCodeAt(at);
    if (code > 0x7f) return encodeAnyText(text, 'the key');
    bytes[at] = code;
  }
  return bytes;
}

/** UTF-8 has no lone surrogates: `encode` replaces each by U+FFFD, and two keys would be one. */
function encodeAnyText(text: string, name: string): Uint8Array {
  const at = text.search(LONE_SURROGATE);
  if (at < 0) return encoder.encode(text);
  const code = text.charCodeAt(at).toString(16).toUpperCase();
  const where = `${name} has the lone surrogate U+${code} at position ${at}`;
  throw invalid(`${where}; a text in a key must be well-formed Unicode`);
}

const LONE_SURROGATE = /\p{Surrogate}/u;
const ALLOWED_KEY = 'a key must be a text, a Uint8Array, or a tuple of parts such as ["order", 7]';
const ALLOWED_PART = 'a part must be a text, a number, a bigint, a boolean or a Uint8Array';

const SHORT = 64;

/** The text of a key; undefined if its bytes are not text. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** The parts of a tuple; undefined if the bytes are not a tuple. */
function decodeTuple(bytes: Uint8Array): KeyPart[] | undefined {
  const parts: KeyPart[] = [];
  for (let at = 0; at < bytes.length; ) {
    const read = readPart(bytes, at);
    if (read === undefined) return undefined;
    parts.push(read.part);
    at = read.end;
  }
  return parts;
}

/** The first bytes after all that begin with these; empty if there are none. */
export function behindPrefix(prefix: Uint8Array): Uint8Array {
  let length = prefix.length;
  while (length > 0 && prefix[length - 1] === 0xff) length -= 1;
  const behind = prefix.slice(0, length);
  if (length > 0) behind[length - 1] = (behind[length - 1] as number) + 1;
  return behind;
}

/** Whatever the types say: a program in JavaScript may pass anything. */
function writePart(bytes: number[], part: KeyPart, at: number): void {
  if (typeof part === 'string') {
    writeEscaped(bytes, TAG.text, encodeAnyText(part, `part ${at} of the key`));
  } else if (isBytes(part)) {
    writeEscaped(bytes, TAG.bytes, part);
  } else if (typeof part === 'boolean') {
    bytes.push(part ? TAG.true : TAG.false);
  } else if (typeof part === 'bigint' || Number.isSafeInteger(part)) {
    writeInteger(bytes, BigInt(part), at);
  } else if (typeof part === 'number' && !Number.isNaN(part)) {
    writeFloat(bytes, part);
  } else {
    throw invalid(`part ${at} of the key is ${typeNameOf(part)}; ${ALLOWED_PART}`);
  }
}

/** A zero inside is escaped, so it sorts after the end: the shorter text comes first. */
function writeEscaped(bytes: number[], tag: number, content: Uint8Array): void {
  bytes.push(tag);
  for (const byte of content) {
    bytes.push(byte);
    if (byte === END) bytes.push(ESCAPE);
  }
  bytes.push(END);
}

/** The tag has sign and length: longer is further from zero. Negative ones are inverted. */
function writeInteger(bytes: number[], value: bigint, at: number): void {
  const isNegative = value < 0n;
  const size = isNegative ? -value : value;
  const digits: number[] = [];
  for (let left = size; left > 0n; left >>= 8n) digits.unshift(Number(left & 0xffn));
  if (digits.length > INTEGER_BYTES_MAX) {
    throw invalid(`part ${at} of the key is ${value}; an integer in a key has at most 64 bits`);
  }
  bytes.push(TAG.integer + (isNegative ? -digits.length : digits.length));
  for (const digit of digits) bytes.push(isNegative ? 0xff - digit : digit);
}

/** IEEE bits: the sign inverted if it was plus, all bits if it was minus. */
function writeFloat(bytes: number[], value: number): void {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const isNegative = view.getUint8(0) >= 0x80;
  bytes.push(TAG.float);
  for (let at = 0; at < 8; at++) {
    const byte = view.getUint8(at);
    bytes.push(isNegative ? 0xff - byte : at === 0 ? byte + 0x80 : byte);
  }
}

interface ReadPart {
  readonly part: KeyPart;
  readonly end: number;
}

function readPart(bytes: Uint8Array, at: number): ReadPart | undefined {
  const tag = bytes[at] as number;
  if (tag === TAG.bytes || tag === TAG.text) {
    const read = readEscaped(bytes, at + 1);
    if (read === undefined || tag === TAG.bytes) return read;
    const text = textOf(read.part);
    return text === undefined ? undefined : { part: text, end: read.end };
  }
  if (tag === TAG.true || tag === TAG.false) return { part: tag === TAG.true, end: at + 1 };
  if (tag === TAG.float) return readFloat(bytes, at + 1);
  const length = tag - TAG.integer;
  if (Math.abs(length) > INTEGER_BYTES_MAX) return undefined;
  return readInteger(bytes, at + 1, length);
}

function readEscaped(
  bytes: Uint8Array,
  from: number,
): { readonly part: Uint8Array; readonly end: number } | undefined {
  const content: number[] = [];
  for (let at = from; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (byte !== END) {
      content.push(byte);
    } else if (bytes[at + 1] === ESCAPE) {
      content.push(byte);
      at += 1;
    } else {
      return { part: Uint8Array.from(content), end: at + 1 };
    }
  }
  return undefined;
}

function readInteger(bytes: Uint8Array, at: number, signed: number): ReadPart | undefined {
  const length = Math.abs(signed);
  // A key has one encoding, so that a decoded one leads back to its bytes.
  const isShortest = length === 0 || bytes[at] !== (signed < 0 ? 0xff : 0);
  if (at + length > bytes.length || !isShortest) return undefined;
  let value = 0n;
  for (let offset = 0; offset < length; offset++) {
    const byte = bytes[at + offset] as number;
    value = (value << 8n) | BigInt(signed < 0 ? 0xff - byte : byte);
  }
  const whole = signed < 0 ? -value : value;
  return { part: Number.isSafeInteger(Number(whole)) ? Number(whole) : whole, end: at + length };
}

function readFloat(bytes: Uint8Array, at: number): ReadPart | undefined {
  if (at + 8 > bytes.length) return undefined;
  const view = new DataView(new ArrayBuffer(8));
  const isNegative = (bytes[at] as number) < 0x80;
  for (let offset = 0; offset < 8; offset++) {
    const byte = bytes[at + offset] as number;
    view.setUint8(offset, isNegative ? 0xff - byte : offset === 0 ? byte - 0x80 : byte);
  }
  const part = view.getFloat64(0);
  // Those are encoded as integers, and NaN never is.
  if (Number.isSafeInteger(part) || Number.isNaN(part)) return undefined;
  return { part, end: at + 8 };
}

/** The form in which a scan returns keys: text, bytes, or decoded tuples. */
export type KeyKind = 'text' | 'bytes' | 'tuple';

/** A key in the form that the caller asked for; bytes if it is not of that form. */
export function keyFrom(bytes: Uint8Array, kind: KeyKind): Key {
  if (kind === 'text') return textOf(bytes) ?? bytes.slice();
  return (kind === 'tuple' ? decodeTuple(bytes) : undefined) ?? bytes.slice();
}
