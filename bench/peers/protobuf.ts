/** Protocol Buffers, as far as requests to etcd need them (protobuf.dev, Encoding). */

const VARINT = 0;
const LENGTH_DELIMITED = 2;

export type Field = readonly [number: number, value: Uint8Array | string | bigint | number];

export function encodeMessage(...fields: readonly Field[]): Uint8Array {
  const parts: number[] = [];
  for (const [number, value] of fields) {
    if (typeof value === 'bigint' || typeof value === 'number') {
      pushVarint(parts, BigInt((number << 3) | VARINT));
      pushVarint(parts, BigInt.asUintN(64, BigInt(value)));
    } else {
      const bytes = typeof value === 'string' ? Buffer.from(value) : value;
      pushVarint(parts, BigInt((number << 3) | LENGTH_DELIMITED));
      pushVarint(parts, BigInt(bytes.length));
      for (const byte of bytes) parts.push(byte);
    }
  }
  return Uint8Array.from(parts);
}

function pushVarint(parts: number[], value: bigint): void {
  let rest = value;
  while (rest >= 0x80n) {
    parts.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  parts.push(Number(rest));
}

export type Decoded = readonly [number: number, value: Uint8Array | bigint];

/** Fields in their order; those of a nested message are bytes. */
export function decodeMessage(bytes: Uint8Array): readonly Decoded[] {
  const fields: Decoded[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at] ?? 0;
      at += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    if ((tag & 7) === VARINT) fields.push([tag >> 3, varint()]);
    else {
      const length = Number(varint());
      fields.push([tag >> 3, bytes.subarray(at, at + length)]);
      at += length;
    }
  }
  return fields;
}

/** Of the first such field; empty if there is none. */
export function bytesIn(fields: readonly Decoded[], number: number): Uint8Array {
  const value = fields.find(([own]) => own === number)?.[1];
  return value instanceof Uint8Array ? value : new Uint8Array();
}

export function integerIn(fields: readonly Decoded[], number: number): bigint {
  const value = fields.find(([own]) => own === number)?.[1];
  return typeof value === 'bigint' ? value : 0n;
}
