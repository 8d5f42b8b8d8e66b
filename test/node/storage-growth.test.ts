/** What a request adds to what is stored, and which limit that exceeds. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { excessText } from '../../src/access/storage-limits.ts';
import type { ShardId } from '../../src/base/ids.ts';
import type { Command } from '../../src/machine/command.ts';
import { excessOf, growthOf, UNREAD } from '../../src/node/storage-growth.ts';

const KEY = new Uint8Array(4);
const SHARD = 1 as ShardId;
const life = { lifeMilliseconds: 0 };
const set = (length: number) => ({ type: 'set', key: KEY, value: new Uint8Array(length), ...life });

const GROWING = {
  set: set(10),
  append: { type: 'append', key: KEY, value: new Uint8Array(10), ...life },
  add: { type: 'add', key: KEY, operand: { high: 0, low: 1 }, ...life },
};

function growth(operations: readonly object[], size?: number) {
  const parts = [{ shard: SHARD, operations: operations as unknown as Command }];
  const { keys, bytes } = growthOf(parts, size === undefined ? UNREAD : () => size);
  return [keys, bytes];
}

test('without a read, a write adds its key and its value, and a delete takes nothing away', () => {
  deepEqual(growth([GROWING.set]), [1, 14]);
  deepEqual(growth([GROWING.append]), [1, 14]);
  deepEqual(growth([GROWING.add]), [1, 13]);
  deepEqual(growth([{ type: 'delete', key: KEY }]), [0, 0]);
  deepEqual(growth([{ type: 'touch', key: KEY, ...life }]), [0, 0]);
  deepEqual(growth([{ type: 'check-version', key: KEY, version: 3 }]), [0, 0]);
  deepEqual(growth([GROWING.set, GROWING.set]), [2, 28]);
});

test('where the row is known, a write adds the difference', () => {
  deepEqual(growth([GROWING.set], 0), [1, 14]);
  deepEqual(growth([GROWING.set], 20), [0, -6]);
  deepEqual(growth([GROWING.append], 20), [0, 10]);
  deepEqual(growth([GROWING.add], 6), [0, 0], 'a counter counts on');
  deepEqual(growth([{ type: 'delete', key: KEY }], 20), [-1, -20]);
  deepEqual(growth([{ type: 'delete', key: KEY }], 0), [0, 0]);
});

test('only what grows is refused, by the limit that it exceeds', () => {
  const limits = { storedKeys: 10, storedBytes: 100 };
  const full = { keys: 10, bytes: 100 };
  equal(excessOf(limits, { keys: 9, bytes: 90 }, { keys: 1, bytes: 10 }), undefined);
  equal(excessOf(limits, { keys: 50, bytes: 900 }, { keys: 0, bytes: -1 }), undefined);
  equal(excessOf(limits, full, { keys: 0, bytes: 0 }), undefined);
  equal(excessOf(limits, full, { keys: -1, bytes: 1 })?.limit, 'storedBytes');
  equal(excessOf(limits, full, { keys: 1, bytes: -1 })?.limit, 'storedKeys');
  equal(excessOf({ storedKeys: 0, storedBytes: 0 }, full, { keys: 9, bytes: 9 }), undefined);
  const excess = excessOf(limits, full, { keys: 2, bytes: 0 });
  equal(
    excess && excessText(excess),
    '10 keys are stored where the user may write, and the request adds 2; ' +
      'the limit is 10 keys (storedKeys)',
  );
});
