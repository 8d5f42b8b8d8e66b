/** A proof is good for one socket, one side and one secret. */

import { deepEqual, equal, notDeepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import {
  decodeProof,
  encodeAdmission,
  encodeProof,
  isAdmission,
  NO_SECRET,
  proofBy,
  proofOfJoining,
} from '../../src/wire/proof.ts';

const SECRET = new Uint8Array(32).fill(1);
const HELLOS = { dialler: Uint8Array.of(1, 2, 3), listener: Uint8Array.of(4, 5) };

test('another secret, side or hello makes another proof', () => {
  const proof = proofBy('dialler', SECRET, HELLOS);
  deepEqual(proofBy('dialler', SECRET, HELLOS), proof);
  const others = [
    proofBy('listener', SECRET, HELLOS),
    proofBy('dialler', new Uint8Array(32).fill(2), HELLOS),
    proofBy('dialler', NO_SECRET, HELLOS),
    proofBy('dialler', SECRET, { ...HELLOS, dialler: Uint8Array.of(1, 2, 4) }),
    proofBy('dialler', SECRET, { ...HELLOS, listener: Uint8Array.of(4, 6) }),
  ];
  for (const other of others) notDeepEqual(other, proof);
});

test('a joining node proves the secret for its own folder and for this cluster', () => {
  const joinToken = new Uint8Array(16).fill(5);
  const proof = proofOfJoining(SECRET, { cluster: 'c', joinToken });
  deepEqual(proofOfJoining(SECRET, { cluster: 'c', joinToken }), proof);
  notDeepEqual(proofOfJoining(SECRET, { cluster: 'd', joinToken }), proof);
  notDeepEqual(proofOfJoining(SECRET, { cluster: 'c', joinToken: joinToken.map(() => 6) }), proof);
  notDeepEqual(proofOfJoining(NO_SECRET, { cluster: 'c', joinToken }), proof);
});

test('a proof and an admission decode to what was encoded, and no other bytes decode', () => {
  const proof = proofBy('dialler', SECRET, HELLOS);
  deepEqual(decodeProof(encodeProof(proof)), proof);
  equal(isAdmission(encodeAdmission()), true);
  const garbage = [[], [0xc1], [0xc2], [0xc3, 0xc3], [0xc4, 2, 1, 1], [...encodeProof(proof), 0]];
  for (const bytes of garbage.map((list) => Uint8Array.from(list))) {
    equal(decodeProof(bytes), undefined);
    equal(isAdmission(bytes), false);
  }
});
