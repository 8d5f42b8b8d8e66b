/** SHA-256 and HMAC: the published vectors, and the same as those of the system. */

import { deepEqual, equal } from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { test } from 'node:test';
import { Random } from '../../src/base/random.ts';
import { hmac, isSameDigest, sha256 } from '../../src/base/sha256.ts';

const text = (characters: string) => new TextEncoder().encode(characters);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

function someBytes(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.below(256));
}

test('the vectors of FIPS 180-4 and RFC 4231', () => {
  equal(
    hex(sha256(text('abc'))),
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  );
  equal(hex(sha256()), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  equal(
    hex(hmac(text('Jefe'), text('what do ya want for nothing?'))),
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  );
});

test('any bytes, in any pieces, have the digest that node:crypto gives', () => {
  const random = new Random(7);
  for (let length = 0; length < 300; length++) {
    const bytes = someBytes(random, length);
    const key = someBytes(random, random.below(150));
    const cut = random.below(length + 1);
    const pieces = [bytes.subarray(0, cut), bytes.subarray(cut)];
    const digest = createHash('sha256').update(bytes).digest();
    deepEqual(sha256(...pieces), new Uint8Array(digest));
    deepEqual(
      hmac(key, ...pieces),
      new Uint8Array(createHmac('sha256', key).update(bytes).digest()),
    );
  }
});

test('digests are the same in every byte or not at all', () => {
  const digest = sha256(text('a'));
  equal(isSameDigest(digest, digest.slice()), true);
  equal(isSameDigest(digest, digest.subarray(1)), false);
  equal(isSameDigest(digest.subarray(1), digest), false);
  for (let at = 0; at < digest.length; at++) {
    const other = digest.slice();
    other[at] = (other[at] ?? 0) ^ 1;
    equal(isSameDigest(digest, other), false);
  }
});
