/** The ordered map under the overlays: against a plain map, with views taken at random. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { Random } from '../../src/base/random.ts';
import { SortedMap, type SortedView } from '../../src/storage/sorted-map.ts';
import { hex } from './state-model.ts';

const PREFIX = [9, 9];

function walk(view: SortedView<number>, from?: Uint8Array, to?: Uint8Array, isReverse = false) {
  const cursor = view.cursor({ from, to, isReverse });
  const found: string[] = [];
  while (cursor.next()) found.push(`${hex(cursor.key.subarray(PREFIX.length))}=${cursor.value}`);
  return found;
}

function expected(
  model: ReadonlyMap<string, number>,
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
  const map = new SortedMap<number>({ prefixBytes: PREFIX.length });
  const model = new Map<string, number>();
  const held: { view: SortedView<number>; rows: readonly string[] }[] = [];
  const key = () => Uint8Array.from({ length: random.below(4) }, () => random.below(40) * 6);
  for (let at = 0; at < 10_000; at++) {
    const raw = key();
    assert.equal(map.set(Uint8Array.of(...PREFIX, ...raw), at), model.get(hex(raw)));
    model.set(hex(raw), at);
    if (at % 1000 === 10) held.push({ view: map.view(), rows: expected(model) });
    if (at % 100 !== 0) continue;
    const [from, to] = [key(), key()];
    const isReverse = random.chance(0.5);
    assert.deepEqual(walk(map.view(), from, to, isReverse), expected(model, from, to, isReverse));
    const other = key();
    assert.equal(map.get(other), model.get(hex(other)));
  }
  assert.equal(map.size, model.size);
  assert.deepEqual(
    walk(map.view(), undefined, undefined, true),
    expected(model, undefined, undefined, true),
  );
  for (const { view, rows } of held) assert.deepEqual(walk(view), rows);
});
