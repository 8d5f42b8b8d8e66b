/**
 * Tuples as bytes that sort as their parts do: part by part, by kind and then by value. No encoded
 * part is a prefix of another one, so the keys that begin with a tuple are a range.
 */

/** One part: what a field of a key or of an index may be. `null` stands for absent as well. */
export type TuplePart = null | string | number | bigint | boolean | Uint8Array | Date;

/** In their order. Gaps would cost nothing, and the values are stored: never change one. */
const KIND = {
  absent: 0x05,
  false: 0x06,
  true: 0x07,
  number: 0x08,
  bigint: 0x09,
  date: 0x0a,
  text: 0x0b,
  bytes: 0x0c,
} as const;

/** Content ends with the lowest byte, which is escaped inside: the shorter one comes first. */
const END = 0x00;
const SHORT = 64;
const ESCAPE = 0x01;
const BIGINT_BYTES_MAX = 120;
const BIGINT_ZERO = 0x80;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The bytes of a part; a text says why a value cannot be one. */
export function encodePart(value: unknown): Uint8Array | string {
  if (value === null || value === undefined) return Uint8Array.of(KIND.absent);
  if (typeof value === 'boolean') return Uint8Array.of(value ? KIND.true : KIND.false);
  if (typeof value === 'number') return floatOf(KIND.number, value, 'not a number (NaN)');
  if (value instanceof Date) return floatOf(KIND.date, value.getTime(), 'an invalid date');
  if (typeof value === 'string') {
    const content = plainAscii(value);
    if (content === undefined && /\p{Surrogate}/u.test(value))
      return 'a text with a lone surrogate';
    return contentOf(KIND.text, content ?? encoder.encode(value), { isEnded: true });
  }
  if (value instanceof Uint8Array) return contentOf(KIND.bytes, value, { isEnded: true });
  if (typeof value === 'bigint') return bigintOf(value);
  return Array.isArray(value) ? 'an array' : `of type ${typeof value}`;
}

/** Whether an encoded part stands for an absent value. */
export function isAbsent(part: Uint8Array): boolean {
  return part[0] === KIND.absent;
}

/** What all texts begin with that begin with this one. */
export function encodeTextPrefix(text: string): Uint8Array {
  return contentOf(KIND.text, encoder.encode(text), { isEnded: false });
}

/** The parts of bytes that `encodePart` made. */
export function decodeParts(bytes: Uint8Array): TuplePart[] {
  const parts: TuplePart[] = [];
  for (let at = 0; at < bytes.length; ) {
    const { part, end } = decodePart(bytes, at);
    parts.push(part);
    at = end;
  }
  return parts;
}

/** As a sort compares, by the bytes. */
export function compareBytes(one: Uint8Array, other: Uint8Array): number {
  const length = Math.min(one.length, other.length);
  for (let at = 0; at < length; at++) {
    const difference = (one[at] as number) - (other[at] as number);
    if (difference !== 0) return difference;
  }
  return one.length - other.length;
}

/** The first bytes behind all that begin with these, which are not all 0xff. */
export function behind(prefix: Uint8Array): Uint8Array {
  let { length } = prefix;
  while (length > 1 && prefix[length - 1] === 0xff) length -= 1;
  const bytes = prefix.slice(0, length);
  bytes[length - 1] = (bytes[length - 1] as number) + 1;
  return bytes;
}

export function joinBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function contentOf(
  kind: number,
  content: Uint8Array,
  { isEnded }: { readonly isEnded: boolean },
): Uint8Array {
  let escapes = 0;
  for (const byte of content) if (byte <= ESCAPE) escapes += 1;
  // The end is zero, as the bytes of a new array are.
  const bytes = new Uint8Array(1 + content.length + escapes + (isEnded ? 1 : 0));
  bytes[0] = kind;
  if (escapes === 0) {
    bytes.set(content, 1);
    return bytes;
  }
  let at = 1;
  for (const byte of content) {
    if (byte <= ESCAPE) bytes[at++] = ESCAPE;
    bytes[at++] = byte <= ESCAPE ? byte + 1 : byte;
  }
  return bytes;
}

/** Most texts are short and ASCII: those need no call into the runtime. */
function plainAscii(text: string): Uint8Array | undefined {
  const { length } = text;
  if (length > SHORT) return undefined;
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at++) {
    const code = text.charCodeAt(at);
    if (code > 0x7f) return undefined;
    bytes[at] = code;
  }
  return bytes;
}

/** IEEE bits: the sign inverted if it was plus, all bits if it was minus. */
function floatOf(kind: number, value: number, fault: string): Uint8Array | string {
  if (Number.isNaN(value)) return fault;
  const bytes = new Uint8Array(9);
  const view = new DataView(bytes.buffer);
  // Minus zero is zero.
  view.setFloat64(1, value + 0);
  const isNegative = view.getUint8(1) >= 0x80;
  for (let at = 1; at < 9; at++) {
    const byte = view.getUint8(at);
    view.setUint8(at, isNegative ? 0xff - byte : at === 1 ? byte + 0x80 : byte);
  }
  bytes[0] = kind;
  return bytes;
}

/** The length with its sign, then the digits; those of a negative one are inverted. */
function bigintOf(value: bigint): Uint8Array | string {
  const isNegative = value < 0n;
  const digits: number[] = [];
  for (let left = isNegative ? -value : value; left > 0n; left >>= 8n) {
    digits.unshift(Number(left & 0xffn));
    if (digits.length > BIGINT_BYTES_MAX) return `a bigint of more than ${BIGINT_BYTES_MAX} bytes`;
  }
  const length = BIGINT_ZERO + (isNegative ? -digits.length : digits.length);
  const bytes = digits.map((digit) => (isNegative ? 0xff - digit : digit));
  return Uint8Array.from([KIND.bigint, length, ...bytes]);
}

interface DecodedPart {
  readonly part: TuplePart;
  readonly end: number;
}

function decodePart(bytes: Uint8Array, at: number): DecodedPart {
  const kind = bytes[at];
  if (kind === KIND.absent) return { part: null, end: at + 1 };
  if (kind === KIND.true || kind === KIND.false) return { part: kind === KIND.true, end: at + 1 };
  if (kind === KIND.number) return { part: decodeFloat(bytes, at + 1), end: at + 9 };
  if (kind === KIND.date) return { part: new Date(decodeFloat(bytes, at + 1)), end: at + 9 };
  if (kind === KIND.bigint) return decodeBigint(bytes, at + 1);
  const { content, end } = decodeContent(bytes, at + 1);
  return { part: kind === KIND.text ? decoder.decode(content) : content, end };
}

function decodeFloat(bytes: Uint8Array, from: number): number {
  const view = new DataView(bytes.slice(from, from + 8).buffer);
  const isNegative = view.getUint8(0) < 0x80;
  for (let at = 0; at < 8; at++) {
    const byte = view.getUint8(at);
    view.setUint8(at, isNegative ? 0xff - byte : at === 0 ? byte - 0x80 : byte);
  }
  return view.getFloat64(0);
}

function decodeBigint(bytes: Uint8Array, at: number): DecodedPart {
  const signed = (bytes[at] as number) - BIGINT_ZERO;
  const end = at + 1 + Math.abs(signed);
  let value = 0n;
  for (const byte of bytes.subarray(at + 1, end)) {
    value = (value << 8n) | BigInt(signed < 0 ? 0xff - byte : byte);
  }
  return { part: signed < 0 ? -value : value, end };
}

function decodeContent(
  bytes: Uint8Array,
  from: number,
): { readonly content: Uint8Array; readonly end: number } {
  const content: number[] = [];
  let at = from;
  for (; at < bytes.length && bytes[at] !== END; at++) {
    if (bytes[at] === ESCAPE) content.push((bytes[++at] as number) - 1);
    else content.push(bytes[at] as number);
  }
  return { content: Uint8Array.from(content), end: at + 1 };
}
