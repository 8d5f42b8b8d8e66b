/** The versions that a watch remembers, and the differences that a re-read tells by them. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { TrackedKeys, TrackingBudget } from '../../../src/client/core/streams/tracked-keys.ts';
import type { KeyChange } from '../../../src/machine/key-change.ts';

const text = new TextEncoder();
const budget = () => new TrackingBudget({ trackedKeysMax: 3, trackedBytesMax: 1000 });

function set(key: string | Uint8Array, version: number, previous = 0): KeyChange {
  const bytes = typeof key === 'string' ? text.encode(key) : key;
  const rest = { value: text.encode('v'), transaction: 0, isLast: true };
  return { kind: 'set', key: bytes, previous, version, ...rest };
}

function shown(changes: readonly KeyChange[]): string[] {
  return changes.map(({ kind, key, previous, version }) => {
    return `${kind} ${Buffer.from(key).toString('latin1')} ${previous} ${version}`;
  });
}

test('a change has to name the version that was told before', () => {
  const tracked = new TrackedKeys(budget());
  ok(tracked.take([set('a', 4), set('a', 6, 4)]));
  ok(!tracked.take([set('a', 9, 8)]));
  ok(tracked.take([{ ...set('a', 9, 6), kind: 'expired', value: undefined }]));
  ok(tracked.take([set('a', 12)]));
});

test('a re-read tells other versions, new keys and keys that are gone, page by page', () => {
  const tracked = new TrackedKeys(budget());
  tracked.take([set('a', 1), set('c', 3), set('x', 5)]);
  tracked.beginRead();
  const first = tracked.differences([set('b', 7), set('c', 8)], text.encode('d'));
  deepEqual(shown(first), ['delete a 1 0', 'set b 0 7', 'set c 3 8']);
  // What was read may change before the rest is read.
  ok(tracked.take([{ ...set('b', 9, 7), kind: 'delete', value: undefined }]));
  deepEqual(shown(tracked.differences([set('x', 5)], undefined)), []);
  tracked.beginRead();
  deepEqual(shown(tracked.differences([], undefined)), ['delete c 8 0', 'delete x 5 0']);
  ok(tracked.isEmpty);
});

test('keys are ordered by their bytes, and come back as they were', () => {
  const tracked = new TrackedKeys(budget());
  const keys = [new Uint8Array([0x80]), new Uint8Array([0xff, 0]), new Uint8Array([0x20, 0x9d])];
  tracked.take(keys.map((key) => set(key, 1)));
  tracked.beginRead();
  const gone = tracked.differences([], undefined);
  deepEqual(
    gone.map(({ key }) => [...key]),
    [[0x20, 0x9d], [0x80], [0xff, 0]],
  );
});

test('the keys of all shards of a watch count together', () => {
  const shared = budget();
  const shards = [new TrackedKeys(shared), new TrackedKeys(shared)];
  shards[0]?.take([set('a', 1), set('b', 1)]);
  shards[1]?.take([set('c', 1)]);
  equal(shared.isExceeded, false);
  shards[1]?.take([set('d', 1)]);
  equal(shared.isExceeded, true);
  shards[0]?.clear();
  equal(shared.isExceeded, false);
});
