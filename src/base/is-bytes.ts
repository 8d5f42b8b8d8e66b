/** Byte strings of any realm: `instanceof` is false for those of a `node:vm` context, as Jest's. */

export function isBytes(value: unknown): value is Uint8Array {
  if (value instanceof Uint8Array) return true;
  return ArrayBuffer.isView(value) && (value as Uint8Array)[Symbol.toStringTag] === 'Uint8Array';
}
