/** Rows in the order of their keys, against a sorted list. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../src/base/random.ts';
import { OrderedRows } from '../../src/client/ordered-rows.ts';

test('whatever is set and deleted, rows come in the order of their names', () => {
  const random = new Random(5);
  const rows = new OrderedRows<number>();
  const expected = new Map<string, number>();
  for (let step = 0; step < 20_000; step++) {
    const name = `key ${random.below(4000)}`;
    if (random.chance(step < 12_000 ? 0.7 : 0.3)) {
      rows.set(name, step);
      expected.set(name, step);
    } else equal(rows.delete(name), expected.delete(name));
    if (step % 1000 > 0) continue;
    const sorted = [...expected].sort(([one], [other]) => (one < other ? -1 : 1));
    deepEqual([...rows], sorted);
    equal(rows.size, expected.size);
  }
});

test('a loop comes to each row that stays, though others are set and deleted meanwhile', () => {
  const random = new Random(6);
  const rows = new OrderedRows<number>();
  for (let key = 0; key < 3000; key++) rows.set(`stays ${1000 + key}`, key);
  const met: string[] = [];
  for (const [name] of rows) {
    if (name.startsWith('stays')) met.push(name);
    rows.set(`goes ${random.below(5000)}`, 0);
    rows.delete(`goes ${random.below(5000)}`);
    rows.set(`stays between ${random.below(5000)}`, 0);
    rows.delete(`stays between ${random.below(5000)}`);
  }
  const own = met.filter((name) => /^stays \d+$/.test(name));
  deepEqual(
    own,
    Array.from({ length: 3000 }, (_, key) => `stays ${1000 + key}`),
  );
});
