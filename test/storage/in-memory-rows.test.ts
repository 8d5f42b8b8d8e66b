/** Rows in memory, against a sorted map. */

import { deepEqual, equal } from 'node:assert/strict';
import test from 'node:test';
import { Random } from '../../src/base/random.ts';
import { InMemoryRows, type RowChange } from '../../src/storage/state/in-memory-rows.ts';

const KEYS = 5000;

function keyOf(number: number): Uint8Array {
  return Uint8Array.of(number >> 8, number & 0xff);
}

function numberOf(key: Uint8Array): number {
  return ((key[0] ?? 0) << 8) | (key[1] ?? 0);
}

test('batches of puts and deletes leave what a map has, in both orders, from any key', () => {
  const random = new Random(3);
  const model = new Map<number, number>();
  let rows = new InMemoryRows();
  for (let batch = 0; batch < 200; batch++) {
    const changes: RowChange[] = [];
    for (let count = random.between(1, 400); count > 0; count--) {
      const number = random.below(KEYS);
      if (random.chance(0.4)) {
        changes.push({ key: keyOf(number), value: undefined });
        model.delete(number);
      } else {
        changes.push({ key: keyOf(number), value: Uint8Array.of(batch) });
        model.set(number, batch);
      }
    }
    rows = rows.with(changes);
  }
  const numbers = [...model.keys()].sort((one, other) => one - other);
  for (let round = 0; round < 50; round++) {
    const from = random.below(KEYS + 100);
    const rising = [...rows.from(keyOf(from))].map(([key]) => numberOf(key));
    deepEqual(
      rising,
      numbers.filter((number) => number >= from),
    );
    const falling = [...rows.before(keyOf(from))].map(([key]) => numberOf(key));
    deepEqual(falling, numbers.filter((number) => number < from).reverse());
  }
  for (let number = 0; number < KEYS; number++) {
    equal(rows.find(keyOf(number))?.[0], model.get(number));
  }
});

test('what was taken before a batch does not change, and all rows can be deleted', () => {
  const all = Array.from({ length: 1000 }, (_, number) => keyOf(number));
  const full = new InMemoryRows().with(all.map((key) => ({ key, value: key })));
  const none = full.with(all.map((key) => ({ key, value: undefined })));
  equal(none.isEmpty, true);
  deepEqual([...none.from(keyOf(0)), ...none.before(keyOf(2000))], []);
  equal([...full.from(keyOf(0))].length, 1000);
  equal(none.with([{ key: keyOf(1), value: keyOf(1) }]).find(keyOf(1))?.length, 2);
});
