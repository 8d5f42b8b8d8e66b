/** Ranges of deleted keys: how many there are, and when they give false positives. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../src/base/random.ts';
import { DeletedRanges } from '../../src/shard/deleted-ranges.ts';
import { SHARD_LIMITS } from '../../src/shard/limits.ts';
import { bytesOf } from '../machine/machine-rig.ts';

function recentDeletes(keys: readonly string[], version = 20) {
  return keys.map((key) => ({ key: bytesOf(key), version }));
}

function mayHave(ranges: DeletedRanges, from: string, to: string, since = 10): boolean {
  return ranges.mayHave({ from: bytesOf(from), to: bytesOf(to), since });
}

test('few keys are remembered exactly', () => {
  const ranges = new DeletedRanges();
  ranges.note(recentDeletes(['b', 'd']), 0);
  ranges.note(recentDeletes(['c'], 30), 0);
  deepEqual(
    [mayHave(ranges, 'b', 'b\0'), mayHave(ranges, 'b\0', 'c'), mayHave(ranges, 'e', '')],
    [true, false, false],
  );
  deepEqual([mayHave(ranges, 'c', 'd', 20), mayHave(ranges, 'a', '', 30)], [true, false]);
});

test('the number of ranges is bounded, and they follow the prefixes of keys', () => {
  const ranges = new DeletedRanges();
  const random = new Random(5);
  for (let round = 0; round < 20; round++) {
    const keys = Array.from({ length: 1000 }, () => {
      return `${random.below(2) === 0 ? 'apples' : 'cherries'}/${random.below(2 ** 30)}`;
    });
    ranges.note(recentDeletes(keys, 20 + round), 0);
    ok(ranges.size <= SHARD_LIMITS.stretchesMax, `${ranges.size} stretches`);
    for (const key of keys) equal(mayHave(ranges, key, `${key}\0`, 19 + round), true);
  }
  equal(mayHave(ranges, 'apples0', 'cherries/'), false, 'between the prefixes');
  equal(mayHave(ranges, 'b', 'c'), false);
  equal(mayHave(ranges, 'd', ''), false);
});

test('a range with a younger key counts as young as that key', () => {
  const ranges = new DeletedRanges();
  const many = Array.from({ length: SHARD_LIMITS.stretchesMax + 1 }, (_, at) => `k${at}`);
  ranges.note(recentDeletes(many.slice(1)), 0);
  ranges.note(recentDeletes(many.slice(0, 1), 40), 0);
  equal(mayHave(ranges, 'k0', 'k0\0', 39), true);
  equal(mayHave(ranges, 'k', 'l', 40), false);
});

test('versions that no request checks any more take no room', () => {
  const ranges = new DeletedRanges();
  ranges.note(recentDeletes(['b', 'd']), 0);
  ranges.note(recentDeletes(['c'], 30), 20);
  equal(ranges.size, 1);
});

test('keys with the same first bytes count as one, and none of them is missed', () => {
  const ranges = new DeletedRanges();
  const long = 'k'.repeat(64);
  ranges.note(recentDeletes([`${long}b`, `${long}d`, long]), 0);
  equal(ranges.size, 1);
  for (const key of [long, `${long}b`, `${long}d`]) equal(mayHave(ranges, key, `${key}\0`), true);
  equal(mayHave(ranges, 'k'.repeat(63), long), false);
  equal(mayHave(ranges, 'l', ''), false);
});
