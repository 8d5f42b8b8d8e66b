/** One seed of watches in a world that breaks: their consumers, their nodes, and what they met. */

import { ok } from 'node:assert/strict';
import { Random } from '../../../src/base/random.ts';
import type { KeyRange } from '../../../src/client/core/range.ts';
import { HistoryWorld } from '../../shard/history-world.ts';
import { WatchClient } from './watch-client.ts';
import { type Saved, WatchConsumer } from './watch-consumer.ts';
import { WatchNodes } from './watch-nodes.ts';
import { World } from './world.ts';

const STEPS = 700;
const STEP_MILLISECONDS = 40;
const QUIET = { refusal: 0, loss: 0, repetition: 0, muteness: 0 };
const SHARDS = 2;
const text = new TextEncoder();
const RANGES: readonly [KeyRange, KeyRange, KeyRange] = [
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
  const trial = { world, random, nodes, shards, add };
  // Watches of one range share streams as far as they can.
  const customers = Array.from({ length: 1 + (seed % 4) }, () => new Customer(trial));
  const client = new WatchClient(trial);
  for (const customer of customers) customer.begin(client);
  const pass = () => {
    nodes.pump();
    world.runUntil(world.now + STEP_MILLISECONDS);
    client.tick();
  };
  for (let step = 0; step < STEPS; step++) {
    for (const shard of shards) if (random.chance(0.7)) shard.step();
    pass();
    if (random.chance(0.01)) client.cut();
    for (const customer of customers) customer.step(client);
  }
  nodes.faults = QUIET;
  for (const shard of shards) shard.settle();
  const isCurrent = () => customers.every((customer) => customer.consumer.isCurrent);
  for (let round = 0; round < 2000 && !isCurrent(); round++) {
    pass();
    for (const customer of customers) customer.catchUp(client);
  }
  ok(isCurrent(), 'a watch is told everything once all is repaired');
  for (const customer of customers) customer.finish();
  pass();
  client.end();
  for (const notice of client.notices) add({ [notice]: 1 });
  add(nodes.counts);
  ok(nodes.streams === 0, 'no stream outlives its client');
  return sums;
}

interface Trial {
  readonly world: World;
  readonly random: Random;
  readonly nodes: WatchNodes;
  readonly shards: readonly HistoryWorld[];
  readonly add: (counts: Sums) => void;
}

/** Begins watches, and consumes them at a pace of its own. */
class Customer {
  readonly #trial: Trial;
  readonly #range: (typeof RANGES)[number];
  readonly #keysOnly: boolean;
  #consumer: WatchConsumer | undefined;
  #saved: Saved | undefined;
  #pause = 0;

  constructor(trial: Trial) {
    this.#trial = trial;
    const { random } = trial;
    this.#range = random.chance(0.7) ? RANGES[1] : random.pick(RANGES);
    this.#keysOnly = random.chance(0.2);
  }

  get consumer(): WatchConsumer {
    return this.#consumer as WatchConsumer;
  }

  begin(client: WatchClient): void {
    const { random, shards, add } = this.#trial;
    const isResumed = this.#saved !== undefined && random.chance(0.7);
    const trackedKeysMax = random.pick([1000, 1000, 8, 0]);
    const terms = { trackedKeysMax, keysOnly: this.#keysOnly };
    add({ begun: 1, resumed: isResumed ? 1 : 0 });
    const saved = isResumed ? this.#saved : undefined;
    const range = this.#range;
    this.#consumer = new WatchConsumer({ client, random, shards, range, saved, terms });
  }

  step(client: WatchClient): void {
    const { random, add } = this.#trial;
    const { consumer } = this;
    if (random.chance(0.02)) consumer.sync();
    if (random.chance(0.1)) consumer.check();
    if (random.chance(0.01)) this.#pause = random.below(100);
    this.#pause = Math.max(0, this.#pause - 1);
    if (this.#pause === 0) consumer.consume(random.below(20));
    if (random.chance(0.01)) this.#saved = consumer.save() ?? this.#saved;
    const { failure } = consumer.queue;
    if (failure !== undefined) {
      ok(failure.code === 'watch-too-slow', `${failure.code}: ${failure.message}`);
      add({ tooSlow: 1 });
    }
    if (failure !== undefined || random.chance(0.004)) this.#renew(client);
  }

  /** Everything is repaired. */
  catchUp(client: WatchClient): void {
    this.consumer.consume(1000);
    if (this.consumer.queue.failure !== undefined) this.#renew(client);
  }

  finish(): void {
    this.consumer.check();
    this.#end();
  }

  #renew(client: WatchClient): void {
    this.#end();
    this.begin(client);
  }

  #end(): void {
    this.consumer.end();
    this.#trial.add(this.consumer.counts);
  }
}
