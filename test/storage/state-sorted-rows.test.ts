/** The ordered rows under the memtables, against a plain map, with views opened at random. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { ShardId } from '../../src/base/ids.ts';
import { Random } from '../../src/base/random.ts';
import { Arena } from '../../src/storage/state/arena.ts';
import { SlabPool } from '../../src/storage/state/slab-pool.ts';
import { NO_ROW, SortedRows, type SortedView } from '../../src/storage/state/sorted-rows.ts';
import { keyOf, Place } from '../../src/storage/state/state-key.ts';
import { valueIn } from '../../src/storage/state/state-record.ts';
import { hex } from './state-model.ts';

function walk(view: SortedView, from?: Uint8Array, to?: Uint8Array, isReverse = false) {
  const cursor = view.cursor({ from, to, isReverse });
  const found: string[] = [];
  while (cursor.next()) found.push(`${hex(keyOf(cursor.key))}=${hex(valueIn(cursor.record))}`);
  return found;
}

function expected(
  model: ReadonlyMap<string, string>,
  from?: Uint8Array,
  to?: Uint8Array,
  isReverse = false,
) {
  const rows = [...model]
    .filter(
      ([key]) => (from === undefined || key >= hex(from)) && (to === undefined || key < hex(to)),
    )
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`);
  return isReverse ? rows.reverse() : rows;
}

test('ten thousand writes in any order read back in order, both ways, from any bounds', () => {
  const random = new Random(1);
  const arena = new Arena(new Place(1 as ShardId, 0), new SlabPool());
  const rows = new SortedRows(arena);
  const model = new Map<string, string>();
  const held: { view: SortedView; rows: readonly string[] }[] = [];
  const key = () => Uint8Array.from({ length: random.below(4) }, () => random.below(40) * 6);
  for (let at = 0; at < 10_000; at++) {
    const raw = key();
    const value = new Uint8Array(random.pick([1, 20, 30])).fill(at);
    const row = arena.add(0, raw, value);
    const before = rows.place(row);
    assert.equal(before !== row, model.has(hex(raw)));
    if (before !== row && !arena.rewrite(before, row)) rows.replace(row);
    model.set(hex(raw), hex(value));
    if (at % 1000 === 10) held.push({ view: rows.view(), rows: expected(model) });
    if (at % 100 !== 0) continue;
    const [from, to] = [key(), key()];
    const isReverse = random.chance(0.5);
    assert.deepEqual(walk(rows.view(), from, to, isReverse), expected(model, from, to, isReverse));
    const other = key();
    const found = rows.find(other);
    assert.equal(found === NO_ROW ? undefined : hex(arena.value(found)), model.get(hex(other)));
  }
  assert.deepEqual(
    walk(rows.view(), undefined, undefined, true),
    expected(model, undefined, undefined, true),
  );
  for (const { view, rows } of held) assert.deepEqual(walk(view), rows);
});
