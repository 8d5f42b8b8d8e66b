/** Byte strings: the order of keys, the successor of a key, and equality. */

/** Negative, zero or positive, as the first stands before, equals or stands after the second. */
export function compareBytes(one: Uint8Array, other: Uint8Array): number {
  const length = Math.min(one.length, other.length);
  for (let at = 0; at < length; at++) {
    const difference = (one[at] as number) - (other[at] as number);
    if (difference !== 0) return difference;
  }
  return one.length - other.length;
}

export function areEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && compareBytes(one, other) === 0;
}

/** The least key behind this one. */
export function keyBehind(key: Uint8Array): Uint8Array {
  const behind = new Uint8Array(key.length + 1);
  behind.set(key);
  return behind;
}

const latin = new TextDecoder('latin1');

/** A string for a byte string: a key for tables whose hash function clients cannot predict. */
export function nameOf(bytes: Uint8Array): string {
  return latin.decode(bytes);
}
