/** Documents: users' values as plain MessagePack that any language can read. */

import { type Options, Packr, Unpackr } from 'msgpackr';
import { isBytes } from '../base/is-bytes.ts';
import { typeNameOf } from '../base/type-name.ts';
import { encodeInteger, int64From } from '../machine/int64.ts';

const DEPTH_MAX = 64;
const SMALL_MAX = 0x7fff_ffff;

/**
 * Maps and arrays, strings, bytes, numbers, booleans, null; 64-bit integers beyond the safe ones
 * are bigints. No records, no references, and no extension but the standard timestamp: no msgpackr
 * feature that executes, shares or remembers anything.
 */
const SETTINGS: Options = {
  useRecords: false,
  mapsAsObjects: true,
  variableMapSize: true,
  encodeUndefinedAsNil: true,
  copyBuffers: true,
};

/** A number if it is safe, else a bigint. The types of the package do not know of it yet. */
const READING: { readonly int64AsType: string } = { int64AsType: 'auto' };

const packr = new Packr(SETTINGS);
const unpackr = new Unpackr({ ...SETTINGS, ...(READING as Options) });
/** msgpackr renames a field `__proto__` when it makes objects; of maps it leaves it alone. */
const mapUnpackr = new Unpackr({ ...SETTINGS, ...(READING as Options), mapsAsObjects: false });

/** Undefined for values without an encoding: functions, sets, errors, cycles. See `faultIn`. */
export function encodeDocument(value: unknown): Uint8Array | undefined {
  if (faultIn(value) !== undefined) return undefined;
  // msgpackr encodes large integers as floats, and a counter has to stay an integer.
  if (Number.isSafeInteger(value) && Math.abs(value as number) > SMALL_MAX) {
    return encodeInteger(int64From(BigInt(value as number)));
  }
  try {
    // A copy, because msgpackr reuses its buffer.
    const bytes = new Uint8Array(packr.pack(value));
    return kindOf(bytes) === 'broken' ? undefined : bytes;
  } catch {
    return undefined;
  }
}

/** A part of a value that would not survive a round trip. */
interface Fault {
  /** From the whole value to the part: `.tags[3].run`; empty for the value itself. */
  readonly path: string;
  /** What it is: `function`, `Map`. */
  readonly what: string;
  /** A date or bytes of another realm: a copy of this realm can be encoded. */
  readonly isForeign: boolean;
}

/**
 * The first part without an encoding. msgpackr would turn sets and errors into lists, drop
 * functions and break texts with lone surrogates. A nested undefined becomes null, as in JSON. The
 * path is built only on the way back from a fault, so that sound values do not pay for it.
 */
export function faultIn(value: unknown): Fault | undefined {
  return value === undefined ? faultOf('undefined') : faultBelow(value, DEPTH_MAX);
}

function faultBelow(value: unknown, depthLeft: number): Fault | undefined {
  if (typeof value !== 'object' || value === null) return faultOfScalar(value);
  if (value instanceof Uint8Array) return undefined;
  if (depthLeft === 0) return faultOf(`nested more than ${DEPTH_MAX} levels, or in a cycle`);
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) {
      const fault = faultBelow(value[at], depthLeft - 1);
      if (fault !== undefined) return { ...fault, path: `[${at}]${fault.path}` };
    }
    return undefined;
  }
  const tag = Object.prototype.toString.call(value);
  if (tag !== '[object Object]') {
    const isEncodable = tag === '[object Date]' || isBytes(value);
    const isForeign = isEncodable && !(value instanceof Object);
    if (!isEncodable || isForeign) return { ...faultOf(typeNameOf(value)), isForeign };
    return Number.isNaN(Number(value)) ? faultOf('an invalid Date') : undefined;
  }
  for (const name of Object.keys(value)) {
    const fault = faultBelow(value[name as keyof typeof value], depthLeft - 1);
    if (fault !== undefined) return { ...fault, path: `${stepTo(name)}${fault.path}` };
  }
  return undefined;
}

function faultOfScalar(value: unknown): Fault | undefined {
  switch (typeof value) {
    case 'function':
    case 'symbol':
      return faultOf(typeof value);
    case 'string':
      return (value as WellFormed & string).isWellFormed()
        ? undefined
        : faultOf('a text with a lone surrogate');
    case 'bigint':
      return value >= BIGINT_MIN && value <= BIGINT_MAX
        ? undefined
        : faultOf('a bigint of more than 64 bits');
    default:
      return undefined;
  }
}

/** Of Node 20; the types are of an earlier standard. */
interface WellFormed {
  isWellFormed(): boolean;
}

const BIGINT_MIN = -(2n ** 63n);
const BIGINT_MAX = 2n ** 64n - 1n;

function faultOf(what: string): Fault {
  return { path: '', what, isForeign: false };
}

function stepTo(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? `.${name}` : `[${JSON.stringify(name.slice(0, 48))}]`;
}

/** Undefined for bytes that are no document, from any source. */
export function decodeDocument(bytes: Uint8Array): { readonly value: unknown } | undefined {
  const kind = kindOf(bytes);
  if (kind === 'broken') return undefined;
  try {
    if (kind === 'usual') return { value: unpackr.unpack(bytes) };
    return { value: withObjects(mapUnpackr.unpack(bytes)) };
  } catch {
    return undefined;
  }
}

/** `Object.fromEntries` defines fields, so that none of them sets the prototype. */
function withObjects(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withObjects);
  if (!(value instanceof Map)) return value;
  return Object.fromEntries([...value].map(([name, part]) => [String(name), withObjects(part)]));
}

/**
 * Walks the tokens before anything is decoded: every declared count is within the remaining bytes,
 * nothing is nested too deeply, no bytes follow, and no extension occurs but timestamps that a Date
 * can hold. Reports strings that may be a field `__proto__`.
 */
function kindOf(bytes: Uint8Array): 'broken' | 'usual' | 'with-prototype-field' {
  const { length } = bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  /** Values still to come on each open level. */
  const open: number[] = [1];
  let at = 0;
  let hasPrototypeField = false;
  while (open.length > 0) {
    const left = open[open.length - 1] as number;
    if (left === 0) {
      open.pop();
      continue;
    }
    open[open.length - 1] = left - 1;
    if (at >= length) return 'broken';
    const token = tokenAt(view, at);
    if (token === undefined) return 'broken';
    hasPrototypeField ||= isPrototypeName(bytes, at + token.bytes);
    at += token.bytes;
    if (at > length || token.values > length - at) return 'broken';
    if (token.values > 0) {
      if (open.length > DEPTH_MAX) return 'broken';
      open.push(token.values);
    }
  }
  if (at !== length) return 'broken';
  return hasPrototypeField ? 'with-prototype-field' : 'usual';
}

interface Token {
  /** The token with its payload. */
  readonly bytes: number;
  /** Values that follow and belong to it. */
  readonly values: number;
}

const PROTOTYPE_NAME = new TextEncoder().encode('__proto__');

/** Of a string token that ends there, whatever the length of its header. */
function isPrototypeName(bytes: Uint8Array, end: number): boolean {
  const start = end - PROTOTYPE_NAME.length;
  if (start < 1 || bytes[start] !== PROTOTYPE_NAME[0]) return false;
  return PROTOTYPE_NAME.every((byte, at) => bytes[start + at] === byte);
}

const TIMESTAMP = -1;

/** Bytes behind the tag of scalars from 0xca on: floats, then unsigned, then signed integers. */
const SCALAR_BYTES = [4, 8, 1, 2, 4, 8, 1, 2, 4, 8];

/** Undefined for a tag that documents do not use. */
function tokenAt(view: DataView, at: number): Token | undefined {
  const tag = view.getUint8(at);
  if (tag < 0x80 || tag >= 0xe0) return { bytes: 1, values: 0 };
  if (tag < 0x90) return { bytes: 1, values: (tag & 0x0f) * 2 };
  if (tag < 0xa0) return { bytes: 1, values: tag & 0x0f };
  if (tag < 0xc0) return { bytes: 1 + (tag & 0x1f), values: 0 };
  if (tag === 0xc0 || tag === 0xc2 || tag === 0xc3) return { bytes: 1, values: 0 };
  if (tag >= 0xca && tag <= 0xd3) {
    return { bytes: 1 + (SCALAR_BYTES[tag - 0xca] as number), values: 0 };
  }
  // Bytes, texts, arrays and maps with a length of one, two or four bytes.
  if (tag >= 0xc4 && tag <= 0xc6) return sized(view, at, { width: 1 << (tag - 0xc4), held: 1 });
  if (tag >= 0xd9 && tag <= 0xdb) return sized(view, at, { width: 1 << (tag - 0xd9), held: 1 });
  if (tag >= 0xdc && tag <= 0xdd) return sized(view, at, { width: 2 << (tag - 0xdc), values: 1 });
  if (tag >= 0xde && tag <= 0xdf) return sized(view, at, { width: 2 << (tag - 0xde), values: 2 });
  return timestampAt(view, at, tag);
}

function sized(
  view: DataView,
  at: number,
  { width, held = 0, values = 0 }: { width: number; held?: number; values?: number },
): Token | undefined {
  if (at + 1 + width > view.byteLength) return undefined;
  const count =
    width === 1
      ? view.getUint8(at + 1)
      : width === 2
        ? view.getUint16(at + 1)
        : view.getUint32(at + 1);
  return { bytes: 1 + width + count * held, values: count * values };
}

/** In its three standard lengths. */
function timestampAt(view: DataView, at: number, tag: number): Token | undefined {
  const is = (header: number, bytes: number) =>
    at + header <= view.byteLength && view.getInt8(at + header - 1) === TIMESTAMP
      ? { bytes: header + bytes, values: 0 }
      : undefined;
  if (tag === 0xd6) return is(2, 4);
  if (tag === 0xd7) return is(2, 8);
  if (tag !== 0xc7 || at + 15 > view.byteLength || view.getUint8(at + 1) !== 12) return undefined;
  return isDate(view, at + 3) ? is(3, 12) : undefined;
}

const DATE_MILLISECONDS_MAX = 8.64e15;

/** Nanoseconds, then seconds in 64 bits, which reach further than a Date does. */
function isDate(view: DataView, at: number): boolean {
  const seconds = view.getInt32(at + 4) * 2 ** 32 + view.getUint32(at + 8);
  const milliseconds = seconds * 1000 + view.getUint32(at) / 1e6;
  return Math.abs(milliseconds) <= DATE_MILLISECONDS_MAX;
}
