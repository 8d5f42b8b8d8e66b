/** Which watched ranges hold a key: against a filter of all ranges. */

import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { compareBytes, keyBehind } from '../../src/base/bytes.ts';
import { Random } from '../../src/base/random.ts';
import {
  type WatchBounds,
  type WatchedRange,
  WatchedRanges,
} from '../../src/shard/watched-ranges.ts';
import { bytesOf } from '../machine/machine-rig.ts';
import { byEffort } from '../support/effort.ts';

const OPEN = new Uint8Array();

function rangeOf(from: string, to: string): WatchBounds {
  return { from: bytesOf(from), to: bytesOf(to) };
}

function keyRange(key: string): WatchBounds {
  return { from: bytesOf(key), to: keyBehind(bytesOf(key)) };
}

/** The items of all ranges that hold the key. */
function watching(ranges: WatchedRanges<number>, key: Uint8Array): number[] {
  const found: number[] = [];
  ranges.visit(key, { behind: undefined }, ({ items }) => {
    found.push(...items);
    return true;
  });
  return found.sort((one, other) => one - other);
}

function newRanges(): WatchedRanges<number> {
  return new WatchedRanges<number>({ random: new Random(1) });
}

test('a key is watched by itself, by ranges around it, and by everything', () => {
  const ranges = newRanges();
  ranges.add(keyRange('b'), 1);
  ranges.add(rangeOf('a', 'c'), 2);
  ranges.add({ from: OPEN, to: OPEN }, 3);
  ranges.add({ from: bytesOf('b'), to: OPEN }, 4);
  deepEqual(watching(ranges, bytesOf('b')), [1, 2, 3, 4]);
  deepEqual(watching(ranges, bytesOf('a')), [2, 3]);
  deepEqual(watching(ranges, bytesOf('c')), [3, 4]);
  deepEqual(watching(ranges, bytesOf('b\0')), [2, 3, 4]);
  deepEqual(watching(ranges, OPEN), [3]);
});

test('equal ranges are one, until the last of its items goes', () => {
  const ranges = newRanges();
  const one = ranges.add(rangeOf('a', 'c'), 1);
  equal(ranges.add(rangeOf('a', 'c'), 2), one);
  equal(ranges.add(keyRange('b'), 3), ranges.add(keyRange('b'), 4));
  equal(ranges.size, 2);
  ranges.remove(one, 1);
  deepEqual(watching(ranges, bytesOf('b')), [2, 3, 4]);
  ranges.remove(one, 2);
  deepEqual(watching(ranges, bytesOf('b')), [3, 4]);
  equal(ranges.size, 1);
});

test('an item that comes twice or goes twice is a defect', () => {
  const ranges = newRanges();
  const range = ranges.add(rangeOf('a', 'c'), 1);
  throws(() => ranges.add(rangeOf('a', 'c'), 1), /once/);
  ranges.remove(range, 1);
  throws(() => ranges.remove(range, 1), /was there/);
});

const SEEDS = byEffort({ full: 20, brief: 4 });

for (let seed = 1; seed <= SEEDS; seed++) {
  test(`seed ${seed}: ranges that come and go are found as a filter finds them`, () => {
    const random = new Random(seed);
    const ranges = new WatchedRanges<number>({ random: random.fork('priorities') });
    const all = new Map<number, WatchedRange<number>>();
    const key = () => bytesOf('abc'.slice(0, 1 + random.below(3)).replace(/./g, drawn));
    const drawn = () => String.fromCharCode(97 + random.below(3));
    for (let item = 1; item <= 400; item++) {
      const from = random.chance(0.1) ? OPEN : key();
      const end = random.chance(0.2) ? keyBehind(from) : key();
      const to = random.chance(0.1) || compareBytes(from, end) >= 0 ? OPEN : end;
      all.set(item, ranges.add({ from, to }, item));
      if (random.chance(0.6)) {
        const [gone, range] = random.pick([...all]) as [number, WatchedRange<number>];
        ranges.remove(range, gone);
        all.delete(gone);
      }
      const asked = random.chance(0.5) ? key() : keyBehind(key());
      const expected = [...all].filter(([, range]) => isWithin(asked, range)).map(([at]) => at);
      deepEqual(watching(ranges, asked), expected);
    }
    ok(ranges.size > 20);
    for (const [item, range] of all) ranges.remove(range, item);
    equal(ranges.size, 0);
    deepEqual(watching(ranges, bytesOf('a')), []);
  });
}

function isWithin(key: Uint8Array, { from, to }: WatchBounds): boolean {
  return compareBytes(from, key) <= 0 && (to.length === 0 || compareBytes(key, to) < 0);
}

test('a key finds its ranges among very many that come in order', () => {
  const ranges = newRanges();
  const count = 20_000;
  const name = (at: number) => String(at).padStart(6, '0');
  for (let at = 0; at < count; at++) ranges.add(rangeOf(name(at), name(at + 2)), at);
  for (const at of [1, 777, count - 1]) {
    deepEqual(watching(ranges, bytesOf(name(at))), [at - 1, at]);
  }
});
