/** Which items are told of changed keys, in how many steps, and what is known meanwhile. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { keyBehind } from '../../src/base/bytes.ts';
import { Random } from '../../src/base/random.ts';
import type { Position } from '../../src/raft/position.ts';
import { ChangedRanges, type TellingLimits } from '../../src/shard/changed-ranges.ts';
import {
  type WatchBounds,
  type WatchedRange,
  WatchedRanges,
} from '../../src/shard/watched-ranges.ts';
import { bytesOf } from '../machine/machine-rig.ts';
import { byEffort } from '../support/effort.ts';

const OPEN = new Uint8Array();
const keyAt = (at: number) => Uint8Array.of(at);

class World {
  readonly ranges = new WatchedRanges<number>({ random: new Random(1) });
  /** The range of each item. */
  readonly items = new Map<number, WatchedRange<number>>();
  readonly changed: ChangedRanges<number>;
  /** Before the first change that each item was not told of. */
  readonly owed = new Map<number, number>();
  /** Ranges that were visited. */
  found = 0;
  told = 0;
  index = 0;

  constructor(limits: TellingLimits) {
    const all = { [Symbol.iterator]: () => this.items.keys() };
    const tell = (item: number, before: Position) => this.#tell(item, before);
    this.changed = new ChangedRanges<number>({ limits, ranges: this.#counted(), items: all, tell });
  }

  #counted(): Pick<WatchedRanges<number>, 'size' | 'visit'> {
    const { ranges } = this;
    return {
      get size() {
        return ranges.size;
      },
      visit: (key, behind, visit) => {
        return ranges.visit(key, behind, (range) => {
          this.found += 1;
          return visit(range);
        });
      },
    };
  }

  add(item: number, range: WatchBounds): void {
    this.items.set(item, this.ranges.add(range, item));
  }

  remove(item: number): void {
    const range = this.items.get(item);
    ok(range !== undefined);
    this.items.delete(item);
    this.owed.delete(item);
    this.ranges.remove(range, item);
    if (range.items.size === 0) this.changed.forget(range);
  }

  change(key: Uint8Array): void {
    const before = { index: this.index, term: 1 };
    this.index += 1;
    for (const [item, range] of this.items) {
      const isIn = Buffer.compare(key, range.from) >= 0 && isBefore(key, range.to);
      if (isIn && !this.owed.has(item)) this.owed.set(item, before.index);
    }
    this.changed.note(key, before);
    this.check();
  }

  work(): number {
    const steps = this.changed.work();
    this.check();
    return steps;
  }

  /** Nothing that an item was not told of is unknown. */
  check(): void {
    for (const [item, before] of this.owed) {
      const range = this.items.get(item) as WatchedRange<number>;
      const known = this.changed.before(range)?.index;
      ok(known !== undefined && known <= before, `${item} was not told behind ${before}: ${known}`);
    }
    if (this.changed.isEmpty) equal(this.owed.size, 0);
  }

  #tell(item: number, { index }: Position): void {
    this.told += 1;
    ok(this.items.has(item), 'an item that is gone is told nothing');
    const owed = this.owed.get(item);
    ok(owed === undefined || index <= owed, `${item} is told behind ${index}, not ${owed}`);
    this.owed.delete(item);
  }
}

function isBefore(key: Uint8Array, end: Uint8Array): boolean {
  return end.length === 0 || Buffer.compare(key, end) < 0;
}

test('a change costs so many steps at once, however many watch its key', () => {
  const world = new World({ stepsMax: 16, keysMax: 100 });
  for (let at = 0; at < 1000; at++) world.add(at, { from: keyAt(0), to: bytesOf(`z${at}`) });
  for (let at = 1000; at < 2000; at++) world.add(at, { from: keyAt(7), to: keyBehind(keyAt(7)) });
  world.change(keyAt(7));
  deepEqual([world.found, world.told], [16, 0]);
  let steps = 0;
  for (let calls = 0; !world.changed.isEmpty; calls++) {
    const taken = world.work();
    ok(taken <= 16 && calls < 1000);
    steps += taken;
  }
  deepEqual([world.found, world.told], [1001, 2000]);
  // Each range is found and each item told, and each range and key ends once.
  ok(steps < 4300, `${steps}`);
});

test('a key that is not watched costs one search, and one that few watch is told at once', () => {
  const world = new World({ stepsMax: 16, keysMax: 100 });
  for (let at = 0; at < 200; at++) world.add(at, { from: keyAt(at), to: keyAt(at + 1) });
  world.change(keyAt(250));
  ok(world.changed.isEmpty);
  world.change(keyAt(100));
  ok(world.work() <= 3);
  ok(world.changed.isEmpty);
  equal(world.told, 1);
});

test('keys that change faster than their ranges are found are bounded, and reach all items', () => {
  const world = new World({ stepsMax: 2, keysMax: 10 });
  for (let at = 0; at < 100; at++) world.add(at, { from: keyAt(0), to: keyAt(100 + at) });
  const told = new Set<number>();
  for (let round = 0; round < 2000; round++) {
    world.change(keyAt(150 + (round % 40)));
    world.work();
    for (const item of world.items.keys()) if (!world.owed.has(item)) told.add(item);
  }
  for (let at = 0; at < 100; at++) ok(told.has(at), `item ${at} was told in between`);
  while (!world.changed.isEmpty) world.work();
  deepEqual(world.owed, new Map());
});

const SEEDS = byEffort({ full: 40, brief: 6 });

for (let seed = 1; seed <= SEEDS; seed++) {
  test(`seed ${seed}: what items were not told of is known, and they are told`, () => {
    const random = new Random(seed);
    const limits = { stepsMax: 1 + random.below(6), keysMax: 1 + random.below(6) };
    const world = new World(limits);
    let next = 0;
    for (let step = 0; step < 400; step++) {
      if (random.chance(0.3) && world.items.size < 40) {
        const from = random.below(10);
        const to = random.chance(0.2) ? OPEN : keyAt(from + 1 + random.below(6));
        const isKey = random.chance(0.3);
        world.add(next, { from: keyAt(from), to: isKey ? keyBehind(keyAt(from)) : to });
        next += 1;
      }
      if (world.items.size > 0 && random.chance(0.1)) {
        world.remove(random.pick([...world.items.keys()]) as number);
      }
      if (random.chance(0.5)) world.change(keyAt(random.below(16)));
      if (random.chance(0.6)) world.work();
      if (random.chance(0.01)) {
        world.changed.clear();
        world.owed.clear();
      }
    }
    for (let calls = 0; !world.changed.isEmpty; calls++) {
      ok(calls < 10_000);
      world.work();
    }
    deepEqual(world.owed, new Map());
  });
}
