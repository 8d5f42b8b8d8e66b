/** The identity file is read as it was written, and other bytes are no identity. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeId } from '../../src/base/ids.ts';
import { CATALOG_LIMITS } from '../../src/base/limits.ts';
import {
  decodeIdentity,
  encodeIdentity,
  type StoredIdentity,
} from '../../src/runtime/identity-file.ts';

const IDENTITY: StoredIdentity = {
  joinToken: Uint8Array.from({ length: 16 }, (_, at) => at),
  cluster: 'k7Qz',
  node: 3 as NodeId,
  hasLived: true,
  founding: undefined,
};
const founding = { shards: 16, replicas: 3 };

test('an identity is read as it was written', () => {
  for (const identity of [IDENTITY, { ...IDENTITY, cluster: '', founding }]) {
    deepEqual(decodeIdentity(encodeIdentity(identity)), identity);
  }
});

test('the encoding of an identity is stable', () => {
  const token = Array.from({ length: 16 }, (_, at) => at);
  const expected = [0x97, 2, 0xc4, 16, ...token, 0xc4, 4, 0x6b, 0x37, 0x51, 0x7a, 3, 0xc3, 16, 3];
  deepEqual([...encodeIdentity({ ...IDENTITY, founding })], expected);
});

test('other bytes are no identity', () => {
  const sound = encodeIdentity(IDENTITY);
  for (let length = 0; length < sound.length; length++) {
    equal(decodeIdentity(sound.subarray(0, length)), undefined, `cut to ${length}`);
  }
  equal(decodeIdentity(Uint8Array.of(...sound, 0)), undefined);
  const later = sound.slice();
  later[1] = 3;
  equal(decodeIdentity(later), undefined, 'a later format');
  const { shardsMax, replicasMax } = CATALOG_LIMITS;
  for (const settings of [
    { shards: 0, replicas: 3 },
    { shards: 16, replicas: 0 },
    { shards: shardsMax + 1, replicas: 3 },
    { shards: 16, replicas: replicasMax + 1 },
  ]) {
    const bytes = encodeIdentity({ ...IDENTITY, founding: settings });
    equal(decodeIdentity(bytes), undefined, JSON.stringify(settings));
  }
});
