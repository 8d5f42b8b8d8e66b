/** One seed of a watch in a world that breaks: its consumer, its nodes, and what they met. */

import { ok } from 'node:assert/strict';
import { Random } from '../../../src/base/random.ts';
import { HistoryWorld } from '../../shard/history-world.ts';
import { type Saved, WatchConsumer } from './watch-consumer.ts';
import { WatchNodes } from './watch-nodes.ts';
import { World } from './world.ts';

const STEPS = 700;
const STEP_MILLISECONDS = 40;
const QUIET = { refusal: 0, loss: 0, repetition: 0, muteness: 0 };
const SHARDS = 2;
const text = new TextEncoder();
const RANGES = [
  { from: new Uint8Array(0), to: new Uint8Array(0) },
  { from: text.encode('key 1'), to: text.encode('key 2') },
  { from: text.encode('key 2'), to: text.encode('key 7') },
];

export interface Sums {
  [name: string]: number;
}

export function runWatchSeed(seed: number): Sums {
  const random = new Random(seed);
  const world = new World();
  const bytesMax = [1e8, 4000, 20_000][seed % 3] as number;
  const recordChance = 0.3 + 0.6 * random.fraction();
  const shards = Array.from({ length: SHARDS }, (_, at) => {
    return new HistoryWorld({ random: random.fork(`shard ${at}`), bytesMax, recordChance });
  });
  const faults = { refusal: 0.05, loss: 0.004, repetition: 0.004, muteness: 0.03 };
  const nodes = new WatchNodes({ shards, random: random.fork('nodes'), faults });
  const sums: Sums = {};
  const add = (counts: Sums) => {
    for (const [name, count] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) + count;
  };
  let saved: Saved | undefined;
  const range = random.pick(RANGES);
  const keysOnly = random.chance(0.2);
  const begin = (): WatchConsumer => {
    const isResumed = saved !== undefined && random.chance(0.7);
    const trackedKeysMax = random.pick([1000, 1000, 8, 0]);
    const terms = { trackedKeysMax, keysOnly };
    add({ begun: 1, resumed: isResumed ? 1 : 0 });
    const from = isResumed ? saved : undefined;
    return new WatchConsumer({ world, random, nodes, shards, range, saved: from, terms });
  };
  let consumer = begin();
  const finish = () => {
    consumer.end();
    add(consumer.counts);
    for (const notice of consumer.notices) add({ [notice]: 1 });
  };
  const pass = () => {
    nodes.pump();
    world.runUntil(world.now + STEP_MILLISECONDS);
    consumer.tick();
  };
  const renew = () => {
    finish();
    consumer = begin();
  };
  let pause = 0;
  for (let step = 0; step < STEPS; step++) {
    for (const shard of shards) if (random.chance(0.7)) shard.step();
    pass();
    disturb(consumer, random);
    if (random.chance(0.01)) pause = random.below(100);
    pause = Math.max(0, pause - 1);
    if (pause === 0) consumer.consume(random.below(20));
    if (random.chance(0.01)) saved = consumer.save() ?? saved;
    const { failure } = consumer.queue;
    if (failure !== undefined) {
      ok(failure.code === 'watch-too-slow', `${failure.code}: ${failure.message}`);
      add({ tooSlow: 1 });
    }
    if (failure !== undefined || random.chance(0.004)) renew();
  }
  nodes.faults = QUIET;
  for (const shard of shards) shard.settle();
  for (let round = 0; round < 2000 && !consumer.isCurrent; round++) {
    pass();
    consumer.consume(1000);
    if (consumer.queue.failure !== undefined) renew();
  }
  ok(consumer.isCurrent, 'a watch is told everything once all is repaired');
  consumer.check();
  finish();
  add(nodes.counts);
  ok(nodes.streams === 0, 'no stream outlives its client');
  return sums;
}

function disturb(consumer: WatchConsumer, random: Random): void {
  if (random.chance(0.01)) consumer.cut();
  if (random.chance(0.02)) consumer.sync();
  if (random.chance(0.1)) consumer.check();
}
