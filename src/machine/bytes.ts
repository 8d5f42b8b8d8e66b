/** Bytes against bytes: the order of keys, what stands next in it, and equality. */

/** Below zero, zero or above, as the first stands before, with or behind the second. */
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

/** One text for one sequence of bytes: a key for tables whose hash nobody outside can foresee. */
export function nameOf(bytes: Uint8Array): string {
  return latin.decode(bytes);
}
