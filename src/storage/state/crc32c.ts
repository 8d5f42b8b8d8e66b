/** CRC-32C (Castagnoli), the checksum of LevelDB's files, sixteen bytes at a time. */

/** The polynomial with its bits reversed. */
const POLYNOMIAL = 0x82f6_3b78;

/** For each of sixteen positions, counted from the last byte, the effect of a byte on the sum. */
const T0 = tableOfLast();
const T1 = before(T0);
const T2 = before(T1);
const T3 = before(T2);
const T4 = before(T3);
const T5 = before(T4);
const T6 = before(T5);
const T7 = before(T6);
const T8 = before(T7);
const T9 = before(T8);
const T10 = before(T9);
const T11 = before(T10);
const T12 = before(T11);
const T13 = before(T12);
const T14 = before(T13);
const T15 = before(T14);

function tableOfLast(): Int32Array {
  return Int32Array.from({ length: 256 }, (_, byte) => {
    let sum = byte;
    for (let bit = 0; bit < 8; bit++) sum = (sum & 1) === 1 ? (sum >>> 1) ^ POLYNOMIAL : sum >>> 1;
    return sum;
  });
}

/** The table of the position before: shifted by one more byte. */
function before(table: Int32Array): Int32Array {
  return table.map((sum) => (sum >>> 8) ^ (T0[sum & 0xff] as number));
}

/**
 * The CRC of the bytes in [from, to). All platforms that LevelDB is built for are little-endian.
 */
export function crc32c(bytes: Uint8Array, from = 0, to = bytes.length): number {
  let sum = -1;
  let at = from;
  while (at < to && ((bytes.byteOffset + at) & 3) !== 0) sum = step(sum, bytes[at++] as number);
  const words = wordsIn(bytes, at, to);
  for (let word = 0; word < words.length; word += 4) {
    const one = sum ^ (words[word] as number);
    const two = words[word + 1] as number;
    const three = words[word + 2] as number;
    const four = words[word + 3] as number;
    sum =
      (T15[one & 0xff] as number) ^
      (T14[(one >>> 8) & 0xff] as number) ^
      (T13[(one >>> 16) & 0xff] as number) ^
      (T12[one >>> 24] as number) ^
      (T11[two & 0xff] as number) ^
      (T10[(two >>> 8) & 0xff] as number) ^
      (T9[(two >>> 16) & 0xff] as number) ^
      (T8[two >>> 24] as number) ^
      (T7[three & 0xff] as number) ^
      (T6[(three >>> 8) & 0xff] as number) ^
      (T5[(three >>> 16) & 0xff] as number) ^
      (T4[three >>> 24] as number) ^
      (T3[four & 0xff] as number) ^
      (T2[(four >>> 8) & 0xff] as number) ^
      (T1[(four >>> 16) & 0xff] as number) ^
      (T0[four >>> 24] as number);
  }
  for (at += words.length * 4; at < to; at++) sum = step(sum, bytes[at] as number);
  return ~sum >>> 0;
}

/** The words that make whole steps of sixteen bytes. */
function wordsIn(bytes: Uint8Array, from: number, to: number): Int32Array {
  const length = ((to - from) >> 4) * 4;
  return length === 0 ? NO_WORDS : new Int32Array(bytes.buffer, bytes.byteOffset + from, length);
}

const NO_WORDS = new Int32Array(0);

function step(sum: number, byte: number): number {
  return (T0[(sum ^ byte) & 0xff] as number) ^ (sum >>> 8);
}

/** LevelDB masks stored sums, because a CRC over bytes that contain their own CRC is useless. */
export function unmaskedCrc(masked: number): number {
  const rotated = (masked - MASK_DELTA) >>> 0;
  return ((rotated >>> 17) | (rotated << 15)) >>> 0;
}

export function maskedCrc(sum: number): number {
  return ((((sum >>> 15) | (sum << 17)) >>> 0) + MASK_DELTA) >>> 0;
}

const MASK_DELTA = 0xa282_ead8;

/**
 * The position of the single flipped bit, counted from the first byte's lowest bit, that explains
 * why the sum is `actual` and not `expected`; undefined if no single bit does. The sum is linear:
 * the effect of a flipped bit depends on its distance to the end alone, and no two bits within 2^31
 * have the same effect.
 */
export function flippedBit(length: number, actual: number, expected: number): number | undefined {
  const wanted = (actual ^ expected) | 0;
  // The effects of the bits of the last byte; each byte before shifts them once more.
  const effects = Array.from({ length: 8 }, (_, bit) => T0[1 << bit] as number);
  for (let at = length - 1; at >= 0; at--) {
    for (let bit = 0; bit < 8; bit++) {
      const effect = effects[bit] as number;
      if (effect === wanted) return at * 8 + bit;
      effects[bit] = (effect >>> 8) ^ (T0[effect & 0xff] as number);
    }
  }
  return undefined;
}
