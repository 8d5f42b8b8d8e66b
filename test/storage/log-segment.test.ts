/** The header of a segment has two copies; a damaged copy is never used. */

import assert from 'node:assert/strict';
import test from 'node:test';
import {
  decodePreamble,
  encodePreamble,
  type SegmentHeader,
} from '../../src/storage/log/log-segment.ts';

const HEADER: SegmentHeader = {
  epoch: 7,
  salt: 0xdead_beef,
  size: 65_536,
  owner: 99,
  incarnation: 3,
  before: 6,
  follows: 12,
  followsEnd: 40_000,
  isBoot: true,
};
const COPIES = [0, 4096];
const BITS = 16 * 4 * 8;

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  return bytes.map((byte, at) => (at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
}

test('one copy with any bit flipped is reported, and the other one is used', () => {
  const whole = encodePreamble(HEADER);
  assert.deepEqual(decodePreamble(whole), { header: HEADER, isDamaged: false });
  for (const copy of COPIES) {
    for (let bit = 0; bit < BITS; bit++) {
      const found = decodePreamble(flipped(whole, copy * 8 + bit));
      assert.deepEqual(found, { header: HEADER, isDamaged: true }, `bit ${bit} at ${copy}`);
    }
  }
});

test('two copies with the same bit flipped are refused', () => {
  const [one = 0, other = 0] = COPIES;
  for (let bit = 0; bit < BITS; bit++) {
    const bytes = flipped(flipped(encodePreamble(HEADER), one * 8 + bit), other * 8 + bit);
    assert.equal(decodePreamble(bytes), undefined);
  }
});
