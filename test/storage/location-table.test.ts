/** The size of a shard's entries on disk, and the first index within a size. */

import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../src/base/random.ts';
import { LocationTable } from '../../src/storage/log/location-table.ts';
import { recordBytes } from '../../src/storage/log/log-record.ts';

const NO_ACCOUNT = { add() {}, remove() {} };

/** From an index on, without holes. */
function bytesFrom(table: LocationTable, from: number): number {
  let bytes = 0;
  for (let index = from; index < table.end; index++) {
    if (table.epochAt(index) !== 0) bytes += recordBytes(table.at(index).length);
  }
  return bytes;
}

test('the sum follows every change, and the first index within a bound is the first', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new Random(seed);
    const table = new LocationTable(NO_ACCOUNT);
    for (let step = 0; step < 300; step++) {
      const location = { epoch: 1, offset: 0, length: random.below(5000) };
      const inside = table.end > table.first ? random.between(table.first, table.end - 1) : 0;
      const kind = random.below(10);
      if (kind < 5) table.push(location);
      else if (kind === 5) table.push();
      else if (inside > 0 && kind === 6) table.set(inside, location);
      else if (inside > 0 && kind === 7) table.punch(inside);
      else if (inside > 0 && kind === 8) table.cutThrough(random.chance(0.3) ? inside : 0);
      else if (inside > 0 && random.chance(0.1)) table.cutFrom(inside);
      equal(table.bytes, bytesFrom(table, table.first), `seed ${seed}, step ${step}`);
    }
    const bound = random.below(table.bytes + 1);
    const first = table.firstWithin(bound);
    equal(bytesFrom(table, first) <= bound, true);
    equal(first === table.first || bytesFrom(table, first - 1) > bound, true);
  }
});
