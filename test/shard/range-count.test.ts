/** The rows of ranges are counted by a walk in slices, and then with each entry. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { compareBytes } from '../../src/base/bytes.ts';
import { Writer } from '../../src/base/message-pack.ts';
import { Random } from '../../src/base/random.ts';
import { writeRow } from '../../src/machine/row.ts';
import { SECTION } from '../../src/machine/section.ts';
import { SHARD_LIMITS } from '../../src/shard/limits.ts';
import { type CountedRanges, RangeCount, type Slice } from '../../src/shard/range-count.ts';
import { RangeCounts } from '../../src/shard/range-counts.ts';
import type { StateRow, StateWrite } from '../../src/storage/state/state.ts';

const encoder = new TextEncoder();
const bytesOf = (text: string) => encoder.encode(text);

function rowOf(length: number): Uint8Array {
  const writer = new Writer();
  writeRow(writer, { version: 1, expiresAt: 0, value: new Uint8Array(length) });
  return writer.take();
}

function counted(id: number, ...ranges: readonly (readonly [string, string])[]): CountedRanges {
  return { id, ranges: ranges.map(([from, to]) => ({ from: bytesOf(from), to: bytesOf(to) })) };
}

/** The state of one shard: what the store would have. */
class Rows {
  readonly #rows = new Map<string, Uint8Array>();

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#rows.get(new TextDecoder().decode(key));
  }

  /** As of now, in order. */
  within({ from, to }: Slice): readonly StateRow[] {
    const rows = [...this.#rows].map(([key, value]) => ({ key: bytesOf(key), value }));
    const own = rows.filter(({ key }) => {
      const isBelow = to.length === 0 || compareBytes(key, to) < 0;
      return compareBytes(from, key) <= 0 && isBelow;
    });
    return own.sort((one, other) => compareBytes(one.key, other.key));
  }

  take(writes: readonly StateWrite[]): void {
    for (const { key, value } of writes) {
      const name = new TextDecoder().decode(key);
      if (value === undefined) this.#rows.delete(name);
      else this.#rows.set(name, value);
    }
  }

  naively({ ranges }: CountedRanges): readonly [keys: number, bytes: number] {
    const rows = ranges.flatMap((range) => this.within(range));
    const sizeOf = ({ key, value }: StateRow) => key.length + payloadOf(value);
    return [rows.length, rows.reduce((sum, row) => sum + sizeOf(row), 0)];
  }
}

/** What `rowOf` was asked for, found without the code under test. */
function payloadOf(row: Uint8Array): number {
  for (let length = 0; length < 300; length++) {
    if (rowOf(length).length === row.length) return length;
  }
  throw new Error('no row of this test');
}

function set(key: string, length: number): StateWrite {
  return { section: SECTION.values, key: bytesOf(key), value: rowOf(length) };
}

function remove(key: string): StateWrite {
  return { section: SECTION.values, key: bytesOf(key), value: undefined };
}

class World {
  readonly rows = new Rows();
  readonly counts = new RangeCounts();

  apply(...writes: readonly StateWrite[]): void {
    this.counts.apply(writes, (key) => this.rows.get(key));
    this.rows.take(writes);
  }

  of(id: number): RangeCount {
    const count = this.counts.of(id);
    ok(count !== undefined);
    return count;
  }

  walkAll(): void {
    for (const count of this.counts.all) {
      for (let slice = count.begin(); slice !== undefined; slice = count.begin()) {
        count.take(slice, this.rows.within(slice).slice(0, 2));
      }
    }
  }
}

const A = counted(1, ['a', 'b']);

test('an empty range is counted by one slice without rows, and entries count from then on', () => {
  const world = new World();
  world.counts.want([A]);
  equal(world.of(1).isComplete, false);
  world.walkAll();
  equal(world.of(1).isComplete, true);
  world.apply(set('a1', 10), set('b', 5), set('a', 1));
  deepEqual([world.of(1).keys, world.of(1).bytes], [2, 2 + 10 + 1 + 1]);
  world.apply(set('a1', 3));
  deepEqual([world.of(1).keys, world.of(1).bytes], [2, 2 + 3 + 1 + 1]);
  world.apply(remove('a1'), remove('a2'));
  deepEqual([world.of(1).keys, world.of(1).bytes], [1, 2]);
});

test('a key that one entry writes twice is counted as it is in the end', () => {
  const world = new World();
  world.counts.want([A]);
  world.walkAll();
  world.apply(set('a1', 10), set('a1', 20));
  deepEqual([world.of(1).keys, world.of(1).bytes], [1, 22]);
  world.apply(remove('a1'), set('a1', 7));
  deepEqual([world.of(1).keys, world.of(1).bytes], [1, 9]);
});

test('rows of other sections are none of a user', () => {
  const world = new World();
  world.counts.want([A]);
  world.walkAll();
  world.counts.apply([{ ...set('a1', 10), section: SECTION.attachments }], () => undefined);
  equal(world.of(1).keys, 0);
});

test('what is written behind the slice, or in it while it is read, counts once', () => {
  const world = new World();
  world.apply(set('a1', 1), set('a2', 2), set('a3', 3));
  world.counts.want([A]);
  const count = world.of(1);
  const slice = count.begin();
  ok(slice !== undefined);
  equal(count.begin(), undefined, 'one slice at a time');
  const seen = world.rows.within(slice).slice(0, 2);
  world.apply(set('a0', 4), set('a2', 20), remove('a1'), set('a3', 30), set('a4', 40));
  count.take(slice, seen);
  world.walkAll();
  deepEqual([count.keys, count.bytes], world.rows.naively(A));
});

test('a slice that too many changes came in the way of is read again', () => {
  const world = new World();
  world.apply(set('a1', 1));
  world.counts.want([A]);
  const count = world.of(1);
  const slice = count.begin();
  ok(slice !== undefined);
  const seen = world.rows.within(slice);
  for (let at = 0; at <= SHARD_LIMITS.countPendingMax; at++) world.apply(set('a1', at % 7));
  count.take(slice, seen);
  deepEqual([count.keys, count.isComplete], [0, false], 'it has no effect any more');
  world.walkAll();
  deepEqual([count.keys, count.bytes], world.rows.naively(A));
});

test('ranges that stay wanted are not walked again, and another state is', () => {
  const world = new World();
  world.apply(set('a1', 1), set('c1', 2));
  world.counts.want([A]);
  world.walkAll();
  const count = world.of(1);
  world.counts.want([counted(2, ['c', '']), { ...A }]);
  equal(world.of(1), count);
  equal(world.of(2).isComplete, false);
  world.walkAll();
  deepEqual([world.of(2).keys, world.of(2).bytes], [1, 4], 'an open end');
  const slice = new RangeCount(A).begin();
  world.counts.restart();
  equal(world.of(1).isComplete, false);
  if (slice !== undefined) world.of(1).take(slice, world.rows.within(slice));
  equal(world.of(1).keys, 0, 'a slice of the former state');
  world.walkAll();
  equal(world.of(1).keys, 1);
  world.counts.want([]);
  deepEqual(world.counts.all, []);
});

test('after any interleaving of entries and slices the counts are those of a recount', () => {
  const wanted = [
    counted(1, ['a', 'b']),
    counted(2, ['', 'a1'], ['a2', 'a5'], ['b', 'b4'], ['b6', 'c3'], ['d', '']),
    counted(3, ['', '']),
  ];
  for (let seed = 1; seed <= 60; seed++) {
    const random = new Random(seed);
    const world = new World();
    const open: { count: RangeCount; slice: Slice; rows: readonly StateRow[] }[] = [];
    const randomKey = () => `${random.pick(['a', 'b', 'c', 'd'])}${random.below(9)}`;
    const write = () =>
      random.chance(0.6) ? set(randomKey(), random.below(200)) : remove(randomKey());
    for (let step = 0; step < 200; step++) {
      if (step === 20) world.counts.want(wanted);
      if (random.chance(0.02)) world.counts.restart();
      world.apply(...Array.from({ length: random.below(4) }, write));
      const count = world.counts.all[random.below(3)];
      const slice = random.chance(0.4) ? count?.begin() : undefined;
      if (count !== undefined && slice !== undefined) {
        open.push({ count, slice, rows: world.rows.within(slice).slice(0, 1 + random.below(4)) });
      }
      if (open.length > 0 && random.chance(0.5)) {
        const [read] = open.splice(random.below(open.length), 1);
        if (read === undefined) continue;
        if (random.chance(0.1)) read.count.giveUp(read.slice);
        else read.count.take(read.slice, read.rows);
      }
    }
    for (const { count, slice } of open) count.giveUp(slice);
    world.walkAll();
    for (const one of wanted) {
      const { keys, bytes, isComplete } = world.of(one.id);
      deepEqual([keys, bytes], world.rows.naively(one), `seed ${seed}, ranges ${one.id}`);
      ok(isComplete);
    }
  }
});
