/** Streams at replicas that lag, restart, install snapshots and forget: each copy is exact. */

import { deepEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../src/base/random.ts';
import { decodeChanges } from '../../src/machine/change-codec.ts';
import { History } from '../../src/shard/history.ts';
import { Stream } from '../../src/shard/stream.ts';
import { bytesOf } from '../machine/machine-rig.ts';
import { casesByEffort } from '../support/effort.ts';
import { HistoryWorld } from './history-world.ts';
import { StreamReader } from './stream-reader.ts';

const SEEDS = casesByEffort([1, 2, 3, 4, 5, 6], { brief: 2 });
const STEPS = 1500;
const BUDGETS = [1e8, 3000, 8000];
const OPEN = new Uint8Array();

test('an entry ends with a message of its own if no more of it matches', () => {
  const history = new History({ index: 0, term: 0 }, { entryBytesMax: 1e6, slabBytes: 1e4 });
  const change = { kind: 'set', previous: 0, version: 1, value: OPEN, isLast: true } as const;
  const changes = ['a', 'x'].map((key, transaction) => {
    return { ...change, key: bytesOf(key), transaction };
  });
  history.add({ index: 1, term: 1 }, changes);
  const range = { from: bytesOf('a'), to: bytesOf('b') };
  const start = { position: { index: 0, term: 0 }, cursor: undefined };
  const stream = new Stream({ range, start, credit: 1e6, keysOnly: false });
  const told = [1, 2, 3].map(() => {
    const step = stream.next(history, { bytesMax: 1e6, changesMax: 1 });
    if (step.type !== 'changes') return step.type;
    return `${step.after.index} to ${step.through.index}: ${decodeChanges(step.block)?.length}`;
  });
  deepEqual(told, ['0 to 0: 1', '0 to 1: 0', 'synced']);
});

for (const seed of SEEDS) {
  const bytesMax = BUDGETS[seed % BUDGETS.length] as number;
  test(`seed ${seed}, ${bytesMax} bytes: a reader's copy is as the shard was`, () => {
    const random = new Random(seed);
    const world = new HistoryWorld({ random: random.fork('world'), bytesMax, recordChance: 0.3 });
    const ranges = [
      { from: OPEN, to: OPEN },
      { from: bytesOf('k'), to: OPEN },
      { from: OPEN, to: bytesOf('k1') },
    ];
    const readers = ranges.map((range, at) => {
      return new StreamReader(world, range, random.fork(`reader ${at}`));
    });
    for (let step = 0; step < STEPS; step++) {
      world.step();
      for (const reader of readers) for (let at = random.below(6); at > 0; at--) reader.step();
    }
    world.settle();
    for (const reader of readers) {
      for (let step = 0; step < 20_000 && !reader.isSynced; step++) reader.step();
      ok(reader.isSynced, JSON.stringify(reader.counts));
    }
    const [whole] = readers as [StreamReader, ...StreamReader[]];
    const { synced, parts, pages, resumed, blocked } = whole.counts;
    ok(synced > 20 && parts > 5 && pages > 20 && blocked > 5, JSON.stringify(whole.counts));
    ok(resumed > 20, JSON.stringify(whole.counts));
  });
}
