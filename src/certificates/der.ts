/** Writes DER (ITU-T X.690), as far as certificates need it. It reads nothing: OpenSSL does. */

const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bits: 0x03,
  octets: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  sequence: 0x30,
  set: 0x31,
  utcTime: 0x17,
  generalizedTime: 0x18,
} as const;

export function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return element(TAG.sequence, ...parts);
}

export function set(...parts: readonly Uint8Array[]): Uint8Array {
  return element(TAG.set, ...parts);
}

/** A tag of the context, with whole elements in it. */
export function tagged(number: number, ...parts: readonly Uint8Array[]): Uint8Array {
  return element(0xa0 | number, ...parts);
}

/** A tag of the context in place of the tag of a primitive element. */
export function named(number: number, content: Uint8Array): Uint8Array {
  return element(0x80 | number, content);
}

/** Big-endian, not negative. */
export function integer(bytes: Uint8Array): Uint8Array {
  const from = bytes.findIndex((byte) => byte !== 0);
  const digits = from < 0 ? new Uint8Array(1) : bytes.subarray(from);
  const isHigh = ((digits[0] as number) & 0x80) !== 0;
  return element(TAG.integer, isHigh ? new Uint8Array(1) : new Uint8Array(0), digits);
}

export function truth(): Uint8Array {
  return element(TAG.boolean, new Uint8Array([0xff]));
}

export function bits(content: Uint8Array, unused = 0): Uint8Array {
  return element(TAG.bits, new Uint8Array([unused]), content);
}

export function octets(content: Uint8Array): Uint8Array {
  return element(TAG.octets, content);
}

export function utf8(text: string): Uint8Array {
  return element(TAG.utf8, new TextEncoder().encode(text));
}

/** An object identifier in dots: `2.5.4.3`. */
export function oid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return element(TAG.oid, new Uint8Array([first * 40 + second, ...rest.flatMap(baseOf128)]));
}

/** RFC 5280 §4.1.2.5: two digits of the year before 2050, four from then on. */
export function time(milliseconds: number): Uint8Array {
  const text = new Date(milliseconds).toISOString().replace(/[-:T]|\.\d+/g, '');
  const isShort = text < '2050';
  const tag = isShort ? TAG.utcTime : TAG.generalizedTime;
  return element(tag, new TextEncoder().encode(isShort ? text.slice(2) : text));
}

function baseOf128(value: number): readonly number[] {
  const digits = [value & 0x7f];
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) digits.unshift((rest & 0x7f) | 0x80);
  return digits;
}

function element(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return new Uint8Array(Buffer.concat([new Uint8Array([tag, ...lengthOf(length)]), ...parts]));
}

function lengthOf(length: number): readonly number[] {
  if (length < 0x80) return [length];
  const digits: number[] = [];
  for (let rest = length; rest > 0; rest >>>= 8) digits.unshift(rest & 0xff);
  return [0x80 | digits.length, ...digits];
}
