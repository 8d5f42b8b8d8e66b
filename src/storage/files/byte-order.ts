/** The order of byte strings, and ranges of them. */

/** Keys in [from, to); undefined leaves an end open. */
export interface ByteRange {
  readonly from: Uint8Array | undefined;
  readonly to: Uint8Array | undefined;
  readonly isReverse: boolean;
}

/** Bytes are compared as unsigned; a prefix comes before longer strings. */
export function compare(
  one: Uint8Array,
  oneFrom: number,
  other: Uint8Array,
  otherFrom: number,
): number {
  const oneLength = one.length - oneFrom;
  const otherLength = other.length - otherFrom;
  const shorter = Math.min(oneLength, otherLength);
  for (let at = 0; at < shorter; at++) {
    const difference = (one[oneFrom + at] as number) - (other[otherFrom + at] as number);
    if (difference !== 0) return difference;
  }
  return oneLength - otherLength;
}

/** Reads a little-endian word. */
export function word32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    0
  );
}
