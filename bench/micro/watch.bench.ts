/** What a change costs a replica until its streams are told, by what is watched. */

import { keyBehind } from '../../src/base/bytes.ts';
import { Random } from '../../src/base/random.ts';
import { ChangedRanges } from '../../src/shard/changed-ranges.ts';
import { SHARD_LIMITS } from '../../src/shard/limits.ts';
import { type WatchBounds, WatchedRanges } from '../../src/shard/watched-ranges.ts';
import { type BenchRow, type BenchTask, measure } from './report.ts';

const CHANGES = 100;
const MANY = 16_384;
const END = new Uint8Array();
const encoder = new TextEncoder();
const keyOf = (at: number) => encoder.encode(`user:${String(at).padStart(6, '0')}`);

export async function run(): Promise<BenchRow[]> {
  return measure([
    task(`a change that none of ${MANY} keys is`, MANY, (at) => keyRange(2 * at)),
    task(`a change that none of ${MANY} ranges holds`, MANY, (at) => pair(4 * at)),
    task(`a change that one of ${MANY} keys is`, MANY, (at) => keyRange(at)),
    task(`a change that one of ${MANY} ranges holds`, MANY, (at) => pair(2 * at)),
    atOnce(`at once: a change that ${MANY} different ranges hold`, (at) => ({
      from: keyOf(0),
      to: keyOf(MANY + at),
    })),
    atOnce(`at once: a change of a range with ${MANY} streams`, () => ({
      from: keyOf(0),
      to: END,
    })),
    task('all of it: a change that 128 ranges hold', 128, (at) => ({
      from: keyOf(0),
      to: keyOf(MANY + at),
    })),
  ]);
}

function keyRange(at: number): WatchBounds {
  return { from: keyOf(at), to: keyBehind(keyOf(at)) };
}

function pair(at: number): WatchBounds {
  return { from: keyOf(at), to: keyOf(at + 2) };
}

function rig(count: number, rangeOf: (at: number) => WatchBounds) {
  const ranges = new WatchedRanges<number>({ random: new Random(1) });
  for (let at = 0; at < count; at++) ranges.add(rangeOf(at), at);
  const { telling: limits } = SHARD_LIMITS;
  const rig = { told: 0, ranges };
  const tell = () => {
    rig.told += 1;
  };
  const items = Array.from({ length: count }, (_, at) => at);
  return { rig, changed: new ChangedRanges<number>({ limits, ranges, items, tell }) };
}

/** Everything that follows from the change. */
function task(name: string, count: number, rangeOf: (at: number) => WatchBounds): BenchTask {
  const { rig: made, changed } = rig(count, rangeOf);
  const keys = Array.from({ length: CHANGES }, (_, at) => keyOf(4 * at * 37 + 3));
  const work = () => {
    for (const key of keys) {
      changed.note(key, { index: 1, term: 1 });
      while (!changed.isEmpty) changed.work();
    }
    return made.told;
  };
  return { name, operations: CHANGES, work };
}

/** What the entry itself takes; the rest follows in the turns of those who read. */
function atOnce(name: string, rangeOf: (at: number) => WatchBounds): BenchTask {
  const { rig: made, changed } = rig(MANY, rangeOf);
  const key = keyOf(77);
  const work = () => {
    changed.note(key, { index: 1, term: 1 });
    changed.work();
    changed.clear();
    return made.told;
  };
  return { name, operations: 1, work };
}
