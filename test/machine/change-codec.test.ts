/** Changes as bytes: one encoding, and nothing else is read as one. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { Writer } from '../../src/base/message-pack.ts';
import { Random } from '../../src/base/random.ts';
import {
  CHANGE_OVERHEAD_BYTES,
  decodeChanges,
  isLastOf,
  keyOfChange,
  markLast,
  markWithoutValue,
  writeChange,
} from '../../src/machine/change-codec.ts';
import type { KeyChange } from '../../src/machine/key-change.ts';
import { bytesOf, clientOf } from './machine-rig.ts';

const ID = { home: 77, client: clientOf(3), sequence: 2 ** 40 };
const SET: KeyChange = {
  kind: 'set',
  key: bytesOf('a key'),
  previous: 8,
  version: 2 ** 33,
  value: bytesOf('a value'),
  transaction: 5,
  isLast: false,
};
const GONE: KeyChange = { ...SET, value: undefined, isLast: true, transaction: ID, kind: 'delete' };
const ALL: readonly KeyChange[] = [
  SET,
  { ...SET, value: new Uint8Array(), isLast: true },
  { ...SET, transaction: ID },
  GONE,
  { ...GONE, kind: 'expired', transaction: 0 },
  { ...GONE, kind: 'lease-ended', isLast: false },
];

function encoded(...changes: readonly KeyChange[]): Uint8Array {
  const writer = new Writer();
  for (const change of changes) writeChange(writer, change);
  return writer.take();
}

test('changes are read as they were written', () => {
  deepEqual(decodeChanges(encoded(...ALL)), ALL);
  deepEqual(decodeChanges(new Uint8Array()), []);
});

test('the parts of an encoded change are found', () => {
  for (const change of ALL) {
    const bytes = encoded(change);
    deepEqual(keyOfChange(bytes), change.key);
    equal(isLastOf(bytes, 0), change.isLast);
    markLast(bytes, 0, !change.isLast);
    deepEqual(decodeChanges(bytes), [{ ...change, isLast: !change.isLast }]);
  }
});

test('the front of a set is a set without its value', () => {
  for (const change of ALL) {
    const writer = new Writer();
    const front = writer.take().length + writeChange(writer, change);
    const bytes = writer.take().slice(0, front);
    markWithoutValue(bytes, 0);
    deepEqual(decodeChanges(bytes), [{ ...change, value: undefined }]);
  }
});

test('a change takes no more than is counted for it', () => {
  const most = {
    ...SET,
    previous: 2 ** 52,
    version: 2 ** 52,
    key: new Uint8Array(),
    value: new Uint8Array(),
  };
  const client = clientOf(255);
  const transaction = { home: 2 ** 32 - 1, client, sequence: 2 ** 52 };
  equal(encoded({ ...most, transaction }).length + 2 * 5 <= CHANGE_OVERHEAD_BYTES, true);
});

test('other bytes are refused, or are another change in its one encoding', () => {
  const random = new Random(7);
  const sound = encoded(...ALL);
  let refused = 0;
  for (let round = 0; round < 20_000; round++) {
    const bytes = sound.slice(0, random.chance(0.5) ? sound.length : random.below(sound.length));
    if (bytes.length === 0) continue;
    for (let count = random.between(1, 3); count > 0; count--) {
      bytes[random.below(bytes.length)] = random.below(256);
    }
    const changes = decodeChanges(bytes);
    if (changes === undefined) refused += 1;
    else deepEqual(encoded(...changes), bytes);
  }
  equal(refused > 5000, true);
});
