/** Damage to bytes: a flipped bit, a changed byte, a cut or longer end, a token inserted. */

import type { Random } from '../../src/base/random.ts';

/** Headers that claim much, and tokens that have no place here. */
const SPLICES: readonly (readonly number[])[] = [
  [0xdd, 0x00, 0x7f, 0xff, 0xff],
  [0xdc, 0xff, 0xff],
  [0xdc, 0x00, 0x10],
  [0xc6, 0x7f, 0xff, 0xff, 0xff],
  [0xc4, 0x02, 0xc3, 0x28],
  [0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  [0xcf, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00],
  [0xc9, 0, 0, 0, 1, 0x72, 0x40],
  [0xc0],
  [0x00],
  [0x90],
];

export function mutate(random: Random, bytes: Uint8Array): Uint8Array {
  const at = random.below(bytes.length);
  const head = bytes.subarray(0, at);
  const tail = bytes.subarray(at);
  switch (random.below(6)) {
    case 0:
      return Buffer.concat([
        head,
        Uint8Array.of((tail[0] ?? 0) ^ (1 << random.below(8))),
        tail.subarray(1),
      ]);
    case 1:
      return Buffer.concat([head, Uint8Array.of(random.below(256)), tail.subarray(1)]);
    case 2:
      return head.slice();
    case 3:
      return Buffer.concat([bytes, Uint8Array.of(random.below(256))]);
    case 4:
      return Buffer.concat([head, Uint8Array.from(random.pick(SPLICES)), tail]);
    default:
      return Buffer.concat([head, bytes.subarray(random.below(bytes.length))]);
  }
}
