/** Damage for what decoders read: bits, bytes, cuts, tails, and headers that claim much. */

import type { Random } from '../../src/base/random.ts';

/** Headers that claim much, and tokens that have no place here. */
const SPLICES: readonly (readonly number[])[] = [
  [0xdd, 0x00, 0x7f, 0xff, 0xff],
  [0xdc, 0xff, 0xff],
  [0xdc, 0x00, 0x10],
  [0xc6, 0x7f, 0xff, 0xff, 0xff],
  [0xc5, 0xff, 0xff],
  [0xdf, 0x00, 0x7f, 0xff, 0xff],
  [0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  [0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0],
  [0xc9, 0, 0, 0, 1, 0x72, 0x40],
  [0xc0],
  [0xff],
  [0x90],
];

/** One small change, somewhere. */
export function mutate(random: Random, frame: Uint8Array): Uint8Array {
  const at = random.below(frame.length);
  switch (random.below(6)) {
    case 0:
      return changed(frame, at, (frame[at] ?? 0) ^ (1 << random.below(8)));
    case 1:
      return changed(frame, at, random.below(256));
    case 2:
      return frame.slice(0, at);
    case 3:
      return joined(frame, bytesFrom(random, 1 + random.below(4)));
    case 4:
      return joined(frame.subarray(0, at), random.pick(SPLICES), frame.subarray(at));
    default:
      return joined(frame.subarray(0, at), frame.subarray(random.below(frame.length)));
  }
}

function changed(frame: Uint8Array, at: number, byte: number): Uint8Array {
  const result = frame.slice();
  result[at] = byte;
  return result;
}

export function joined(...parts: readonly ArrayLike<number>[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

function bytesFrom(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.below(256));
}
