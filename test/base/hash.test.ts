/** XXH32 against the published vectors of xxHash, and against another implementation. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { hash } from '../../src/base/hash.ts';
import { Random } from '../../src/base/random.ts';

const PRIME = 0x9e3779b1;

/** The buffer of xxHash's sanity check, as tests/sanity_test.c fills it today. */
function sanityBuffer(): Uint8Array {
  const bytes = new Uint8Array(222);
  let word = BigInt(PRIME);
  for (let at = 0; at < bytes.length; at++) {
    bytes[at] = Number(word >> 56n);
    word = BigInt.asUintN(64, word * 11400714785074694797n);
  }
  return bytes;
}

/** The buffer of the sanity check of xxHash 0.6, xxhsum.c. */
function formerSanityBuffer(): Uint8Array {
  const bytes = new Uint8Array(101);
  let word = BigInt(PRIME);
  for (let at = 0; at < bytes.length; at++) {
    bytes[at] = Number((word >> 24n) & 0xffn);
    word = BigInt.asUintN(32, word * word);
  }
  return bytes;
}

/** Length, then the hashes with seed 0 and with seed PRIME. */
const SANITY = [
  [0, 0x02cc5d05, 0x36b78ae7],
  [1, 0xcf65b03e, 0xb4545aa4],
  [14, 0x1208e7e2, 0x6af1d1fe],
  [222, 0x5bd11dbd, 0x58803c5f],
] as const;

const FORMER_SANITY = [
  [0, 0x02cc5d05, 0x36b78ae7],
  [1, 0xb85cbee5, 0xd5845d64],
  [14, 0xe5aa0ab4, 0x4481951d],
  [101, 0x1f1aa412, 0x498ec8e2],
] as const;

test('the published sanity vectors hold', () => {
  for (const [buffer, vectors] of [
    [sanityBuffer(), SANITY],
    [formerSanityBuffer(), FORMER_SANITY],
  ] as const) {
    for (const [length, plain, seeded] of vectors) {
      assert.equal(hash(buffer.subarray(0, length)), plain, `${length} bytes`);
      assert.equal(hash(buffer.subarray(0, length), PRIME), seeded, `${length} bytes, seeded`);
    }
  }
});

test('a range is hashed like a copy of it', () => {
  const bytes = sanityBuffer();
  const random = new Random(3);
  for (let round = 0; round < 2000; round++) {
    const from = random.below(bytes.length);
    const to = random.between(from, bytes.length);
    assert.equal(hash(bytes, 5, from, to), hash(bytes.slice(from, to), 5));
  }
});

test('xxhash-wasm 1.1.0 gave the same hashes', () => {
  for (const [length, seed, expected] of FROM_ANOTHER_IMPLEMENTATION) {
    assert.equal(hash(randomBytes(length, seed), seed), expected, `${length} bytes`);
  }
});

test('a buffer of the runtime is hashed like plain bytes', () => {
  assert.equal(
    hash(Buffer.from(['No', 'body inspects the spammish repetition'].join(''))),
    0xe2293b2f,
  );
});

function randomBytes(length: number, seed: number): Uint8Array {
  const random = new Random(seed).fork(`${length}`);
  return Uint8Array.from({ length }, () => random.below(256));
}

/** Length, seed and hash of `randomBytes(length, seed)`. */
const FROM_ANOTHER_IMPLEMENTATION: readonly (readonly [number, number, number])[] = [
  [0, 0x00000000, 0x02cc5d05],
  [1, 0x903d003b, 0x6ab8cf3c],
  [2, 0xb296eeab, 0xbd8032a4],
  [3, 0x4a76a04a, 0xfac661ca],
  [4, 0x00000000, 0x214ae1e7],
  [5, 0x8cd4655f, 0xc2bd06cd],
  [6, 0x9b7062e8, 0xa1daf59f],
  [7, 0xb1cfd524, 0x9b453c4e],
  [8, 0x00000000, 0x40da3c2d],
  [9, 0x0637691b, 0xdf0e3e65],
  [10, 0x820b27d0, 0x7ff9004d],
  [11, 0x178b166b, 0x433b15a0],
  [12, 0x00000000, 0xb2739c29],
  [13, 0xa885da8c, 0x67f005ff],
  [14, 0xba56e046, 0x09963eb4],
  [15, 0x9b292c28, 0xad2a836a],
  [16, 0x00000000, 0xb90e8540],
  [17, 0x03ed5557, 0xe628b3a1],
  [18, 0x03693ba8, 0x90166998],
  [19, 0xda8143fb, 0xab880d04],
  [20, 0x00000000, 0xf3040cb5],
  [21, 0xf6678b48, 0x89035dd5],
  [22, 0x22a7070b, 0xced8391c],
  [23, 0xbe7ce584, 0x3c54c2a1],
  [55, 0x00000000, 0x0b061d2d],
  [374, 0xe26ef8ab, 0xb42ab278],
  [246, 0x40b11075, 0x38bdd390],
  [140, 0xdfa4db3b, 0x91a74492],
  [272, 0x00000000, 0x2360b6bb],
  [44, 0x7b06b1f1, 0xf4cd5c59],
  [314, 0x6e768cad, 0x0758830d],
  [210, 0x03fca258, 0x5621e4ea],
  [48, 0x00000000, 0xa564a05c],
  [165, 0xba5e9b2d, 0xe9e8ac4b],
  [396, 0x4e913b00, 0x7cf8d82c],
  [386, 0x3a58ae26, 0x240f7c60],
  [352, 0x00000000, 0x74a8c39b],
  [294, 0xb9b9cbb1, 0xb830857d],
  [99, 0xbb4a90f1, 0x773f56b0],
  [69, 0xabca4a00, 0x34de8a3a],
  [163, 0x00000000, 0x46f544e5],
  [377, 0x3a15d766, 0x094f2d54],
  [57, 0xae6cb43e, 0x37342ffd],
  [121, 0x6d2dac79, 0xf30436bf],
  [154, 0x00000000, 0x390c1f65],
  [0, 0xda4ac393, 0x20ca89d9],
  [140, 0x51f2f10d, 0x76bd816c],
  [54, 0xc36d67dd, 0x1f796cba],
  [311, 0x00000000, 0x02f90e5e],
  [7, 0xb8b1eb1a, 0x4b77e730],
  [290, 0x450832e2, 0x7f3d02f6],
  [209, 0x11337dbe, 0x0c2d4e1e],
  [264, 0x00000000, 0x0854f541],
  [248, 0x138b16c5, 0x940c51a0],
  [58, 0xe3fe9484, 0x9c9c2eca],
  [173, 0x8dac181a, 0xfa7283d8],
  [333, 0x00000000, 0x4dce5adf],
  [234, 0x69c6cb6a, 0xcf4d0b0d],
  [370, 0x80e7f245, 0xc8ea7ef7],
  [323, 0xde03bee1, 0x78efe4b0],
  [297, 0x00000000, 0x1489f379],
  [265, 0xb3884c4e, 0x52409b65],
  [126, 0x1ae97e09, 0xdf920f05],
  [13, 0x9e657751, 0xbb044d12],
];

test('long inputs give the same hash at any place in memory', () => {
  const random = new Random(5);
  const memory = Uint8Array.from({ length: 5000 }, () => random.below(256));
  for (const length of [511, 512, 513, 527, 528, 1000, 4099]) {
    const seed = random.below(2 ** 32);
    // From an odd offset on, it is read by bytes.
    const expected = hash(memory, seed, 1, 1 + length);
    for (let place = 0; place < 8; place++) {
      const moved = new Uint8Array(memory.length + 8);
      moved.set(memory.subarray(1, 1 + length), place);
      assert.equal(hash(moved, seed, place, place + length), expected, `${length} at ${place}`);
    }
  }
});
