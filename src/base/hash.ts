/** XXH32 of bytes: the one hash behind key positions, virtual nodes and arcs. */

// xxHash fast digest algorithm, version 0.2.0, "XXH32 algorithm description". Part of the format of
// every cluster: another hash, or another seed, would put every key somewhere else.
const PRIME_1 = 0x9e3779b1;
const PRIME_2 = 0x85ebca77;
const PRIME_3 = 0xc2b2ae3d;
const PRIME_4 = 0x27d4eb2f;
const PRIME_5 = 0x165667b1;

/**
 * From this length on, aligned bytes are read as words. Below it, a view of words costs more than
 * it saves. No platform that is supported is big-endian (`storage/log/log-record.ts` asserts it).
 */
const WORDS_FROM = 512;

/** An integer in [0, 2^32), of `bytes[from, to)`: a range, so that a tag needs no copy. */
export function hash(bytes: Uint8Array, seed = 0, from = 0, to = bytes.length): number {
  let at = from;
  let mixed = to - from < 16 ? (seed + PRIME_5) | 0 : hashStripes(bytes, seed, from, to);
  if (to - from >= 16) at += (to - from) & ~15;
  mixed = (mixed + (to - from)) | 0;
  for (; at + 4 <= to; at += 4) {
    mixed = (mixed + Math.imul(wordAt(bytes, at), PRIME_3)) | 0;
    mixed = Math.imul((mixed << 17) | (mixed >>> 15), PRIME_4);
  }
  for (; at < to; at++) {
    mixed = (mixed + Math.imul(bytes[at] as number, PRIME_5)) | 0;
    mixed = Math.imul((mixed << 11) | (mixed >>> 21), PRIME_1);
  }
  mixed = Math.imul(mixed ^ (mixed >>> 15), PRIME_2);
  mixed = Math.imul(mixed ^ (mixed >>> 13), PRIME_3);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** Four lanes over every whole stripe of 16 bytes, merged. */
function hashStripes(bytes: Uint8Array, seed: number, from: number, to: number): number {
  if (to - from >= WORDS_FROM && ((bytes.byteOffset + from) & 3) === 0) {
    return hashWords(
      new Int32Array(bytes.buffer, bytes.byteOffset + from, ((to - from) >> 4) * 4),
      seed,
    );
  }
  let a = (seed + PRIME_1 + PRIME_2) | 0;
  let b = (seed + PRIME_2) | 0;
  let c = seed | 0;
  let d = (seed - PRIME_1) | 0;
  for (let at = from; at + 16 <= to; at += 16) {
    a = round(a, wordAt(bytes, at));
    b = round(b, wordAt(bytes, at + 4));
    c = round(c, wordAt(bytes, at + 8));
    d = round(d, wordAt(bytes, at + 12));
  }
  return merged(a, b, c, d);
}

/** The same for a whole number of stripes, read by words: less than half of the time. */
function hashWords(words: Int32Array, seed: number): number {
  let a = (seed + PRIME_1 + PRIME_2) | 0;
  let b = (seed + PRIME_2) | 0;
  let c = seed | 0;
  let d = (seed - PRIME_1) | 0;
  for (let at = 0; at < words.length; at += 4) {
    a = round(a, words[at] as number);
    b = round(b, words[at + 1] as number);
    c = round(c, words[at + 2] as number);
    d = round(d, words[at + 3] as number);
  }
  return merged(a, b, c, d);
}

function merged(a: number, b: number, c: number, d: number): number {
  const left = ((a << 1) | (a >>> 31)) + ((b << 7) | (b >>> 25));
  const right = ((c << 12) | (c >>> 20)) + ((d << 18) | (d >>> 14));
  return (left + right) | 0;
}

function round(lane: number, word: number): number {
  const mixed = (lane + Math.imul(word, PRIME_2)) | 0;
  return Math.imul((mixed << 13) | (mixed >>> 19), PRIME_1);
}

/** Four bytes as a little-endian word. */
function wordAt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}
